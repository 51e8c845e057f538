/** Nodes read through a real cluster: kubelets, containerd, admission. What a kubelet does not do at will is in test/collect/pods. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { NodeCoverage } from '../../src/model/report.ts';
import { DEBUG_IMAGE, PAUSE_IMAGE } from './images.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';
import { Svcdoctor } from './svcdoctor.ts';

const unavailable = labUnavailable();
const [SECOND, THIRD] = ['rain-kubernetes-2', 'rain-kubernetes-3'] as const;

describe.skipIf(unavailable !== null)(
  `ways to nodes${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;
    let doctor: Svcdoctor;
    const scratch = mkdtempSync(join(tmpdir(), 'svcdoctor-ways-'));

    beforeAll(async () => {
      lab = await startLab({ full: true });
      doctor = new Svcdoctor(lab);
    }, 900_000);

    afterAll(async () => {
      rmSync(scratch, { recursive: true, force: true });
      await lab?.down();
    });

    afterEach(() => {
      const left = doctor.ownPods();
      if (left.length > 0) throw new Error(`pods are left: ${left.join(' ')}`);
    });

    const how = (nodes: readonly NodeCoverage[]): readonly unknown[] => nodes.map(({ read, via }) => ({ read, via }));

    describe.each([
      ['the kube-proxy pod', ['--via', 'kube-proxy'], 'kube-proxy'],
      ['no flag at all', [], 'kube-proxy'],
      ["a pod with kube-proxy's image", ['--via', 'debug-pod'], 'debug-pod'],
      ['a pod that can zip', ['--via', 'debug-pod', '--debug-image', DEBUG_IMAGE], 'debug-pod'],
      ["the node's own programs", ['--via', 'debug-pod', '--debug-image', DEBUG_IMAGE, '--chroot-host'], 'debug-pod'],
      ['a privileged pod', ['--via', 'debug-pod', '--privileged'], 'debug-pod'],
    ] as const)('with %s', (_, flags, via) => {
      it('healthy rules are healthy, broken ones broken', { timeout: 120_000 }, async () => {
        const healthy = await doctor.check(...flags);
        expect(how(healthy.report.coverage.nodes)).toEqual(Array.from({ length: 3 }, () => ({ read: true, via })));
        expect(healthy.report.coverage.nodes.some(({ attempts }) => attempts !== undefined)).toBe(false);
        expect(healthy.status).toBe(0);
        await lab.break('sep-dnat-deleted');
        try {
          const broken = await doctor.check(...flags, '--settle', '0');
          expect(broken.report.findings.map(({ code, nodes }) => [code, nodes])).toEqual([['SVC321', [SECOND]]]);
          expect(broken.status).toBe(1);
        } finally {
          await lab.heal();
        }
      });
    });

    it('fifty megabytes are whole', { timeout: 300_000 }, async () => {
      const rules = 400_000;
      await fillLegacy(rules);
      try {
        for (const flags of [
          ['--via', 'kube-proxy'],
          ['--via', 'debug-pod', '--debug-image', DEBUG_IMAGE],
        ]) {
          const folder = join(scratch, flags.length.toString());
          const { status, stderr } = await doctor.run(
            'collect',
            'hostnames',
            '--node',
            SECOND,
            '--node-timeout',
            '120s',
            '-f',
            folder,
            ...flags,
          );
          expect(`${status} ${stderr.replace(/^making .*\n/, '')}`).toBe('0 ');
          const save = readFileSync(join(folder, 'nodes', SECOND, 'iptables-legacy-save'), 'utf8');
          expect(save.length).toBeGreaterThan(50_000_000);
          expect(save.match(/^(\[\d+:\d+\] )?-A SVCDOCTOR-BIG /gm)).toHaveLength(rules);
        }
      } finally {
        await onNode(SECOND, 'iptables-legacy -t filter -F SVCDOCTOR-BIG; iptables-legacy -t filter -X SVCDOCTOR-BIG');
      }
    });

    async function fillLegacy(rules: number): Promise<void> {
      const rule = `-A SVCDOCTOR-BIG -s 10.%d.%d.%d/32 -m comment --comment "${'x'.repeat(70)}" -j RETURN\\n`;
      const numbers = 'int(i / 65536) % 256, int(i / 256) % 256, i % 256';
      const awk = `BEGIN { print "*filter\\n:SVCDOCTOR-BIG - [0:0]"; for (i = 0; i < ${rules}; i++) printf "${rule.replaceAll('"', '\\"')}", ${numbers}; print "COMMIT" }`;
      await onNode(SECOND, `awk '${awk}' | iptables-legacy-restore --noflush`);
    }

    async function onNode(node: string, script: string): Promise<string> {
      const { code, stdout, stderr } = await lab.exec(node, ['sh', '-c', script]);
      if (code !== 0) throw new Error(stderr);
      return stdout;
    }

    describe('without a kube-proxy pod on a node', () => {
      beforeAll(async () => {
        await lab.break('kube-proxy-dead');
      }, 120_000);
      afterAll(async () => {
        await lab.heal();
      }, 120_000);

      it('a pod is made there when somebody agreed, and only there', { timeout: 60_000 }, async () => {
        const { report, stderr } = await doctor.check('--yes', '--settle', '0');
        expect(report.coverage.nodes.map(({ via }) => via)).toEqual(['kube-proxy', 'debug-pod', 'kube-proxy']);
        expect(report.coverage.nodes[1]?.attempts?.map(({ via, reasonCode }) => [via, reasonCode])).toEqual([
          ['kube-proxy', 'no-kube-proxy-pod'],
        ]);
        expect(stderr).toMatch(
          /^making a pod in namespace default to read rain-kubernetes-2: image registry.k8s.io\/kube-proxy:\S+; removed afterwards\n$/,
        );
      });

      it('nothing is made when nobody agreed, and every way is named', { timeout: 60_000 }, async () => {
        const { report } = await doctor.check('--node', SECOND);
        const node = report.coverage.nodes.find(({ name }) => name === SECOND);
        expect(node).toMatchObject({ read: false, via: 'ssh' });
        expect(node?.attempts?.map(({ via, reasonCode }) => [via, reasonCode])).toEqual([
          ['kube-proxy', 'no-kube-proxy-pod'],
          ['debug-pod', 'not-confirmed'],
        ]);
        const { stdout } = await doctor.run('check', 'hostnames', '--node', SECOND);
        expect(stdout).toContain('kube-proxy: no kube-proxy pod runs on the node');
        expect(stdout).toContain('debug-pod: a pod would have to be made in namespace default, and nobody agreed');
      });

      it('the screen says which node was read another way, and why', { timeout: 60_000 }, async () => {
        const { stdout } = await doctor.run('check', 'hostnames', '--yes', '-o', 'wide');
        expect(stdout).toContain(
          'rain-kubernetes-2: read over debug-pod; not over kube-proxy: no kube-proxy pod runs on the node',
        );
        expect(stdout).toMatch(
          /rain-kubernetes-1 read over kube-proxy \(exec in pod kube-system\/kube-proxy-\w+\) in \d/,
        );
      });
    });

    it.each([
      ['SIGINT', 1, 130],
      ['SIGINT', 2, 130],
      ['SIGTERM', 1, 143],
      ['SIGHUP', 1, 129],
    ] as const)('%s, %i times, leaves no pod', { timeout: 60_000 }, async (signal, times, code) => {
      const { child } = doctor.start('check', 'hostnames', '--via', 'debug-pod');
      const closed = once(child, 'close');
      await doctor.untilOwnPods(3);
      for (let n = 0; n < times; n++) child.kill(signal);
      expect((await closed)[0]).toBe(code);
      expect(doctor.ownPods()).toEqual([]);
    });

    it('what a killed run left is removed by --cleanup', { timeout: 60_000 }, async () => {
      const { child } = doctor.start('check', 'hostnames', '--via', 'debug-pod');
      const closed = once(child, 'close');
      await doctor.untilOwnPods(3);
      child.kill('SIGKILL');
      await closed;
      const { stdout, status } = await doctor.run('collect', '--cleanup');
      expect(stdout).toMatch(/^(removed pod default\/svcdoctor-[-0-9a-f]+\n){3}$/);
      expect(status).toBe(0);
      expect((await doctor.run('collect', '--cleanup')).stdout).toBe('no pod of kubectl-svcdoctor in any namespace\n');
    });

    it('a pod that somebody removes costs its node alone', { timeout: 60_000 }, async () => {
      const { child, output } = doctor.start(
        'check',
        'hostnames',
        '-o',
        'json',
        '--via',
        'debug-pod',
        '--debug-image',
        DEBUG_IMAGE,
      );
      const closed = once(child, 'close');
      await doctor.untilOwnPods(3);
      doctor.kubectl(['delete', 'pod', doctor.ownPods()[0] ?? '', '--grace-period=0', '--force', '--wait=false']);
      await closed;
      const nodes = (JSON.parse(output.stdout) as { coverage: { nodes: NodeCoverage[] } }).coverage.nodes;
      const lost = nodes.filter(({ read }) => !read);
      expect(lost.length).toBeLessThanOrEqual(1);
      for (const { reasonCode } of lost) expect(['pod-ended', 'connection-lost']).toContain(reasonCode);
    });

    describe('a pod that cannot be', () => {
      beforeAll(() => {
        doctor.kubectl(['create', 'namespace', 'strict']);
        doctor.kubectl(['label', 'namespace', 'strict', 'pod-security.kubernetes.io/enforce=restricted']);
        doctor.kubectl(['create', 'namespace', 'full']);
        doctor.kubectl(['-n', 'full', 'create', 'quota', 'q', '--hard=pods=0']);
      });

      it.each([
        [
          'Pod Security',
          ['--debug-namespace', 'strict'],
          'admission-denied',
          'violates PodSecurity "restricted:latest"',
        ],
        ['a quota', ['--debug-namespace', 'full'], 'admission-denied', 'exceeded quota: q'],
        ['no namespace', ['--debug-namespace', 'none'], 'configuration', 'namespaces "none" not found'],
        ['no image', ['--debug-image', 'svcdoctor.invalid/none:lab'], 'image-pull', 'ErrImagePull: failed to pull'],
        ['no name of an image', ['--debug-image', 'not@an@image'], 'image-pull', 'InvalidImageName'],
        ['an image without tools', ['--debug-image', PAUSE_IMAGE], 'pod-not-ready', 'executable file not found'],
        [
          'an image without chroot',
          ['--debug-image', 'registry.k8s.io/kube-proxy:v1.37.2', '--chroot-host'],
          'pod-not-ready',
          'executable file not found',
        ],
      ])('for %s is its own reason', { timeout: 120_000 }, async (_, flags, reasonCode, words) => {
        const { report, status } = await doctor.check('--via', 'debug-pod', ...flags);
        const nodes = report.coverage.nodes.map((node) => [
          node.read,
          node.via,
          node.reasonCode,
          node.reason?.includes(words),
        ]);
        expect(nodes).toEqual(Array.from({ length: 3 }, () => [false, 'debug-pod', reasonCode, true]));
        expect(status).toBe(3);
      });
    });

    it('a node whose kubelet is silent is not waited for', { timeout: 180_000 }, async () => {
      const kubelet = await kubeletOf(THIRD);
      process.kill(kubelet, 'SIGSTOP');
      try {
        doctor.kubectl(['wait', '--for=condition=Ready=Unknown', `node/${THIRD}`, '--timeout=120s']);
        const { report } = await doctor.check('--via', 'kube-proxy');
        expect(how(report.coverage.nodes)).toEqual([
          { read: true, via: 'kube-proxy' },
          { read: true, via: 'kube-proxy' },
          { read: false, via: 'kube-proxy' },
        ]);
        expect(report.coverage.nodes[2]).toMatchObject({ reasonCode: 'unreachable' });
        expect(report.coverage.nodes[2]?.reason).toContain(
          'the node is NotReady: Kubelet stopped posting node status.',
        );
        const { report: made } = await doctor.check('--via', 'debug-pod', '--node', THIRD);
        expect(made.coverage.nodes.at(-1)).toMatchObject({ read: false, reasonCode: 'unreachable' });
      } finally {
        process.kill(kubelet, 'SIGCONT');
        doctor.kubectl(['wait', '--for=condition=Ready', `node/${THIRD}`, '--timeout=120s']);
      }
    });

    /** The kubelet in the network namespace of this lab's node: another lab has nodes of the same name. */
    async function kubeletOf(node: string): Promise<number> {
      const network = (await onNode(node, 'readlink /proc/self/ns/net')).trim();
      const isOurs = (pid: string): boolean =>
        readFileSync(`/proc/${pid}/comm`, 'utf8') === 'kubelet\n' && readlinkSync(`/proc/${pid}/ns/net`) === network;
      const found = readdirSync('/proc').filter((pid) => {
        try {
          return /^\d+$/.test(pid) && isOurs(pid);
        } catch {
          return false;
        }
      });
      if (found.length !== 1) throw new Error(`${found.length} kubelets of ${node}`);
      return Number(found[0]);
    }
  },
);
