import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClusterConnection, ClusterError, type ClusterReading } from '../cluster/index.ts';
import { stopped } from '../ssh/failures.ts';
import { NodeReadError, type Transport } from '../transport.ts';
import type { NodeTarget, NodeWay } from '../way.ts';
import { DebugPodApi, type PodName } from './debug-pod-api.ts';
import {
  CHROOT_IMAGE,
  CONTAINER,
  type DebugPod,
  debugPodManifest,
  type DebugPodSettings,
  DEFAULT_IMAGE,
  HOST_ROOT,
} from './debug-manifest.ts';
import { execInPod } from './exec.ts';
import { ExecTransport } from './exec-transport.ts';
import { KubeProxyPods } from './kube-proxy-pods.ts';
import { refuseNodesWithoutPods } from './node-facts.ts';
import { progressOf } from './pod-progress.ts';
import { unzipped, ZIP_PROBE, zipped } from './zipped.ts';

/** Pods that are about to be made. */
export interface DebugPodPlan {
  readonly namespace: string;
  readonly images: readonly string[];
  readonly nodes: readonly string[];
}

/** The person, or who speaks for them. */
export interface DebugPodHost {
  /** false: nobody agrees, and nothing is made. Only asked when everything else says that it would work. */
  agree(plan: DebugPodPlan, signal: AbortSignal): Promise<boolean>;
  /** Whether anybody can be asked at all, or has agreed already. */
  readonly canAgree: boolean;
  /** One line for people. */
  say(line: string): void;
  /** Of the pods that are there now; the result ends it. */
  hold(leftover: () => string): () => void;
}

/** What a pod may live longer than the reading of its node. */
const DEADLINE_RESERVE_S = 60;
const FIRST_POLL_MS = 200;
const LONGEST_POLL_MS = 1000;
/** So many nodes that cannot have the image are enough to know it. */
const PULLS_TRIED = 3;

/** A pod of our own on each node, for as long as its reading lasts. */
export class DebugPodWay implements NodeWay {
  readonly via = 'debug-pod';
  readonly #connection: ClusterConnection;
  readonly #settings: DebugPodSettings;
  readonly #host: DebugPodHost;
  readonly #api: DebugPodApi;
  readonly #proxies: KubeProxyPods;
  readonly #run = randomBytes(4).toString('hex');
  readonly #deadlineSeconds: number;
  /** Pods that are there, or may be. */
  readonly #made = new Map<string, PodName>();
  readonly #pullsFailed = new Map<string, number>();
  readonly #zips = new Map<string, Promise<boolean>>();
  readonly #release: () => void;

  constructor(
    connection: ClusterConnection,
    reading: ClusterReading,
    settings: DebugPodSettings,
    nodeTimeoutMs: number,
    host: DebugPodHost,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#host = host;
    this.#api = new DebugPodApi(connection, settings.namespace);
    this.#proxies = new KubeProxyPods(reading);
    this.#deadlineSeconds = Math.ceil(nodeTimeoutMs / 1000) + DEADLINE_RESERVE_S;
    this.#release = host.hold(() => [...this.#made.values()].map(removalOf).join('\n'));
  }

  /** Tries whether a pod may be made, then asks, once for all nodes. */
  async prepare(nodes: readonly NodeTarget[], signal: AbortSignal): Promise<void> {
    const able = nodes.filter(canHavePods);
    const [first] = able;
    if (first === undefined) return;
    const { namespace } = this.#settings;
    if (!this.#host.canAgree) throw notConfirmed(namespace, able.length);
    await this.#api.rehearse(debugPodManifest(this.#podFor(first), this.#settings), signal);
    const images = [...new Set(able.map((node) => this.#imageFor(node)))];
    const plan = { namespace, images, nodes: able.map(({ name }) => name) };
    if (!(await this.#host.agree(plan, signal))) throw notConfirmed(namespace, able.length);
    this.#host.say(
      `making ${count(able.length)} in namespace ${namespace} to read ${plan.nodes.join(', ')}: image ${images.join(', ')}; removed afterwards`,
    );
  }

  async open(node: NodeTarget, signal: AbortSignal): Promise<Transport> {
    refuseNodesWithoutPods(node);
    const pod = this.#podFor(node);
    this.#refuseImagesThatFailed(pod.image);
    if (signal.aborted) throw stopped(signal, `pod ${pod.name}`);
    const name: PodName = { namespace: this.#settings.namespace, name: pod.name };
    this.#made.set(pod.name, name);
    try {
      await this.#api.create(debugPodManifest(pod, this.#settings));
      await this.#untilRunning(name, signal);
      return await this.#transport(pod, name, signal);
    } catch (error) {
      if (error instanceof NodeReadError && error.reason === 'image-pull') this.#countFailedPull(pod.image);
      await this.#remove(name);
      throw error;
    }
  }

  /** What could not be removed before is tried once more, and then said. */
  async close(): Promise<void> {
    await Promise.all([...this.#made.values()].map(async (pod) => this.#remove(pod)));
    for (const pod of this.#made.values()) {
      this.#host.say(`pod ${pod.namespace}/${pod.name} could not be removed. Remove it: ${removalOf(pod)}`);
    }
    this.#release();
  }

  #podFor(node: NodeTarget): DebugPod {
    const hash = createHash('sha256').update(node.name).digest('hex').slice(0, 8);
    return {
      name: `svcdoctor-${this.#run}-${hash}`,
      node: node.name,
      image: this.#imageFor(node),
      run: this.#run,
      deadlineSeconds: this.#deadlineSeconds,
    };
  }

  #imageFor(node: NodeTarget): string {
    const { image, isChrooted } = this.#settings;
    if (image !== null) return image;
    return isChrooted ? CHROOT_IMAGE : (this.#proxies.imageOn(node) ?? DEFAULT_IMAGE);
  }

  async #untilRunning(pod: PodName, signal: AbortSignal): Promise<void> {
    let words = 'no status yet';
    try {
      for (let pause = FIRST_POLL_MS; ; pause = Math.min(pause * 1.5, LONGEST_POLL_MS)) {
        const progress = progressOf(await this.#api.get(pod, signal));
        if (progress.isRunning) return;
        words = progress.words;
        await sleep(pause, undefined, { signal });
      }
    } catch (error) {
      if (signal.aborted) throw notRunningInTime(pod, words, signal);
      if (error instanceof ClusterError && error.status === 404) {
        throw new NodeReadError('pod-ended', `somebody removed pod ${pod.namespace}/${pod.name}`, 'Run it again.');
      }
      throw error;
    }
  }

  async #transport(pod: DebugPod, name: PodName, signal: AbortSignal): Promise<Transport> {
    const connection = this.#connection;
    const { isChrooted } = this.#settings;
    const target = { namespace: name.namespace, pod: name.name, container: CONTAINER };
    const inside = (argv: readonly string[]): readonly string[] => (isChrooted ? ['chroot', HOST_ROOT, ...argv] : argv);
    const probe = async (): Promise<boolean> => {
      const answer = await execInPod(connection, target, inside(ZIP_PROBE), { signal });
      return answer.code === 0;
    };
    // One image is like itself on every node; one node's own programs say nothing about another's.
    const isZipped = await this.#zipsIn(isChrooted ? pod.node : pod.image, probe);
    return new ExecTransport({
      via: 'debug-pod',
      dialect: isChrooted ? 'login' : 'container',
      connection,
      target,
      wrap: (argv) => inside(isZipped ? zipped(argv) : argv),
      ...(isZipped ? { unwrap: unzipped } : {}),
      close: async () => this.#remove(name),
    });
  }

  /** A probe that breaks says nothing: then nothing is zipped. */
  async #zipsIn(place: string, probe: () => Promise<boolean>): Promise<boolean> {
    const known = this.#zips.get(place);
    if (known !== undefined) return known;
    const asked = probe().catch(() => false);
    this.#zips.set(place, asked);
    return asked;
  }

  async #remove(pod: PodName): Promise<void> {
    try {
      await this.#api.remove(pod);
      this.#made.delete(pod.name);
    } catch {
      // It stays among those that close() tries again, and names.
    }
  }

  #countFailedPull(image: string): void {
    this.#pullsFailed.set(image, (this.#pullsFailed.get(image) ?? 0) + 1);
  }

  #refuseImagesThatFailed(image: string): void {
    if ((this.#pullsFailed.get(image) ?? 0) < PULLS_TRIED) return;
    const message = `the image ${image} could not be had on ${PULLS_TRIED} other nodes, so it was not tried here`;
    throw new NodeReadError('image-pull', message, 'Name one the nodes can pull: --debug-image IMAGE');
  }
}

/** What removes a pod by hand. */
export function removalOf({ namespace, name }: PodName): string {
  return `kubectl -n ${namespace} delete pod ${name} --grace-period=0 --force`;
}

function canHavePods(node: NodeTarget): boolean {
  try {
    refuseNodesWithoutPods(node);
    return true;
  } catch {
    return false;
  }
}

function notRunningInTime(pod: PodName, words: string, signal: AbortSignal): NodeReadError {
  const place = `pod ${pod.namespace}/${pod.name}`;
  const why = stopped(signal, place);
  if (why.reason !== 'timeout') return why;
  const tryThis = 'Give it more time: --node-timeout 60s';
  return new NodeReadError('pod-not-ready', `${place} did not run in time: ${words}`, tryThis);
}

function notConfirmed(namespace: string, pods: number): NodeReadError {
  return new NodeReadError(
    'not-confirmed',
    `${count(pods)} would have to be made in namespace ${namespace}, and nobody agreed`,
    'Say --yes to let it make pods, or --via debug-pod.',
  );
}

function count(pods: number): string {
  return pods === 1 ? 'a pod' : `${pods} pods`;
}
