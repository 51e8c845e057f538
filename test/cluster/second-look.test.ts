/**
 * Endpoints that change twenty times a second: kube-proxy is always a little behind, and that is no fault. One that is dead
 * is found all the same. `SVCDOCTOR_SOAK=100` checks a hundred times.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CoreV1Api, DiscoveryV1Api, KubeConfig } from '@kubernetes/client-node';
import type { V1EndpointSlice } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const ROUNDS = Number(process.env['SVCDOCTOR_SOAK'] ?? 6);
const PER_SECOND = 20;
const ENDPOINTS = 10;

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(
  `the second look${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;
    let churn: Churn;

    beforeAll(async () => {
      lab = await startLab();
      churn = await startChurn(lab.kubeconfig);
    }, 900_000);

    afterAll(async () => {
      await churn?.stop();
      await lab?.down();
    });

    function where(): readonly string[] {
      return ['--ssh-config', lab.sshConfig, '--kubeconfig', lab.kubeconfig];
    }

    async function svcdoctor(...argv: readonly string[]): Promise<string> {
      const child = spawn(process.execPath, [RUN, ...argv], { stdio: ['ignore', 'pipe', 'inherit'] });
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      await once(child, 'close');
      return text;
    }

    async function check(...flags: readonly string[]): Promise<Report> {
      return JSON.parse(await svcdoctor('check', 'churn', ...where(), '-o', 'json', ...flags)) as Report;
    }

    it(
      `finds nothing in ${ROUNDS} checks while endpoints change`,
      async () => {
        let differed = 0;
        for (let round = 0; round < ROUNDS; round++) {
          const [twice, once_] = [await check(), await check('--settle', '0')];
          expect(twice.findings).toEqual([]);
          // One look alone finds it in flight, or finds what the second one explains.
          if (once_.verdict.outcome !== 'healthy') differed++;
        }
        // Else nothing was put to the test.
        expect(differed).toBeGreaterThan(0);
        expect(churn.changes()).toBeGreaterThan(ROUNDS * PER_SECOND);
      },
      ROUNDS * 20_000,
    );

    it('calls nothing broken in snapshots that were collected meanwhile, at whatever pace', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-churn-'));
      try {
        for (const perSecond of [PER_SECOND, 1, 0.4]) {
          churn.setPace(perSecond);
          const file = join(folder, `${perSecond}.tgz`);
          await svcdoctor('collect', 'churn', ...where(), '--file', file);
          const report = JSON.parse(await svcdoctor('check', 'churn', '--from', file, '-o', 'json')) as Report;
          expect(report.findings).toEqual([]);
          expect(report.coverage.changed).toBeDefined();
        }
      } finally {
        churn.setPace(PER_SECOND);
        rmSync(folder, { recursive: true, force: true });
      }
    }, 120_000);

    it('finds a kube-proxy that is dead, among all that changes', async () => {
      await lab.break('kube-proxy-dead');
      try {
        await sleep(2000);
        const report = await check();
        expect(report.findings.map(({ code, nodes }) => [code, ...nodes])).toEqual([['SVC326', 'rain-kubernetes-2']]);
      } finally {
        await lab.heal();
      }
    }, 120_000);
  },
);

interface Churn {
  readonly changes: () => number;
  /** Changes in a second, from the next one on. */
  readonly setPace: (perSecond: number) => void;
  readonly stop: () => Promise<void>;
}

/** A Service without a selector, and a slice in which one address after the other is replaced. */
async function startChurn(kubeconfig: string): Promise<Churn> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  const slices = config.makeApiClient(DiscoveryV1Api);
  const metadata = { name: 'churn', namespace: 'default' };
  const body = { metadata, spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } };
  await config.makeApiClient(CoreV1Api).createNamespacedService({ namespace: 'default', body });
  const hosts = Array.from({ length: ENDPOINTS }, (_, index) => index + 1);
  await slices.createNamespacedEndpointSlice({ namespace: 'default', body: sliceOf(hosts) });
  let changes = 0;
  let pace = PER_SECOND;
  const end = new AbortController();
  const running = (async () => {
    while (!end.signal.aborted) {
      const due = sleep(1000 / pace);
      hosts[changes % ENDPOINTS] = ENDPOINTS + 1 + (changes % 200);
      changes++;
      await slices.replaceNamespacedEndpointSlice({ name: 'churn', namespace: 'default', body: sliceOf(hosts) });
      await due;
    }
  })();
  return {
    changes: () => changes,
    setPace: (perSecond) => {
      pace = perSecond;
    },
    stop: async () => {
      end.abort();
      await running.catch(() => undefined);
    },
  };
}

function sliceOf(hosts: readonly number[]): V1EndpointSlice {
  return {
    metadata: { name: 'churn', namespace: 'default', labels: { 'kubernetes.io/service-name': 'churn' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: [...new Set(hosts)].map((host) => ({
      addresses: [`10.168.1.${host}`],
      nodeName: 'rain-kubernetes-2',
      conditions: { ready: true },
    })),
  };
}
