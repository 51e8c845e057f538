import type { ServerResponse } from 'node:http';
import { afterAll, describe, expect, it } from 'vitest';
import { ClusterError, connectCluster, readCluster } from '../../../src/collect/cluster/index.ts';
import { sendStatus, startFakeApi } from './fake-api.ts';
import { kubeconfig, scratchFolder } from './lab.ts';

/** Each request in turn is broken in each way: no part may be absent without an error, and no error may be nameless. */

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const FAULTS: Record<string, (response: ServerResponse) => void> = {
  'status 500': (response) => sendStatus(response, 500, 'InternalError', 'broken'),
  'status 403': (response) => sendStatus(response, 403, 'Forbidden', 'forbidden'),
  'status 401': (response) => sendStatus(response, 401, 'Unauthorized', 'Unauthorized'),
  'status 410': (response) => sendStatus(response, 410, 'Expired', 'expired'),
  'a page': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  'half a body': (response) =>
    response.writeHead(200, { 'content-length': '50' }).write('{"kind":', () => response.destroy()),
  'another kind': (response) => response.writeHead(200).end('{"kind":"SecretList","items":[]}'),
  'a reset': (response) => response.destroy(),
  silence: () => undefined,
};

const ESSENTIAL = ['services', 'nodes'] as const;

describe.each(Object.entries(FAULTS))('with %s', (name, fault) => {
  it('at any one place, the reading is honest', async () => {
    const api = await startFakeApi();
    api.objects.set('/api/v1/namespaces/default/services', [
      { metadata: { name: 'a', namespace: 'default' }, spec: { selector: { app: 'a' } } },
    ]);
    scratch.write('config', kubeconfig(api.url));
    const outcomes: string[] = [];
    const paths = new Set<string>();
    const broken: (string | null)[] = [null];
    for (let n = 0; n < broken.length; n += 1) {
      api.seen.length = 0;
      const target = broken[n] ?? null;
      api.fault = ({ url }, response) => {
        if (url !== target) return false;
        fault(response);
        return true;
      };
      const environment = { ...scratch.environment(), retry: { broken: 1, baseDelayMs: 1 } };
      // Only who waits for an answer that never comes needs to lose patience soon; a busy machine is slow for all.
      const requestTimeout = name === 'silence' && target !== null ? 150 : 10_000;
      const connection = await connectCluster({ kubeconfig: 'config', requestTimeout }, environment);
      const request = { namespace: 'default', names: ['a'], selector: null };
      const result = await readCluster(connection, request).catch((error: unknown) => error);
      await connection.close();
      for (const { url } of api.seen) {
        if (paths.has(url)) continue;
        paths.add(url);
        broken.push(url);
      }
      outcomes.push(honesty(result));
    }
    expect(broken.length).toBeGreaterThan(9);
    expect(new Set(outcomes.slice(1))).not.toContain('complete');
    expect(outcomes.filter((outcome) => outcome.startsWith('dishonest'))).toEqual([]);
    expect(outcomes[0]).toBe('complete');
    await api.close();
  });
});

function honesty(result: unknown): string {
  if (result instanceof ClusterError)
    return result.message !== '' && result.suggestion !== '' ? 'stopped' : 'dishonest: nameless';
  if (result instanceof Error) return `dishonest: ${result.stack}`;
  const reading = isReading(result) ? result : null;
  if (reading === null) return 'dishonest: nothing';
  for (const file of ESSENTIAL) if (!reading.cluster.has(file)) return `dishonest: no ${file}`;
  if (!reading.cluster.has('endpoints') && !reading.cluster.has('endpointslices')) return 'dishonest: no endpoints';
  for (const { file, error } of reading.parts) {
    if (error === null && !reading.cluster.has(file)) return `dishonest: ${file} is absent without an error`;
  }
  return reading.parts.some(({ error }) => error !== null) ? 'partial' : 'complete';
}

function isReading(value: unknown): value is Awaited<ReturnType<typeof readCluster>> {
  return typeof value === 'object' && value !== null && 'parts' in value && 'cluster' in value;
}
