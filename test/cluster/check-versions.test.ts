/** Other versions, back ends and settings of kube-proxy: no false alarm, and damage is found all the same. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import { labUnavailable, startLab, type Lab, type LabOptions } from './lab.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

const BREAKS: Readonly<Record<string, string>> = {
  'sep-dnat-deleted': 'SVC321',
  'balancing-missing': 'SVC331',
  'entry-nodeport-missing': 'SVC302',
  'masquerade-missing': 'SVC343',
  'wrong-mark': 'SVC342',
};

const WORLDS: readonly { readonly name: string; readonly options: Partial<LabOptions> }[] = [
  { name: '1.24.17 on the legacy back end', options: { kubeProxy: '1.24.17', backend: 'legacy' } },
  { name: '1.28.15 on the nft back end', options: { kubeProxy: '1.28.15', backend: 'nft' } },
  { name: '1.33.13 on the legacy back end', options: { kubeProxy: '1.33.13', backend: 'legacy' } },
  {
    name: '1.37.2 with another mark, masquerading all, without a cluster CIDR',
    options: { kubeProxy: '1.37.2', backend: 'nft', masqueradeAll: true, markBit: 15, clusterCidr: null },
  },
];

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(
  `check against kube-proxy of other versions${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    it.each(WORLDS)(
      '$name',
      async ({ options }) => {
        const lab = await startLab(options);
        try {
          expect(check(lab)).toMatchObject({ findings: [], notes: [], verdict: { outcome: 'healthy', exitCode: 0 } });
          for (const [name, code] of Object.entries(BREAKS)) {
            await lab.break(name);
            const report = check(lab);
            expect(
              report.findings.map((finding) => [finding.code, ...finding.nodes]),
              name,
            ).toEqual([[code, 'rain-kubernetes-2']]);
            await lab.heal();
          }
          expect(check(lab).findings).toEqual([]);
        } finally {
          await lab.down();
        }
      },
      900_000,
    );
  },
);

function check(lab: Lab): Report {
  const argv = [
    RUN,
    'check',
    '--all-namespaces',
    '--ssh-config',
    lab.sshConfig,
    '--kubeconfig',
    lab.kubeconfig,
    '-o',
    'json',
  ];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 60_000 });
  if (stdout === '') throw new Error(`check printed nothing: ${stderr}`);
  return JSON.parse(stdout) as Report;
}
