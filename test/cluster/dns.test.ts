/** The cluster's DNS as real CoreDNS pods answer it, asked through real kubelets; with the least privileges, and with faults. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PERMISSIONS, PORT_PERMISSIONS, rbacObjects, type Permission } from '../../src/collect/cluster/permissions.ts';
import type { Report } from '../../src/model/report.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';
import { requireSuccess, run } from './process.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const USER = 'jane';
const ALL = [...PERMISSIONS, ...PORT_PERMISSIONS];
const COLD = 30 * 60_000;
const WARM = 240_000;

const unavailable = labUnavailable();

const SERVICES = [
  { name: 'ext', spec: { type: 'ExternalName', externalName: 'www.example.com' } },
  { name: 'ext-inside', spec: { type: 'ExternalName', externalName: 'hostnames.default.svc.cluster.local' } },
  { name: 'ext-dot', spec: { type: 'ExternalName', externalName: 'www.example.com.' } },
  { name: 'bare', spec: { clusterIP: 'None', selector: { app: 'hostnames' }, ports: [{ port: 9376 }] } },
  { name: 'bare-portless', spec: { clusterIP: 'None', selector: { app: 'hostnames' } } },
  { name: 'moving', spec: { clusterIP: 'None', ports: [{ name: 'http', port: 9376 }] } },
];

describe.skipIf(unavailable !== null)(
  `the cluster DNS${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await startLab({ name: 'test-dns', full: true });
      await apply(SERVICES.map(({ name, spec }) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec })));
      await move(1);
    }, COLD);
    afterAll(async () => lab?.down());

    const kubectl = async (args: readonly string[], input = ''): Promise<string> =>
      requireSuccess(await run([lab.kubectl, '--kubeconfig', lab.kubeconfig, ...args], { input, timeoutMs: 120_000 }))
        .stdout;
    const apply = async (items: readonly object[]): Promise<string> =>
      kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));

    /** One endpoint of the Service whose slice is made by hand: another one each time. */
    const move = async (step: number): Promise<string> =>
      apply([
        {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: { name: 'moving-1', labels: { 'kubernetes.io/service-name': 'moving' } },
          addressType: 'IPv4',
          ports: [{ name: 'http', port: 9376 }],
          endpoints: [{ addresses: [`10.168.2.${100 + (step % 100)}`], conditions: { ready: true } }],
        },
      ]);

    interface Answer {
      readonly status: number | null;
      readonly report: Report;
      readonly stderr: string;
    }

    async function check(names: readonly string[], ...flags: readonly string[]): Promise<Answer> {
      const where = ['--kubeconfig', lab.kubeconfig, '--ssh-config', lab.sshConfig, '-o', 'json'];
      const child = spawn(process.execPath, [RUN, 'check', ...names, ...where, ...flags]);
      const texts = { stdout: '', stderr: '' };
      child.stdout.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()));
      const status = await new Promise<number | null>((done) => child.on('close', done));
      if (texts.stdout === '') throw new Error(texts.stderr);
      return { status, stderr: texts.stderr, report: JSON.parse(texts.stdout) as Report };
    }

    async function grant(
      permissions: readonly Permission[],
      namespaces: readonly string[] | null = null,
    ): Promise<void> {
      await kubectl(['delete', 'clusterrole,clusterrolebinding', 'svcdoctor', '--ignore-not-found']);
      await kubectl(['delete', 'role,rolebinding', 'svcdoctor', '-n', 'kube-system', '--ignore-not-found']);
      await apply(rbacObjects({ namespaces, subject: { kind: 'User', name: USER }, permissions }));
    }

    /** The authorizer may take a moment to know a new role. */
    async function until(wanted: (answer: Answer) => boolean, names = ['ext']): Promise<Answer> {
      let answer = await check(names, '--as', USER);
      for (let attempt = 0; attempt < 5 && !wanted(answer); attempt++) answer = await check(names, '--as', USER);
      return answer;
    }

    /** Findings about DNS, and those that should not be there at all. */
    const faults = ({ report }: Answer): string[] =>
      report.findings
        .filter(({ severity }) => severity !== 'info')
        .map(({ code, services, found }) => `${code} ${services.join()}: ${found}`);

    const dnsOf = ({ report }: Answer): Record<string, string | undefined> =>
      Object.fromEntries(report.services.map(({ name, dns }) => [name, dns]));

    const podNames = async (): Promise<string[]> =>
      (await kubectl(['-n=kube-system', 'get', 'pods', '-l=k8s-app=kube-dns', '-o=name'])).match(/[^/\s]+$/gm) ?? [];

    it('answers as the API has it, for Services of every kind', { timeout: WARM }, async () => {
      const answer = await check([]);
      expect(faults(answer)).toEqual([]);
      expect(Object.keys(dnsOf(answer)).toSorted()).toEqual(
        ['hostnames', 'kubernetes', 'other', ...SERVICES.map(({ name }) => name)].toSorted(),
      );
      expect(new Set(Object.values(dnsOf(answer)))).toEqual(new Set(['ok']));
      expect(answer.report.coverage.dns).toEqual({
        servers: (await podNames()).map((name) => `kube-system/${name}`).toSorted(),
        zone: 'cluster.local',
      });
      expect(answer.report.coverage.missing).toEqual([]);
      expect(answer.status).toBe(0);
    });

    it('comes with what each kube-proxy says of itself', { timeout: WARM }, async () => {
      const folder = join(lab.dir, 'collected');
      const where = ['--kubeconfig', lab.kubeconfig, '--ssh-config', lab.sshConfig, '--settle', '0', '-f', folder];
      requireSuccess(await run([process.execPath, RUN, 'collect', 'hostnames', ...where], { timeoutMs: 120_000 }));
      for (const { name } of lab.nodes) {
        const read = (file: string): string => readFileSync(join(folder, 'nodes', name, file), 'utf8');
        expect(read('kube-proxy-proxyMode.txt')).toBe('iptables');
        expect(read('kube-proxy-healthz.txt')).toMatch(/^HTTP 200\n\{"lastUpdated".*"healthy":true/);
        expect(read('kube-proxy-metrics.txt')).toContain('kubeproxy_sync_proxy_rules_last_timestamp_seconds');
        expect(read('kube-proxy-configz.txt')).toContain('"mode":"iptables"');
      }
    });

    it('is never said to be wrong while endpoints change faster than it is asked', { timeout: WARM }, async () => {
      let step = 1;
      const end = new AbortController();
      const churn = (async () => {
        while (!end.signal.aborted) await move(++step);
      })();
      const answers: Answer[] = [];
      for (let round = 0; round < 3; round++) answers.push(await check(['moving']));
      end.abort();
      await churn;
      expect(step).toBeGreaterThan(10);
      expect(answers.flatMap(faults)).toEqual([]);
    });

    it(
      'says nothing of a target that only exists outside, and names one that does not exist',
      { timeout: WARM },
      async () => {
        await apply([
          {
            apiVersion: 'v1',
            kind: 'Service',
            metadata: { name: 'ext-gone' },
            spec: { type: 'ExternalName', externalName: 'nobody.default.svc.cluster.local' },
          },
        ]);
        const answer = await check(['ext', 'ext-gone']);
        expect(faults(answer)).toEqual([
          expect.stringMatching(/^SVC224 default\/ext-gone: kube-system\/coredns-.*NXDOMAIN for nobody.default/),
        ]);
        expect(answer.status).toBe(0);
        await kubectl(['delete', 'service', 'ext-gone']);
      },
    );

    describe('with the least privileges', () => {
      const missing = ({ report }: Answer): string => report.coverage.missing.map(({ reason }) => reason).join('\n');

      it('is asked all the same', { timeout: WARM }, async () => {
        await grant(ALL);
        const answer = await until((one) => missing(one) === '');
        expect(missing(answer)).toBe('');
        expect(dnsOf(answer)).toEqual({ ext: 'ok' });
      });

      it.each(PORT_PERMISSIONS.filter(({ resource }) => resource.plural === 'pods/portforward'))(
        'but $verb of port-forwards: that is said, for DNS and for kube-proxy, and costs nothing else',
        { timeout: WARM },
        async (permission) => {
          await grant(ALL.filter((one) => one !== permission));
          // Without `create` the server itself says no more than that it is forbidden.
          const server = permission.verb === 'get' ? 'cannot get resource "pods/portforward"' : 'is forbidden';
          const named = 'port-forwards need get and create of pods/portforward in namespace "kube-system"';
          const answer = await until((one) => missing(one).includes(named) && missing(one).includes(server));
          expect(answer.report.coverage.missing).toEqual([
            { part: 'dns', reason: expect.stringContaining(named) },
            {
              part: expect.stringMatching(/^what kube-proxy says of itself on rain-kubernetes-1, .*2, .*3$/),
              reason: expect.stringContaining(named),
            },
          ]);
          expect(answer.report.verdict.summary).toContain(`The cluster DNS was not asked: `);
          expect(answer.report.verdict.summary).toContain(named);
          expect(answer.status).toBe(0);
        },
      );

      it('but the ConfigMap: DNS is asked, and the zone found in another way', { timeout: WARM }, async () => {
        await grant(ALL.filter(({ names }) => names?.includes('coredns') !== true));
        const answer = await until((one) => dnsOf(one)['hostnames'] === 'ok', ['hostnames']);
        expect(answer.report.coverage.dns?.zone).toBe('cluster.local');
        expect(dnsOf(answer)).toEqual({ hostnames: 'ok' });
      });
    });

    it('is found out where one server of two no longer follows the API', { timeout: WARM }, async () => {
      const [name = ''] = await podNames();
      const path = '{.status.podIP} {.spec.nodeName}';
      const [ip = '', node] = (await kubectl(['-n=kube-system', 'get', 'pod', name, `-o=jsonpath=${path}`])).split(' ');
      const cut = ['-p', 'tcp', '-j', 'DROP'];
      for (const rule of [
        ['-s', ip, '--dport', '6443'],
        ['-d', ip, '--sport', '6443'],
      ]) {
        requireSuccess(
          await lab.exec(node, ['iptables-nft', '-I', 'FORWARD', ...cut.slice(0, 2), ...rule, ...cut.slice(2)]),
        );
      }
      // In place of the old ones, so that the other server has them at once.
      await kubectl(['delete', 'service', 'ext', 'other']);
      const http = { name: 'http', port: 80, targetPort: 8080 };
      await apply([
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'ext' },
          spec: { type: 'ExternalName', externalName: 'new.example.com' },
        },
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'other' },
          spec: { clusterIP: '10.111.231.46', selector: { app: 'other' }, ports: [http] },
        },
      ]);
      await move(77);
      const answer = await check(['ext', 'other', 'moving', 'hostnames']);
      expect(faults(answer).toSorted()).toEqual([
        `SVC221 default/ext: kube-system/${name}: CNAME www.example.com (1 of 2 servers)`,
        `SVC222 default/other: kube-system/${name}: A 10.111.231.45 (1 of 2 servers)`,
        expect.stringMatching(
          new RegExp(`^SVC223 default/moving: kube-system/${name}: A 10\\.168\\.2\\.\\d+ \\(1 of 2 servers\\)$`),
        ),
      ]);
      expect(new Set(answer.report.findings.map(({ confidence }) => confidence))).toEqual(new Set(['certain']));
      expect(dnsOf(answer)['hostnames']).toBe('ok');
      expect(answer.status).toBe(1);
    });

    it('that is not there is said, and nothing is lost with it', { timeout: WARM }, async () => {
      await kubectl(['-n=kube-system', 'scale', 'deployment', 'coredns', '--replicas=0']);
      await kubectl(['-n=kube-system', 'wait', '--for=delete', 'pod', '-l=k8s-app=kube-dns', '--timeout=120s']);
      const answer = await check(['ext', 'hostnames']);
      expect(faults(answer)).toEqual([]);
      expect(answer.report.coverage.dns?.reason).toContain('no DNS pods found');
      expect(dnsOf(answer)).toEqual({ ext: undefined, hostnames: undefined });
      expect((await check(['ext'])).report.verdict.summary).toContain(
        'The cluster DNS was not asked: no DNS pods found',
      );
      expect(answer.status).toBe(0);
      // Without a labelled pod only Service kube-dns tells whom to ask: the privilege to see it is missed now.
      await grant(
        ALL.filter(({ names }) => names?.includes('kube-dns') !== true),
        ['default'],
      );
      const reasonOf = ({ report }: Answer): string => report.coverage.dns?.reason ?? '';
      const refused = await until((one) => reasonOf(one).includes('cannot get resource "services"'));
      expect(reasonOf(refused)).toContain('cannot get resource "services"');
    });
  },
);
