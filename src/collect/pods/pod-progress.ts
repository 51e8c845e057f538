import { oneLine } from '../cluster/answer.ts';
import { at, isRecord, listOf, textOf } from '../cluster/json-value.ts';
import { NodeReadError } from '../transport.ts';

/** How far a pod has come: it runs, or it does not yet, for the reason named. */
export type PodProgress = { readonly isRunning: true } | { readonly isRunning: false; readonly words: string };

/** Reasons of a waiting container (kubelet, pkg/kubelet/images) after which it only tries the same again. */
const PULL_FAILED: ReadonlySet<string> = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
]);

const START_FAILED: ReadonlySet<string> = new Set([
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'StartError',
  'CrashLoopBackOff',
]);

/** Reasons of a pod that ran, or could have run. The others are the kubelet's when it does not take one: OutOfpods, NodeAffinity, … */
const ENDED: ReadonlySet<string> = new Set([
  'Evicted',
  'DeadlineExceeded',
  'Preempting',
  'NodeLost',
  'Shutdown',
  'Terminated',
]);

/**
 * Reads the status of a pod that was made to read a node.
 * @throws NodeReadError when it will never run, or runs no more
 */
export function progressOf(pod: unknown): PodProgress {
  if (at(pod, 'metadata', 'deletionTimestamp') !== undefined) {
    throw ended('somebody deletes the pod that reads the node');
  }
  const status = at(pod, 'status');
  const container = listOf(at(status, 'containerStatuses'))[0];
  const waiting = at(container, 'state', 'waiting');
  if (isRecord(waiting)) refuseWaiting(waiting, imageOf(pod));
  const phase = textOf(at(status, 'phase'));
  if (phase === 'Failed' || phase === 'Succeeded') throw whyEnded(status, container, imageOf(pod));
  const isRunning = phase === 'Running' && isRecord(at(container, 'state', 'running'));
  return isRunning ? { isRunning } : { isRunning, words: textOf(at(waiting, 'reason')) || phase || 'no status yet' };
}

function imageOf(pod: unknown): string {
  return textOf(at(listOf(at(pod, 'spec', 'containers'))[0], 'image'));
}

function refuseWaiting(waiting: unknown, image: string): void {
  const reason = textOf(at(waiting, 'reason'));
  const words = `${reason}: ${oneLine(textOf(at(waiting, 'message'))) || 'no reason given'}`;
  if (PULL_FAILED.has(reason)) {
    throw new NodeReadError('image-pull', `the image ${image} cannot be had on the node: ${words}`, IMAGE_HINT);
  }
  if (START_FAILED.has(reason)) throw doesNotStart(words, image);
}

const IMAGE_HINT =
  'Name one the node can pull: --debug-image IMAGE, with --image-pull-secret NAME if it needs a login.';

function whyEnded(status: unknown, container: unknown, image: string): NodeReadError {
  const reason = textOf(at(status, 'reason'));
  const said = oneLine(textOf(at(status, 'message')));
  const words = `${reason}${said === '' ? '' : `: ${said}`}`;
  if (ENDED.has(reason)) return ended(`the pod that reads the node was ended: ${words}`);
  if (reason !== '') {
    const hint = 'Make room on the node, or use --via ssh.';
    return new NodeReadError('unschedulable', `the kubelet does not take the pod: ${words}`, hint);
  }
  const end = at(container, 'state', 'terminated');
  const why = oneLine(textOf(at(end, 'message'))) || textOf(at(end, 'reason')) || 'no reason given';
  if (textOf(at(end, 'reason')) === 'StartError') return doesNotStart(`StartError: ${why}`, image);
  return ended(`the container ended at once with ${textOf(at(end, 'exitCode')) || 'no exit code'}: ${why}`);
}

function doesNotStart(words: string, image: string): NodeReadError {
  const hint = /exec format error/i.test(words)
    ? 'The image is for another kind of processor: name one for this one with --debug-image IMAGE.'
    : 'Name an image that has iptables-nft-restore (with --chroot-host: chroot and sleep): --debug-image IMAGE.';
  return new NodeReadError('pod-not-ready', `the container of image ${image} does not start: ${words}`, hint);
}

function ended(message: string): NodeReadError {
  return new NodeReadError('pod-ended', message, 'Run it again.');
}
