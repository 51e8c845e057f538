/**
 * What a real kube-proxy and a real kernel answer about themselves, in order and not: as read through the node's network,
 * judged by the checks of the hundred 6, and held to real connections.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXTRAS } from '../../src/collect/node-commands.ts';
import type { Report } from '../../src/model/report.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';
import { NODES } from './topology.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const NODE = 'rain-kubernetes-2';

/** The lab's nodes have Node.js; curl they may not have. */
const GET = `fetch(process.argv[1]).then(async (a) => process.stdout.write('HTTP ' + a.status + '\\n' + await a.text()))`;

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(
  `the condition of real nodes${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await startLab();
    }, 900_000);

    afterAll(async () => {
      await lab?.down();
    });

    async function get(node: string, url: string): Promise<string> {
      return (await lab.exec(node, [process.execPath, '-e', GET, url])).stdout;
    }

    /** A snapshot with all that a node can tell of itself. */
    async function snapshot(name: string): Promise<string> {
      const folder = join(lab.dir, name);
      await lab.record(folder);
      for (const { name: node } of NODES) {
        const write = (file: string, text: string): void => {
          writeFileSync(join(folder, 'nodes', node, file), text);
        };
        write('kube-proxy-healthz.txt', await get(node, 'http://127.0.0.1:10256/healthz'));
        write('kube-proxy-metrics.txt', await get(node, 'http://127.0.0.1:10249/metrics'));
        const mode = await get(node, 'http://127.0.0.1:10249/proxyMode');
        write('kube-proxy-proxyMode.txt', mode.replace(/^HTTP 200\n/, ''));
        for (const { argv, file } of EXTRAS) if (file !== null) write(file, (await lab.exec(node, argv)).stdout);
      }
      return folder;
    }

    function check(...flags: readonly string[]): Report {
      const argv = [RUN, 'check', 'hostnames', '-o', 'json', ...flags];
      const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 60_000 });
      if (stdout === '') throw new Error(`check printed nothing: ${stderr}`);
      return JSON.parse(stdout) as Report;
    }

    it('all is in order', async () => {
      const report = check('--from', await snapshot('healthy'));
      expect(report.findings).toEqual([]);
      expect(report.coverage.nodes.map(({ mode, kubeProxyVersion }) => [mode, kubeProxyVersion])).toEqual(
        NODES.map(() => ['iptables', expect.stringMatching(/^1\.\d+\.\d+$/)]),
      );
    }, 60_000);

    it('kube-proxy that cannot write says so itself, a minute later', async () => {
      await lab.break('kube-proxy-refused');
      try {
        await expect
          .poll(async () => get(NODE, 'http://127.0.0.1:10256/healthz'), { timeout: 150_000, interval: 3000 })
          .toMatch(/^HTTP 503/);
        const { findings } = check('--from', await snapshot('refused'));
        expect(findings.map(({ code }) => code).toSorted()).toEqual(['SVC326', 'SVC603']);
        const refused = findings.find(({ code }) => code === 'SVC603');
        expect(refused?.nodes).toEqual([NODE]);
        expect(refused?.found).toMatch(/IPv4: \/healthz answers 503.*; \d+ writes have failed since it was started/);
        // A restart would not help: it would be refused again.
        const stale = findings.find(({ code }) => code === 'SVC326');
        expect(stale?.fix.join()).not.toContain('delete pod');
      } finally {
        await lab.heal();
      }
      expect(check('--from', await snapshot('healed')).findings).toEqual([]);
    }, 300_000);

    it('a node that does not forward loses what its finding says', async () => {
      await lab.break('forwarding-off');
      try {
        const flags = ['--ssh-config', lab.sshConfig, '--kubeconfig', lab.kubeconfig];
        const { findings } = check(...flags);
        expect(findings.map(({ code, nodes, confidence }) => [code, nodes, confidence])).toEqual([
          ['SVC605', [NODE], 'certain'],
        ]);
        const nodeIp = lab.nodes.find(({ name }) => name === NODE)?.ip ?? '';
        const flows = [
          { from: 'pod/client-1', to: '10.111.231.44:80', words: 'from its pods to 10.111.231.44:80' },
          { from: 'external', to: `${nodeIp}:30000`, words: 'from outside to node port 30000' },
        ];
        for (const { from, to, words } of flows) {
          expect(findings[0]?.impact).toContain(words);
          const connections = await lab.connect({ from, to, count: 10, timeoutMs: 1500 });
          expect(connections.filter(({ kind }) => kind === 'answered')).toEqual([]);
        }
        // The node's own packets are not forwarded, and nothing is said of them.
        expect(findings[0]?.impact).not.toContain('the node itself');
        const own = await lab.connect({ from: `node/${NODE}`, to: '10.111.231.44:80', count: 10, timeoutMs: 1500 });
        expect(own.some(({ kind }) => kind === 'answered')).toBe(true);
      } finally {
        await lab.heal();
      }
      const back = await lab.connect({ from: 'external', to: '172.31.0.12:30000', count: 6, timeoutMs: 3000 });
      expect(back.every(({ kind }) => kind === 'answered')).toBe(true);
    }, 180_000);
  },
);
