import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { debugPodManifest, type DebugPodSettings } from '../../../src/collect/pods/debug-manifest.ts';

const SETTINGS: DebugPodSettings = {
  namespace: 'default',
  image: null,
  pullSecret: null,
  isPrivileged: false,
  isChrooted: false,
};

function manifest(settings: Partial<DebugPodSettings>): unknown {
  const image = 'registry.k8s.io/kube-proxy:v1.37.2';
  const pod = { name: 'svcdoctor-RUN-HASH', node: 'NODE', image, run: 'RUN', deadlineSeconds: 90 };
  return JSON.parse(JSON.stringify(debugPodManifest(pod, { ...SETTINGS, ...settings })));
}

describe('the pod that reads a node', () => {
  it('is the one docs/nodes.md shows', () => {
    const page = readFileSync(new URL('../../../docs/nodes.md', import.meta.url), 'utf8');
    const shown = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    expect(manifest({})).toEqual(parse(shown));
  });

  it('has more rights only when told to', () => {
    expect(manifest({ isPrivileged: true })).toMatchObject({
      spec: { containers: [{ securityContext: { privileged: true } }] },
    });
    expect(manifest({ isChrooted: true })).toMatchObject({
      spec: {
        volumes: [{ name: 'root', hostPath: { path: '/' } }],
        containers: [
          {
            command: ['sleep', '90'],
            volumeMounts: [{ mountPath: '/host', readOnly: true }],
            securityContext: { capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW', 'SYS_CHROOT'] } },
          },
        ],
      },
    });
  });

  it('logs in to a registry with a Secret of its namespace', () => {
    expect(manifest({ pullSecret: 'login' })).toMatchObject({ spec: { imagePullSecrets: [{ name: 'login' }] } });
  });
});
