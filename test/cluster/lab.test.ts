import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BREAKS, HOSTNAMES, NODES, labUnavailable, startLab, tally } from './lab.ts';
import type { Lab } from './lab.ts';
import { expectNothingLeft, machineNetwork } from './leftovers.ts';
import { requireSuccess, run } from './process.ts';
import { essence, parseSave } from './rules.ts';
import { waitFor } from './wait.ts';

const unavailable = labUnavailable();
if (unavailable !== null) console.warn(`skipped: ${unavailable}`);

/** The first lab of a machine builds Kubernetes. */
const COLD = 30 * 60_000;
const VIP = `${HOSTNAMES.clusterIp}:${HOSTNAMES.port}`;
const ALL_PODS = ['hostnames-0', 'hostnames-1', 'hostnames-2'];
const BROKEN = 'rain-kubernetes-2';
/** Runs inside a lab, and sees the processes of that lab only. */
const KILL_KUBE_PROXY = 'kill -9 $(grep -l "override=rain-kubernetes-[2]" /proc/[0-9]*/cmdline | cut -d/ -f3)';

async function rulesOf(lab: Lab, node: string): Promise<string> {
  const { backend } = lab.options;
  const saves = ['iptables', 'ip6tables'].map((family) => lab.exec(node, [`${family}-${backend}-save`]));
  return (await Promise.all(saves)).map((save) => essence(requireSuccess(save).stdout)).join('\n');
}

async function stateOf(lab: Lab, node: string): Promise<string> {
  const policy = requireSuccess(await lab.exec(node, [`iptables-${lab.options.backend}`, '-S', 'FORWARD'])).stdout;
  const forward = (await lab.exec(node, ['cat', '/proc/sys/net/ipv4/ip_forward'])).stdout;
  const { nodes } = await lab.status();
  const processes = JSON.stringify(nodes.map(({ kubeProxy, sshd }) => [kubeProxy, sshd]));
  return [await rulesOf(lab, node), policy.split('\n')[0], forward, processes].join('\n');
}

async function ssh(lab: Lab, target: string, command: string): Promise<string> {
  return requireSuccess(await run(['ssh', '-F', lab.sshConfig, '-o', 'BatchMode=yes', target, command])).stdout;
}

describe.skipIf(unavailable !== null)('a cluster lab', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ name: 'test' });
  }, COLD);
  afterAll(() => lab?.down());

  it.each(['pod/client-0', 'pod/hostnames-1', `node/${BROKEN}`, 'external'])(
    'lets %s reach every endpoint through the cluster IP',
    async (from) => {
      const counts = tally(await lab.connect({ from, to: VIP, count: 50 }));
      expect(Object.keys(counts).sort()).toEqual(ALL_PODS);
    },
  );

  it.each(NODES)('answers on the node port of $name, masqueraded with its address', async ({ ip }) => {
    const connections = await lab.connect({ from: 'external', to: `${ip}:${HOSTNAMES.nodePort}`, count: 50 });
    expect(Object.keys(tally(connections)).sort()).toEqual(ALL_PODS);
    expect(new Set(connections.map((one) => one.kind === 'answered' && one.source))).toEqual(new Set([ip]));
  });

  it('lets pods reach the API server through its Service', async () => {
    const [connection] = await lab.connect({ from: 'pod/client-2', to: '10.96.0.1:443' });
    expect(connection).toMatchObject({ kind: 'answered', detail: expect.stringContaining('400 Bad Request') });
  });

  it.each([
    ['root', BROKEN, 'iptables-nft-save'],
    ['root', '172.31.0.12', 'iptables-nft-save'],
    ['operator', BROKEN, 'sudo -n iptables-nft-save'],
  ])('lets %s log in to %s with its real host key', async (user, host, command) => {
    const seen = await ssh(lab, `${user}@${host}`, `hostname; ${command}`);
    expect(seen.split('\n')[0]).toBe(BROKEN);
    expect(parseSave(seen).length).toBeGreaterThan(30);
  });

  it('refuses to let anybody log in to a node without sshd', async () => {
    await lab.break('sshd-down');
    await expect(ssh(lab, BROKEN, 'hostname')).rejects.toThrow(/Connection refused/);
    await lab.heal();
    expect(await ssh(lab, BROKEN, 'hostname')).toBe(`${BROKEN}\n`);
  });

  it('serves kubectl', async () => {
    const argv = [lab.kubectl, '--kubeconfig', lab.kubeconfig, 'get', 'endpointslices', '-o', 'json'];
    const slices = requireSuccess(await run(argv)).stdout;
    for (const ip of ['10.168.0.10', '10.168.1.12', '10.168.2.21']) expect(slices).toContain(`"${ip}"`);
  });

  it.each(BREAKS.filter(({ full }) => !full))(
    'has the break $name, and heals it',
    { timeout: 60_000 },
    async ({ name }) => {
      const healthy = await stateOf(lab, BROKEN);
      const { did } = await lab.break(name);
      expect(did).not.toEqual([]);
      const slices = await lab.exec(undefined, [
        lab.kubectl,
        '--kubeconfig',
        '/run/lab/controller-manager.kubeconfig',
        'get',
        'pods',
      ]);
      const moved = slices.stdout.includes('hostnames-3');
      expect((await stateOf(lab, BROKEN)) !== healthy || moved).toBe(true);
      await lab.heal();
      expect(await stateOf(lab, BROKEN)).toBe(healthy);
      const counts = tally(await lab.connect({ from: `node/${BROKEN}`, to: VIP, count: 50 }));
      expect(Object.keys(counts).sort()).toEqual(ALL_PODS);
    },
  );

  it.each([
    ['sep-dnat-deleted', 'pod/client-1', VIP, ['hostnames-0', 'hostnames-2']],
    ['sep-wrong-port', 'pod/client-1', VIP, ['hostnames-0', 'hostnames-2', 'refused']],
    ['sep-wrong-address', `node/${BROKEN}`, VIP, ['hostnames-0', 'hostnames-2', 'timeout']],
    ['entry-foreign-chain', 'pod/client-1', VIP, ['other-0']],
    ['entry-nodeport-missing', 'external', '172.31.0.12:30000', ['refused']],
    ['mark-masq-missing-ext', 'external', '172.31.0.12:30000', ['hostnames-1', 'timeout']],
    ['kube-proxy-dead', 'pod/client-1', VIP, ['hostnames-0', 'hostnames-2', 'timeout']],
    ['stale-vip', 'pod/client-1', '10.111.231.99:80', ALL_PODS],
  ])('shows what %s does to %s', async (name, from, to, outcomes) => {
    await lab.break(name);
    const counts = tally(await lab.connect({ from, to, count: 50 }));
    expect(Object.keys(counts).sort()).toEqual(outcomes);
    await lab.heal();
  });

  it('writes a snapshot folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-record-'));
    await lab.record(folder);
    expect(readdirSync(join(folder, 'nodes'))).toEqual(NODES.map((node) => node.name));
    expect(readFileSync(join(folder, 'nodes', BROKEN, 'iptables-nft-save'), 'utf8')).toMatch(
      /^\[\d+:\d+\] -A KUBE-SVC-/m,
    );
    expect(JSON.parse(readFileSync(join(folder, 'cluster', 'services.json'), 'utf8'))).toHaveProperty(
      'kind',
      'ServiceList',
    );
    rmSync(folder, { recursive: true });
  });

  it('never meets another lab, nor the machine', { timeout: 120_000 }, async () => {
    const machine = await machineNetwork();
    const other = await startLab({ name: 'other', backend: 'legacy' });
    try {
      const [mine, theirs] = [await rulesOf(lab, BROKEN), await rulesOf(other, BROKEN)];
      await other.break('entry-clusterip-missing');
      expect(await rulesOf(other, BROKEN)).not.toBe(theirs);
      expect(await rulesOf(lab, BROKEN)).toBe(mine);
      expect(tally(await other.connect({ from: `node/${BROKEN}`, to: VIP, count: 5 }))).toEqual({ timeout: 5 });
      expect(tally(await lab.connect({ from: `node/${BROKEN}`, to: VIP, count: 5 }))).not.toHaveProperty('timeout');
      // Each has its own authority: the one's keys open nothing of the other.
      const server = readFileSync(other.kubeconfig, 'utf8').match(/server: (\S+)/)?.[1] ?? '';
      const foreign = await run([lab.kubectl, '--kubeconfig', lab.kubeconfig, '--server', server, 'get', 'nodes']);
      expect(foreign.code).not.toBe(0);
      expect(await machineNetwork()).toBe(machine);
    } finally {
      await other.down();
    }
    expect(await machineNetwork()).toBe(machine);
  });
});

describe.skipIf(unavailable !== null)('nothing is left of a lab', () => {
  it.each(['owner', 'guard', 'janitor and then owner', 'supervisor'] as const)(
    'after kill -9 of its %s',
    { timeout: 60_000 },
    async (victim) => {
      await expectNothingLeft(victim);
    },
  );
});

describe.skipIf(unavailable !== null)('npm run lab', () => {
  const lab = (...args: readonly string[]): Promise<string> =>
    run([process.execPath, join(import.meta.dirname, 'cli.ts'), '--name', 'cli', ...args]).then(
      (result) => requireSuccess(result).stdout,
    );

  it('leaves a lab up that outlives it and its kube-proxies, until down', { timeout: 60_000 }, async () => {
    expect(await lab('up')).toContain('export KUBECONFIG=');
    try {
      // What is said about this has no listener any more.
      await lab('exec', '--node', BROKEN, '--', 'sh', '-c', KILL_KUBE_PROXY);
      await waitFor('kube-proxy to be dead', async () => (await lab('status')).includes('kube-proxy dead'), 5000);
      expect(await lab('break', 'sep-wrong-port')).toContain('--to-destination 10.168.1.12:9377');
      expect(await lab('connect', `node/${BROKEN}`, VIP)).toMatch(/^ +\d+ {2}refused$/m);
      expect(await lab('heal')).toContain('sep-wrong-port on rain-kubernetes-2');
    } finally {
      await lab('down');
    }
    expect(await lab('status')).not.toContain('cli:');
  });
});
