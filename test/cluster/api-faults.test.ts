/** A real API server, broken on its way to the program: a fault that passes costs nothing, one that stays is said. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectCluster, processEnvironment, readCluster } from '../../src/collect/cluster/index.ts';
import type { Report } from '../../src/model/report.ts';
import {
  answer,
  changed,
  cut,
  late,
  onePerPage,
  reset,
  silence,
  startFaultProxy,
  status,
  type Fault,
  type FaultProxy,
} from './fault-proxy.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

const SLOW_DOWN = 'the server has received too many requests and has asked us to try again later';
const NO_LEADER = 'etcdserver: no leader';
const TOO_OLD = 'The provided continue parameter is too old to display a consistent list result.';

/** What passes: each of these happens twice to each list. */
const PASSING: Readonly<Record<string, Fault>> = {
  '429 with Retry-After': status(429, 'TooManyRequests', SLOW_DOWN, { 'retry-after': '0' }),
  '429 without Retry-After': status(429, 'TooManyRequests', SLOW_DOWN),
  '500, without a leader of etcd': status(500, 'InternalError', NO_LEADER),
  '502 of a load balancer': answer(502, 'text/html', '<html>bad gateway</html>'),
  503: status(503, 'ServiceUnavailable', 'the server is currently unable to handle the request'),
  504: status(504, 'Timeout', 'the server was unable to return a response in the time allotted'),
  'a connection that breaks': reset,
  'an answer that is cut off in the middle of a list': cut,
  'an answer that comes late': late(300),
};

/** What stays: the words for it. */
const STAYING: Readonly<Record<string, readonly [Fault, string]>> = {
  429: [status(429, 'TooManyRequests', SLOW_DOWN, { 'retry-after': '0' }), SLOW_DOWN],
  500: [status(500, 'InternalError', NO_LEADER), NO_LEADER],
  403: [status(403, 'Forbidden', 'services is forbidden: User "jane" cannot list'), 'is forbidden'],
  401: [status(401, 'Unauthorized', 'Unauthorized'), 'You must be logged in to the server'],
  'a login page': [answer(200, 'text/html', '<html>log in</html>'), 'answered, but not as a Kubernetes API'],
  'JSON of something else': [answer(200, 'application/json', '{"hello":1}'), 'with kind ""'],
  'an answer that is always cut off': [cut, 'unable to connect'],
  'a connection that always breaks': [reset, 'unable to connect'],
  silence: [silence, 'Timeout'],
};

/** What a terminal would act on, line breaks aside. */
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(
  `the API server${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;
    let proxy: FaultProxy;
    const scratch = mkdtempSync(join(tmpdir(), 'svcdoctor-faults-'));

    beforeAll(async () => {
      lab = await startLab();
      proxy = await startFaultProxy(lab);
    }, 900_000);

    afterEach(() => proxy.reset());

    afterAll(async () => {
      rmSync(scratch, { recursive: true, force: true });
      await proxy?.close();
      await lab?.down();
    });

    /** What a run knows of the cluster, through the proxy. */
    async function reading() {
      const environment = { ...processEnvironment(() => undefined), retry: { baseDelayMs: 1, maxDelayMs: 10 } };
      const connection = await connectCluster({ kubeconfig: lab.kubeconfig, server: proxy.url }, environment);
      try {
        const all = { namespace: 'default', names: null, selector: null };
        const { cluster, parts } = await readCluster(connection, all);
        return {
          cluster: [...cluster].map(([file, value]) => [file, itemsOf(value)]),
          errors: parts.map(({ error }) => error),
        };
      } finally {
        await connection.close();
      }
    }

    /** Without the version of the list, which moves with any object of the cluster. */
    function itemsOf(value: unknown): unknown {
      return typeof value === 'object' && value !== null && 'items' in value ? value.items : value;
    }

    function argv(...flags: readonly string[]): string[] {
      const where = ['--kubeconfig', lab.kubeconfig, '--server', proxy.url, '--ssh-config', lab.sshConfig];
      return [RUN, 'check', 'hostnames', '--node', 'rain-kubernetes-1', ...where, ...flags];
    }

    async function check(...flags: readonly string[]) {
      const { status: code, stdout, stderr } = await run(argv('-o', 'json', ...flags));
      return { status: code, stderr, report: stdout === '' ? null : (JSON.parse(stdout) as Report) };
    }

    /** Not at once with this process, which is the proxy too. */
    async function run(words: readonly string[]) {
      const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] });
      const texts = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream].setEncoding('utf8').on('data', (text: string) => (texts[stream] += text));
      }
      await once(child, 'close');
      return { status: child.exitCode, ...texts };
    }

    it.each(Object.keys(PASSING))('that answers with %s twice gives the same in the end', async (name) => {
      const honest = await reading();
      expect(honest.errors.filter((error) => error !== null)).toEqual([]);
      const lists = [
        /GET \/api\/v1\/.*services\?/,
        /endpointslices/,
        /\/endpoints/,
        /v1\/nodes/,
        /\/pods/,
        /configmaps/,
      ];
      proxy.rules = lists.map((match) => ({ match, times: 2, fault: PASSING[name] ?? reset }));
      expect(await reading()).toEqual(honest);
    });

    it('that gives one object at a time gives the same in the end', async () => {
      const honest = await reading();
      proxy.seen.length = 0;
      proxy.rules = [{ match: /limit=500/, fault: onePerPage }];
      expect(await reading()).toEqual(honest);
      expect(proxy.seen.filter((line) => /services\?.*continue=/.test(line)).length).toBeGreaterThan(1);
    });

    it('that forgets a list between two pages is asked for all of it', async () => {
      const honest = await reading();
      proxy.seen.length = 0;
      proxy.rules = [
        { match: /continue=/, fault: status(410, 'Expired', TOO_OLD) },
        { match: /limit=500/, fault: onePerPage },
      ];
      expect(await reading()).toEqual(honest);
      expect(proxy.seen.filter((line) => /services($|\?(?!.*limit=))/.test(line)).length).toBeGreaterThan(0);
    });

    it.each(['services', 'nodes'])(
      'that never answers about %s ends the run, with its words',
      async (kind) => {
        for (const [fault, words] of Object.values(STAYING)) {
          proxy.reset();
          proxy.rules = [{ match: new RegExp(`v1/.*${kind}`), fault }];
          const { status: code, stderr, report } = await check('--request-timeout', fault === silence ? '1s' : '20s');
          expect(stderr).toMatch(/^error: /i);
          expect(stderr.toLowerCase()).toContain(words.toLowerCase().replace('services', kind).slice(0, 30));
          expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
          expect(report).toBeNull();
          expect(code).toBe(2);
        }
      },
      300_000,
    );

    it('that may not say who backs a Service by slices is asked for Endpoints', async () => {
      proxy.rules = [{ match: /endpointslices/, fault: status(403, 'Forbidden', 'endpointslices is forbidden') }];
      const { status: code, report } = await check();
      expect(report?.findings).toEqual([]);
      expect(report?.coverage.missing).toEqual([
        {
          part: 'endpointslices',
          reason:
            'cannot list endpointslices.discovery.k8s.io in namespace "default": Error from server (Forbidden): endpointslices is forbidden',
        },
      ]);
      expect(code).toBe(0);
    }, 60_000);

    it('that knows no slices, as before 1.21, is asked for Endpoints', async () => {
      const unknown = status(404, 'NotFound', 'the server could not find the requested resource');
      proxy.rules = [{ match: /endpointslices/, fault: unknown }];
      const { status: code, report } = await check();
      expect(report?.findings).toEqual([]);
      expect(code).toBe(0);
    }, 60_000);

    it('that does not answer about pods leaves a gap, which is named', async () => {
      proxy.rules = [{ match: /pods/, fault: status(500, 'InternalError', NO_LEADER) }];
      const { report } = await check();
      expect(report?.findings).toEqual([]);
      expect(report?.coverage.missing.map(({ part }) => part).toSorted()).toEqual(['dns', 'kube-proxy', 'pods']);
      expect(JSON.stringify(report?.coverage.missing)).toContain(NO_LEADER);
    }, 60_000);

    it('whose lists are null has nothing, which is no error', async () => {
      proxy.rules = [{ match: /pods/, fault: changed((list) => ({ ...list, items: null })) }];
      const { report } = await check();
      expect(report?.findings).toEqual([]);
      expect(report?.coverage.missing).toEqual([]);
    }, 60_000);

    it('with objects of no name and fields of tomorrow is understood as far as it can be', async () => {
      const odd = changed((list) => {
        const items = Array.isArray(list['items']) ? list['items'] : [];
        const future = items.map((item: Record<string, unknown>) => ({ ...item, future: { field: ['x'] } }));
        return { ...list, items: [{}, { metadata: {} }, { metadata: null }, ...future, ...future.slice(0, 0)] };
      });
      proxy.rules = [{ match: /endpointslices|v1\/nodes|\/pods/, fault: odd }];
      const { report } = await check();
      expect(report?.findings).toEqual([]);
      expect(report?.notes.filter(({ consequence }) => consequence === 'set aside').length).toBeGreaterThan(2);
    }, 60_000);

    it('whose messages would move the cursor is quoted without that', async () => {
      const wild = '\u001b[2J\u001b]0;owned\u0007\u202eevil\r\nfake line';
      proxy.rules = [{ match: /services/, fault: status(403, 'Forbidden', wild) }];
      for (const format of ['table', 'json', 'yaml', 'markdown', 'wide', 'name']) {
        const { stdout, stderr } = await run(argv('-o', format));
        expect(stdout + stderr).not.toMatch(UNSAFE);
        expect(stderr).toContain('evil');
        expect(stderr.trimEnd().split('\n')).toHaveLength(2);
      }
      proxy.rules = [{ match: /\/pods/, fault: status(403, 'Forbidden', wild) }];
      for (const format of ['table', 'yaml', 'markdown', 'wide', 'name']) {
        const { stdout, stderr } = await run(argv('-o', format));
        expect(stdout + stderr).not.toMatch(UNSAFE);
      }
    }, 200_000);

    it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
      'that is silent does not keep the program from ending at %s',
      async (signal) => {
        proxy.rules = [{ match: /services/, fault: silence }];
        const child = spawn(process.execPath, argv('--request-timeout', '0'), { stdio: ['ignore', 'pipe', 'pipe'] });
        const ended = once(child, 'exit');
        await expect.poll(() => proxy.seen.some((line) => line.includes('services')), { timeout: 30_000 }).toBe(true);
        child.kill(signal);
        expect((await ended)[0]).toBe({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }[signal]);
      },
      60_000,
    );

    describe('whose nodes', () => {
      function kubectl(...words: readonly string[]): void {
        const { status: code, stderr } = spawnSync(lab.kubectl, ['--kubeconfig', lab.kubeconfig, ...words], {
          encoding: 'utf8',
        });
        if (code !== 0) throw new Error(stderr);
      }

      function patch(node: string, changes: object): void {
        kubectl(
          'patch',
          'node',
          node,
          '--subresource=status',
          '--type=merge',
          '-p',
          JSON.stringify({ status: changes }),
        );
      }

      async function nodes() {
        const where = ['--kubeconfig', lab.kubeconfig, '--ssh-config', lab.sshConfig, '-o', 'json'];
        const { status: code, stdout } = await run([RUN, 'check', 'hostnames', ...where]);
        const report = JSON.parse(stdout) as Report;
        return { code, report, node: (name: string) => report.coverage.nodes.find((one) => one.name === name) };
      }

      const addresses = (node: string) => {
        const plan = lab.nodes.find(({ name }) => name === node);
        return [
          { type: 'InternalIP', address: plan?.ip ?? '' },
          { type: 'InternalIP', address: plan?.ip6 ?? '' },
          { type: 'Hostname', address: node },
        ];
      };

      it('are cordoned or without an InternalIP are read all the same', async () => {
        kubectl('cordon', 'rain-kubernetes-1');
        patch('rain-kubernetes-3', { addresses: [{ type: 'Hostname', address: 'rain-kubernetes-3' }] });
        try {
          const { code, report } = await nodes();
          expect(report.findings).toEqual([]);
          expect(report.coverage.nodes.map(({ read }) => read)).toEqual([true, true, true]);
          expect(code).toBe(0);
        } finally {
          kubectl('uncordon', 'rain-kubernetes-1');
          patch('rain-kubernetes-3', { addresses: addresses('rain-kubernetes-3') });
        }
      }, 120_000);

      it('have no address, run Windows, or are NotReady and do not answer are not read, and why is said', async () => {
        const [since, ready] = ['2026-01-02T03:04:05Z', { type: 'Ready', reason: 'x', message: 'x' }];
        kubectl('create', '-f', file({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'windows-1' } }));
        patch('windows-1', { nodeInfo: { operatingSystem: 'windows' }, addresses: addresses('rain-kubernetes-1') });
        patch('rain-kubernetes-3', { addresses: [] });
        await lab.break('sshd-down');
        patch('rain-kubernetes-2', {
          conditions: [{ ...ready, status: 'Unknown', lastTransitionTime: since, lastHeartbeatTime: since }],
        });
        try {
          const { code, report, node } = await nodes();
          expect(report.findings).toEqual([]);
          expect(node('windows-1')).toMatchObject({ read: false, reasonCode: 'unsupported-system' });
          expect(node('rain-kubernetes-3')).toMatchObject({ read: false, reasonCode: 'no-address' });
          expect(node('rain-kubernetes-2')).toMatchObject({ read: false, reasonCode: 'refused' });
          expect(node('rain-kubernetes-2')?.reason).toContain(
            `; the node is NotReady since ${since}, as the API server`,
          );
          expect(node('rain-kubernetes-1')?.read).toBe(true);
          expect(code).toBe(3);
        } finally {
          kubectl('delete', 'node', 'windows-1');
          patch('rain-kubernetes-3', { addresses: addresses('rain-kubernetes-3') });
          patch('rain-kubernetes-2', {
            conditions: [{ ...ready, status: 'True', lastTransitionTime: since, lastHeartbeatTime: since }],
          });
          await lab.heal();
        }
      }, 120_000);

      it('are named that do not exist is an error', async () => {
        const { status: code, stderr } = await run([...argv(), '--node', 'rain-kubernetes-9']);
        expect(stderr).toContain('rain-kubernetes-9');
        expect(code).toBe(2);
      }, 60_000);

      function file(object: object): string {
        const path = join(scratch, 'object.json');
        writeFileSync(path, JSON.stringify(object));
        return path;
      }
    });
  },
);
