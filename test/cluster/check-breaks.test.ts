/**
 * The product against reality: each break on a real cluster is found by a live check over SSH, with the right code, node,
 * Service port and invariant; and real connections do what the finding's effects say.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Effect, EffectOutcome, Report } from '../../src/model/report.ts';
import {
  EXTERNAL,
  HOSTNAMES_PODS,
  labUnavailable,
  MOVED_POD,
  PODS,
  startLab,
  type Connection,
  type Lab,
} from './lab.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const NODE = 'rain-kubernetes-2';
const PORT = 'default/hostnames:http';
const VIP = '10.111.231.44:80';
const COUNT = 50;

interface Expected {
  readonly code: string;
  readonly invariants: readonly string[];
  /** Further codes the one break rightly shows. */
  readonly also?: readonly string[];
  readonly exit?: number;
}

const BREAKS: Readonly<Record<string, Expected>> = {
  'sep-dnat-deleted': { code: 'SVC321', invariants: ['I2'] },
  'sep-dnat-deleted-last': { code: 'SVC321', invariants: ['I2'] },
  'sep-wrong-address': { code: 'SVC322', invariants: ['I2'] },
  'sep-wrong-port': { code: 'SVC322', invariants: ['I2'] },
  'sep-hairpin-missing': { code: 'SVC324', invariants: ['I2'] },
  'balancing-missing': { code: 'SVC331', invariants: ['I3'] },
  'balancing-doubled': { code: 'SVC332', invariants: ['I3'] },
  'balancing-wrong-share': { code: 'SVC333', invariants: ['I3'] },
  'entry-clusterip-missing': { code: 'SVC301', invariants: ['I1'] },
  'entry-nodeport-missing': { code: 'SVC302', invariants: ['I1'] },
  'entry-foreign-chain': { code: 'SVC305', invariants: ['I1'] },
  'stale-vip': { code: 'SVC307', invariants: ['I1'] },
  'jump-services-missing': { code: 'SVC308', invariants: ['I1'] },
  // The rejection stands in filter, behind a translation that is whole: real packets never meet it.
  'reject-left': { code: 'SVC310', invariants: ['I1'], exit: 0 },
  'mark-masq-missing-ext': { code: 'SVC341', invariants: ['I4'] },
  'masquerade-missing': { code: 'SVC343', invariants: ['I4'] },
  'postrouting-jump-missing': { code: 'SVC344', invariants: ['I4'] },
  'wrong-mark': { code: 'SVC342', invariants: ['I4'] },
  'kube-proxy-dead': { code: 'SVC326', invariants: ['I2', 'I3'] },
  'foreign-drop': { code: 'SVC502', invariants: [] },
  'forward-policy-drop': { code: 'SVC502', invariants: [] },
  'kube-proxy-refused': { code: 'SVC326', invariants: ['I2', 'I3'] },
  'forwarding-off': { code: 'SVC605', invariants: [] },
  'node-without-rules': { code: 'SVC401', invariants: ['I1', 'I2', 'I3', 'I4'] },
};

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(
  `check against a real cluster${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await startLab();
    }, 900_000);

    afterAll(async () => {
      await lab?.down();
    });

    function check(...flags: readonly string[]): {
      readonly status: number | null;
      readonly report: Report;
      readonly stderr: string;
    } {
      const argv = [
        RUN,
        'check',
        'hostnames',
        '--ssh-config',
        lab.sshConfig,
        '--kubeconfig',
        lab.kubeconfig,
        '-o',
        'json',
        ...flags,
      ];
      const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 60_000 });
      if (stdout === '') throw new Error(`check printed nothing: ${stderr}`);
      return { status, report: JSON.parse(stdout) as Report, stderr };
    }

    it('finds nothing in a healthy cluster', () => {
      const { status, report } = check();
      expect(report.findings).toEqual([]);
      expect(report.notes).toEqual([]);
      expect(report.verdict.summary).toBe(
        "default/hostnames is healthy: kube-proxy's rules on 3 of 3 nodes are what the API asks for.",
      );
      expect(status).toBe(0);
    });

    it.each(Object.entries(BREAKS))(
      'finds %s, and packets do what it says',
      async (name, expected) => {
        await lab.break(name);
        try {
          const { status, report } = check();
          const errors = report.findings.map((finding) => finding.code);
          expect(errors).toEqual([expected.code, ...(expected.also ?? [])]);
          const [finding] = report.findings;
          if (finding === undefined) throw new Error('no finding');
          expect(finding.nodes).toEqual([NODE]);
          expect(finding.servicePorts).toContain(PORT);
          expect(brokenInvariants(report)).toEqual(expected.invariants);
          expect(status).toBe(expected.exit ?? 1);
          // A dropped packet is sent again after a second, and then balanced anew: what is stopped has no steady share.
          if (finding.effects !== undefined) await expectPackets(finding.effects);
        } finally {
          await lab.heal();
        }
        expect(check().report.findings).toEqual([]);
      },
      120_000,
    );

    it('does not read a node whose sshd is down, judges the others, and says what to try', async () => {
      await lab.break('sshd-down');
      try {
        const { status, report } = check();
        expect(status).toBe(3);
        expect(report.findings).toEqual([]);
        const node = report.coverage.nodes.find((candidate) => candidate.name === NODE);
        expect(node).toMatchObject({ read: false, reasonCode: 'refused' });
        expect(node?.tryThis).toBeTruthy();
        expect(report.coverage.nodes.filter((candidate) => candidate.read)).toHaveLength(2);
      } finally {
        await lab.heal();
      }
    }, 120_000);

    it.each(['SIGINT', 'SIGTERM'] as const)(
      'leaves nothing behind after %s',
      async (signal) => {
        const marker = `${100 + Math.floor(Math.random() * 800)}.${process.pid}`;
        const config = join(lab.dir, `hang-${marker}`);
        writeFileSync(config, `Host *\n  ProxyCommand sleep ${marker}\n`);
        const argv = [RUN, 'check', 'hostnames', '--ssh-config', config, '--kubeconfig', lab.kubeconfig];
        const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'pipe'] });
        const ended = once(child, 'exit');
        await expect.poll(() => sleepers(marker), { timeout: 20_000 }).toBeGreaterThan(0);
        child.kill(signal);
        expect((await ended)[0]).toBe(signal === 'SIGINT' ? 130 : 143);
        await expect.poll(() => sleepers(marker), { timeout: 5000 }).toBe(0);
      },
      60_000,
    );

    function sleepers(marker: string): number {
      return spawnSync('pgrep', ['-f', `sleep ${marker}`], { encoding: 'utf8' })
        .stdout.split('\n')
        .filter((line) => line !== '').length;
    }

    function brokenInvariants(report: Report): readonly string[] {
      const port = report.servicePorts.find((candidate) => candidate.id === PORT);
      return Object.entries(port?.invariants ?? {}).flatMap(([invariant, result]) => {
        const onNode = result.nodes.find((node) => node.name === NODE);
        return onNode?.state === 'failed' ? [invariant] : [];
      });
    }

    /** Fifty connections through the VIP from a pod, fifty from the node, and fifty through the node port from outside. */
    async function expectPackets(effects: readonly Effect[]): Promise<void> {
      const nodeIp = lab.nodes.find((node) => node.name === NODE)?.ip ?? '';
      const pod = PODS.find((candidate) => candidate.app === 'client' && candidate.node === NODE);
      if (pod === undefined) throw new Error(`no client pod on ${NODE}`);
      await expectFlow(effects, { client: 'pod', from: `pod/${pod.name}`, address: pod.ip, to: VIP });
      await expectFlow(effects, { client: 'node', from: `node/${NODE}`, address: nodeIp, to: VIP });
      await expectFlow(effects, { client: 'external', from: 'external', address: EXTERNAL.ip, to: `${nodeIp}:30000` });
    }

    async function expectFlow(effects: readonly Effect[], flow: RealFlow): Promise<void> {
      const effect = effects.find(
        (candidate) =>
          candidate.client === flow.client && candidate.destination === flow.to && candidate.hairpin !== true,
      );
      if (effect === undefined) throw new Error(`no effect for ${flow.client} to ${flow.to}`);
      const seen = tally(await lab.connect({ from: flow.from, to: flow.to, count: COUNT, timeoutMs: 1500 }), flow);
      const predicted = predict(effect.outcomes, flow);
      for (const key of new Set([...seen.keys(), ...predicted.keys()])) {
        const share = predicted.get(key) ?? 0;
        const number = seen.get(key) ?? 0;
        const slack = isCertain(share) ? 0 : CHANCE * Math.sqrt(COUNT * share * (1 - share));
        const message = `${flow.client} to ${flow.to}: ${key}: predicted ${share}, seen ${number} of ${COUNT}`;
        expect(Math.abs(number - COUNT * share), message).toBeLessThanOrEqual(slack + 1e-6);
      }
    }
  },
);

interface RealFlow {
  readonly client: Effect['client'];
  readonly from: string;
  readonly address: string;
  readonly to: string;
}

/** Standard deviations: chance fails a true prediction about once in a million. */
const CHANCE = 5;

function isCertain(share: number): boolean {
  return share < 1e-6 || share > 1 - 1e-6;
}

/** Who of the Service answers, and whether it sees the client's own address. Of a node's own connections that says nothing. */
function answer(pod: string, masqueraded: boolean, flow: RealFlow): string {
  if (flow.client === 'node') return `answered by ${pod}`;
  return `answered by ${pod}, ${masqueraded ? 'masqueraded' : "the client's own address"}`;
}

const NOT_BY_AN_ENDPOINT = 'not answered by an endpoint of the Service';

function tally(connections: readonly Connection[], flow: RealFlow): ReadonlyMap<string, number> {
  const seen = new Map<string, number>();
  for (const connection of connections) {
    const by = connection.kind === 'answered' ? connection.by : undefined;
    const key =
      by === undefined || !by.startsWith('hostnames-')
        ? NOT_BY_AN_ENDPOINT
        : answer(by, sourceOf(connection) !== flow.address, flow);
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  return seen;
}

function sourceOf(connection: Connection): string | undefined {
  return connection.kind === 'answered' ? connection.source : undefined;
}

function predict(outcomes: readonly EffectOutcome[], flow: RealFlow): ReadonlyMap<string, number> {
  const shares = new Map<string, number>();
  for (const outcome of outcomes) {
    const key =
      outcome.result === 'answered' ? answer(podAt(outcome.endpoint), outcome.masqueraded, flow) : NOT_BY_AN_ENDPOINT;
    shares.set(key, (shares.get(key) ?? 0) + outcome.share);
  }
  return shares;
}

function podAt(endpoint: string | undefined): string {
  const pod = [...HOSTNAMES_PODS, MOVED_POD].find((candidate) => `${candidate.ip}:${candidate.port}` === endpoint);
  return pod?.name ?? `nobody at ${endpoint ?? 'all'}`;
}
