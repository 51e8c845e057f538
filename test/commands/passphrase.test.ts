import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type ApiObject, startFakeApi } from '../collect/cluster/fake-api.ts';
import { atTerminal, lacksTerminal, questionsOn } from '../collect/ssh/at-terminal.ts';
import { describeWithSshd, SshLab } from '../collect/ssh/sshd.ts';
import { lacksIptables } from '../collect/ssh/node-lab.ts';
import { ROOT } from '../golden.ts';

vi.setConfig({ testTimeout: 120_000 });

const RECORDING = join(ROOT, 'test/fixtures/recordings/hostnames-1.37-iptables-nft');

describeWithSshd('check at a terminal', () => {
  const lab = new SshLab();
  const key = lab.key('ed25519', 'open sesame');

  test.skipIf(lacksTerminal || lacksIptables)(
    'asks for a passphrase once, outside of the time of nodes, for both looks',
    async () => {
      // Damaged rules: what is found is looked at a second time.
      const namespace = lab.start('unshare', ['-n', 'sleep', '600']);
      const save = readFileSync(join(RECORDING, 'nodes/rain-kubernetes-1/iptables-nft-save'), 'utf8');
      // Without what this kernel may not have: accounting.
      const damaged = save.replaceAll(/^.*(?:--to-destination 10\.168\.1\.12:9376|-m nfacct .*)\n/gm, '');
      const restore = ['-t', String(namespace.pid), '-n', 'iptables-nft-restore'];
      execFileSync('nsenter', restore, { input: damaged, stdio: ['pipe', 'ignore', 'inherit'] });
      const enter = `nsenter -t ${String(namespace.pid)} -n sh -c "$SSH_ORIGINAL_COMMAND"`;
      const server = await lab.sshd({ userKeys: [key], lines: [`ForceCommand ${enter}`] });
      const config = lab.config({ key, knownHosts: lab.knownHosts(server) });
      const api = await startFakeApi();
      const recorded = (name: string): ApiObject[] => {
        const file = join(RECORDING, 'cluster', `${name}.json`);
        return (JSON.parse(readFileSync(file, 'utf8')) as { items: ApiObject[] }).items;
      };
      api.objects.set('/api/v1/namespaces/default/services', recorded('services'));
      api.objects.set('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', recorded('endpointslices'));
      const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
      api.objects.set(
        '/api/v1/nodes',
        recorded('nodes').map((node) => ({ ...node, status: { addresses } })),
      );
      const flags = `--server ${api.url} --via ssh --ssh-config ${config} --ssh-port ${server.port} --node-timeout 20s --settle 1s`;
      const environment = `HOME=${lab.folder} KUBECONFIG=/nonexistent`;
      const program = `${environment} ${process.execPath} ${join(ROOT, 'bin/dev.js')} check hostnames ${flags}`;
      const screen = await atTerminal(program, ['open sesame\r'], { thinkMs: 22_000 });
      await api.close();
      expect(questionsOn(screen)).toBe(1);
      expect(screen).not.toContain('sesame');
      expect(screen).toContain('looking again in 1 s');
      expect(screen).toContain('is broken on 3 of 3 nodes');
      const [before, after] = screen.split("Enter passphrase for key '");
      expect(before?.endsWith('reading nodes … 0 of 3\r\u001b[K')).toBe(true);
      expect(after).toMatch(/^[^\n]*': \r\n/);
      expect(server.log().match(/Accepted publickey/g)).toHaveLength(6);
    },
  );
});
