/** kube-proxy pods in trouble, in a cluster with real kubelets: found without SSH where there is a way, with their own words. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding, Report } from '../../src/model/report.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const NODE = 'rain-kubernetes-2';

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(
  `kube-proxy pods in trouble${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await startLab({ full: true });
    }, 900_000);

    afterAll(async () => {
      await lab?.down();
    });

    function check(...flags: readonly string[]): Report {
      const argv = [RUN, 'check', 'hostnames', '--kubeconfig', lab.kubeconfig, '-o', 'json', ...flags];
      const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 120_000 });
      if (stdout === '') throw new Error(`check printed nothing: ${stderr}`);
      return JSON.parse(stdout) as Report;
    }

    function kubectl(args: readonly string[], input = ''): string {
      const argv = ['--kubeconfig', lab.kubeconfig, ...args];
      const { status, stdout, stderr } = spawnSync(lab.kubectl, argv, { encoding: 'utf8', input });
      if (status !== 0) throw new Error(stderr);
      return stdout;
    }

    const podOf = (node: string, output: string): string =>
      kubectl(
        `-n kube-system get pods -l k8s-app=kube-proxy --field-selector spec.nodeName=${node} -o ${output}`.split(' '),
      ).trim();

    it('is silent where all is in order', () => {
      expect(check('--via', 'kube-proxy').findings).toEqual([]);
    }, 180_000);

    it('shows the line with which a write was refused', async () => {
      await lab.break('kube-proxy-refused');
      try {
        let refused: Finding | undefined;
        const look = (): Finding | undefined => {
          refused = check('--via', 'kube-proxy').findings.find(({ code }) => code === 'SVC603');
          return refused;
        };
        await expect.poll(look, { timeout: 240_000, interval: 10_000 }).toBeDefined();
        expect(refused?.nodes).toEqual([NODE]);
        expect(refused?.found).toMatch(
          /writes have failed since it was started; it logs: .*iptables-restore.*KUBE-SEP-/,
        );
        expect(refused?.fix).toEqual([expect.stringMatching(/^kubectl -n kube-system logs kube-proxy-\w+ --tail=50$/)]);
      } finally {
        await lab.heal();
      }
    }, 420_000);

    it('says why a container is started again and again', async () => {
      const map = JSON.parse(kubectl('-n kube-system get configmap kube-proxy -o json'.split(' '))) as {
        readonly data: Readonly<Record<string, string>>;
      };
      const right = map.data['config.conf'] ?? '';
      const configure = (text: string): void => {
        const patch = JSON.stringify({ data: { 'config.conf': text } });
        kubectl([...'-n kube-system patch configmap kube-proxy -p'.split(' '), patch]);
      };
      configure(right.replace(/^mode:.*$/m, 'mode: nonsense'));
      try {
        const pod = podOf(NODE, 'name');
        kubectl(['-n', 'kube-system', 'delete', pod, '--wait=true']);
        let found: string | undefined;
        // Between two starts its state is that it ended, then that it waits; while it starts nobody can tell.
        const look = (): string | undefined => {
          const { findings } = check('--via', 'ssh', '--ssh-config', lab.sshConfig);
          found = findings.find(({ code, nodes }) => code === 'SVC601' && nodes.join() === NODE)?.found;
          return found;
        };
        await expect.poll(look, { timeout: 120_000, interval: 2000 }).toBeDefined();
        expect(found).toMatch(
          /does not run: (CrashLoopBackOff|Error, exit code 1), \d+ restarts.*; it logs: .*nonsense/,
        );
      } finally {
        configure(right);
        kubectl(['-n', 'kube-system', 'delete', podOf(NODE, 'name')]);
      }
    }, 300_000);
  },
);
