import { describe, expect, it } from 'vitest';
import { progressOf } from '../../../src/collect/pods/pod-progress.ts';

const SPEC = { containers: [{ name: 'node', image: 'example/image:1' }] };

function pod(status: object, metadata: object = {}): unknown {
  return { metadata: { name: 'svcdoctor-x', ...metadata }, spec: SPEC, status };
}

const waiting = (reason: string, message = 'why'): object => ({
  phase: 'Pending',
  containerStatuses: [{ name: 'node', state: { waiting: { reason, message } } }],
});

const ended = (phase: string, terminated: object): object => ({
  phase,
  containerStatuses: [{ name: 'node', state: { terminated } }],
});

describe('a pod that reads a node', () => {
  it.each([
    ['has no status yet', {}, 'no status yet'],
    ['is being prepared', { phase: 'Pending' }, 'Pending'],
    ['pulls its image', waiting('ContainerCreating'), 'ContainerCreating'],
    ['is said to run before its container does', { phase: 'Running', containerStatuses: [{ state: {} }] }, 'Running'],
  ])('%s', (_, status, words) => {
    expect(progressOf(pod(status))).toEqual({ isRunning: false, words });
  });

  it('runs', () => {
    const status = { phase: 'Running', containerStatuses: [{ name: 'node', state: { running: { startedAt: 'x' } } }] };
    expect(progressOf(pod(status))).toEqual({ isRunning: true });
  });

  it.each<[object, string, string]>([
    ...['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'].map(
      (reason): [object, string, string] => [
        waiting(reason),
        'image-pull',
        `the image example/image:1 cannot be had on the node: ${reason}: why`,
      ],
    ),
    [
      waiting('CreateContainerConfigError', 'secret "x" not found'),
      'pod-not-ready',
      'the container of image example/image:1 does not start: CreateContainerConfigError: secret "x" not found',
    ],
    [
      ended('Failed', { exitCode: 128, reason: 'StartError', message: 'exec: "sleep": executable file not found' }),
      'pod-not-ready',
      'the container of image example/image:1 does not start: StartError: exec: "sleep": executable file not found',
    ],
    [ended('Failed', { exitCode: 1, reason: 'Error' }), 'pod-ended', 'the container ended at once with 1: Error'],
    [ended('Succeeded', { exitCode: 0, reason: 'Completed' }), 'pod-ended', 'ended at once with 0: Completed'],
    [
      { phase: 'Failed', reason: 'Evicted', message: 'The node was low on resource: memory.' },
      'pod-ended',
      'the pod that reads the node was ended: Evicted: The node was low on resource: memory.',
    ],
    [
      { phase: 'Failed', reason: 'DeadlineExceeded', message: 'Pod was active on the node longer than …' },
      'pod-ended',
      'DeadlineExceeded',
    ],
    ...['OutOfpods', 'OutOfcpu', 'NodeAffinity', 'UnexpectedAdmissionError', 'AppArmor'].map(
      (reason): [object, string, string] => [
        { phase: 'Failed', reason, message: 'Node did not have enough of it' },
        'unschedulable',
        `the kubelet does not take the pod: ${reason}: Node did not have enough of it`,
      ],
    ),
  ])('will never run: %j', (status, reason, message) => {
    expect(failureOf(pod(status))).toMatchObject({ reason, message: expect.stringContaining(message) as string });
  });

  it('is being taken away', () => {
    const failure = failureOf(pod({ phase: 'Running' }, { deletionTimestamp: '2026-01-01T00:00:00Z' }));
    expect(failure).toMatchObject({ reason: 'pod-ended', message: 'somebody deletes the pod that reads the node' });
  });

  it('says which processor an image is for', () => {
    const failure = failureOf(pod(ended('Failed', { reason: 'StartError', message: 'exec format error' })));
    expect(failure).toMatchObject({ tryThis: expect.stringContaining('another kind of processor') as string });
  });

  it('has a message of a stranger, which stays one line', () => {
    expect(String(failureOf(pod(waiting('ErrImagePull', 'a\u001b[31m\nb'))))).toMatch(/a \[31m b$/);
  });
});

function failureOf(object: unknown): unknown {
  try {
    return progressOf(object);
  } catch (error) {
    return error;
  }
}
