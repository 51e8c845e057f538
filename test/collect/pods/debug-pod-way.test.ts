/** A pod of our own where the API server has trouble; with a real one it is tried in test/cluster. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectCluster } from '../../../src/collect/cluster/index.ts';
import type { ClusterConnection } from '../../../src/collect/cluster/index.ts';
import { DebugPodWay, type DebugPodHost } from '../../../src/collect/pods/debug-pod-way.ts';
import { send, sendStatus, startFakeApi } from '../cluster/fake-api.ts';
import type { FakeApi, Seen } from '../cluster/fake-api.ts';
import { kubeconfig, scratchFolder } from '../cluster/lab.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const SETTINGS = { namespace: 'doctor', image: 'i:1', pullSecret: null, isPrivileged: false, isChrooted: false };
const never = new AbortController().signal;
const node = (name: string) => ({ name, raw: { metadata: { name } } });
const RUNNING = {
  metadata: {},
  status: { phase: 'Running', containerStatuses: [{ state: { running: {} } }] },
};

let api: FakeApi;
let connection: ClusterConnection;
let said: string[];
let leftover: () => string;
let agree: () => boolean;
beforeEach(async () => {
  api = await startFakeApi();
  scratch.write('config', kubeconfig(api.url));
  connection = await connectCluster({ kubeconfig: 'config' }, scratch.environment());
  said = [];
  leftover = () => '';
  agree = () => true;
});
afterEach(async () => {
  await connection.close();
  await api.close();
});

function newWay(canAgree = true): DebugPodWay {
  const host: DebugPodHost = {
    canAgree,
    agree: async () => Promise.resolve(agree()),
    say: (line) => void said.push(line),
    hold: (words) => {
      leftover = words;
      return () => undefined;
    },
  };
  const reading = { cluster: new Map(), parts: [], scope: { namespace: null, services: null, selector: null } };
  const where = { context: null, server: api.url, namespace: 'default' };
  return new DebugPodWay(connection, { ...reading, ...where }, SETTINGS, 30_000, host);
}

const isPost = ({ method, url }: Seen): boolean =>
  method === 'POST' && url.startsWith('/api/v1/namespaces/doctor/pods');
const made = (): readonly Seen[] => api.seen.filter((seen) => isPost(seen) && !seen.url.includes('dryRun'));

/** An API that makes pods which run at once, and does otherwise where `fault` says so. */
function serve(fault: (seen: Seen, count: number) => [code: number, reason: string, message: string] | null): void {
  api.fault = (seen, response, count) => {
    const refused = fault(seen, count);
    if (refused !== null) sendStatus(response, ...refused);
    else if (seen.method === 'GET' && seen.headers['upgrade'] === undefined) send(response, 200, RUNNING);
    else if (seen.method !== 'GET') send(response, 201, { kind: 'Pod', status: { allowed: true } });
    else return false;
    return true;
  };
}

describe('a pod that reads a node', () => {
  it('is rehearsed, agreed to, said, made, used and removed', async () => {
    serve(() => null);
    api.talk = (socket) => socket.close();
    const way = newWay();
    await way.prepare([node('a'), node('b')], never);
    expect(made()).toEqual([]);
    expect(said).toEqual(['making 2 pods in namespace doctor to read a, b: image i:1; removed afterwards']);
    const transport = await way.open(node('a'), never);
    expect(made()).toHaveLength(1);
    expect(leftover()).toMatch(
      /^kubectl -n doctor delete pod svcdoctor-[0-9a-f]{8}-[0-9a-f]{8} --grace-period=0 --force$/,
    );
    await transport.close();
    expect(api.seen.at(-1)?.method).toBe('DELETE');
    expect(leftover()).toBe('');
    await way.close();
    expect(api.seen.filter(({ method }) => method === 'DELETE')).toHaveLength(1);
  });

  it('is not even rehearsed when there is nobody to ask', async () => {
    serve(() => null);
    await expect(newWay(false).prepare([node('a')], never)).rejects.toMatchObject({ reason: 'not-confirmed' });
    expect(api.seen).toEqual([]);
  });

  it('is not made when the answer is no', async () => {
    serve(() => null);
    agree = () => false;
    await expect(newWay().prepare([node('a')], never)).rejects.toMatchObject({ reason: 'not-confirmed' });
    expect(made()).toEqual([]);
    expect(said).toEqual([]);
  });

  it.each<[string, [number, string, string], string]>([
    [
      'a webhook that denies',
      [400, '', 'admission webhook "policy.example" denied the request: no host network'],
      'admission-denied',
    ],
    [
      'a webhook that is down',
      [500, 'InternalError', 'Internal error occurred: failed calling webhook "policy.example": timeout'],
      'admission-denied',
    ],
    ['a limit', [403, 'Forbidden', 'pods "x" is forbidden: maximum cpu usage per Pod is 1m'], 'admission-denied'],
    [
      'a missing right',
      [403, 'Forbidden', 'pods is forbidden: User "jane" cannot create resource "pods" in API group ""'],
      'forbidden',
    ],
  ])('is not made against %s, in its own words', async (_, refusal, reason) => {
    serve((seen) => (isPost(seen) ? refusal : null));
    const failing = newWay().prepare([node('a')], never);
    await expect(failing).rejects.toMatchObject({ reason, message: expect.stringContaining(refusal[2]) as string });
    expect(made()).toEqual([]);
    expect(api.seen.filter(isPost)).toHaveLength(refusal[0] >= 500 ? 3 : 1);
  });

  it('is made once although the answer was lost', async () => {
    serve((seen, count) => {
      if (!isPost(seen)) return null;
      return count === 1 ? [504, 'Timeout', 'request timed out'] : [409, 'AlreadyExists', 'pods "x" already exists'];
    });
    api.talk = (socket) => socket.close();
    const transport = await newWay().open(node('a'), never);
    expect(made()).toHaveLength(2);
    await transport.close();
  });

  it('is removed when it never runs', async () => {
    serve(() => null);
    const stop = new AbortController();
    const fault = api.fault;
    api.fault = (seen, response, count) => {
      if (seen.method !== 'GET') return fault(seen, response, count);
      send(response, 200, { status: { phase: 'Pending' } });
      if (count === 2) stop.abort(new DOMException('over', 'TimeoutError'));
      return true;
    };
    await expect(newWay().open(node('a'), stop.signal)).rejects.toMatchObject({
      reason: 'pod-not-ready',
      message: expect.stringMatching(/^pod doctor\/svcdoctor-\S+ did not run in time: Pending$/) as string,
    });
    expect(api.seen.at(-1)?.method).toBe('DELETE');
  });

  it('is named with the command that removes it', async () => {
    serve(({ method }) => (method === 'DELETE' ? [403, 'Forbidden', 'not any more'] : null));
    api.talk = (socket) => socket.close();
    const way = newWay();
    const transport = await way.open(node('a'), never);
    await transport.close();
    await way.close();
    expect(said).toEqual([
      expect.stringMatching(
        /^pod doctor\/(svcdoctor-\S+) could not be removed. Remove it: kubectl -n doctor delete pod \1 --grace-period=0 --force$/,
      ) as string,
    ]);
  });

  it('is not tried with an image that three nodes could not have', async () => {
    serve(() => null);
    const fault = api.fault;
    const waiting = { reason: 'ImagePullBackOff', message: 'no' };
    api.fault = (seen, response, count) => {
      if (seen.method !== 'GET') return fault(seen, response, count);
      send(response, 200, { status: { phase: 'Pending', containerStatuses: [{ state: { waiting } }] } });
      return true;
    };
    const way = newWay();
    for (const name of ['a', 'b', 'c']) {
      await expect(way.open(node(name), never)).rejects.toMatchObject({ reason: 'image-pull' });
    }
    await expect(way.open(node('d'), never)).rejects.toThrow('could not be had on 3 other nodes');
    expect(made()).toHaveLength(3);
  });
});
