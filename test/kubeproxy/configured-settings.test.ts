import { describe, expect, test } from 'vitest';
import type { ProxySettings } from '../../src/kubeproxy/expectation.ts';
import { inferSettings, type NodeMode, type RunningProxy } from '../../src/kubeproxy/settings.ts';
import type { Family } from '../../src/model/address.ts';
import { cidr, ip } from './builders.ts';
import { recordedCluster, recordedRulesets } from './recordings.ts';

const NODE = 'rain-kubernetes-1';
const R37 = 'hostnames-1.37-iptables-nft';
const cluster = recordedCluster(R37);
const rulesets = recordedRulesets(R37);

function configMap(lines: readonly string[], key = 'config.conf'): unknown {
  const text = ['apiVersion: kubeproxy.config.k8s.io/v1alpha1', 'kind: KubeProxyConfiguration', ...lines].join('\n');
  const data = { 'kubeconfig.conf': 'apiVersion: v1\nkind: Config\n', [key]: text };
  return { kind: 'ConfigMap', metadata: { name: 'kube-proxy', namespace: 'kube-system' }, data };
}

function podSpec(image: string, args: readonly string[]): unknown {
  return {
    nodeName: NODE,
    containers: [{ name: 'kube-proxy', image, command: ['/usr/local/bin/kube-proxy', ...args] }],
  };
}

function daemonSet(image: string, args: readonly string[]): unknown {
  const metadata = { name: 'kube-proxy', namespace: 'kube-system' };
  return { kind: 'DaemonSet', metadata, spec: { template: { spec: podSpec(image, args) } } };
}

function pod(image: string, args: readonly string[] = ['--config=/var/lib/kube-proxy/config.conf']): unknown {
  const metadata = { name: 'kube-proxy-x7f2k', namespace: 'kube-system' };
  return { kind: 'Pod', metadata, spec: podSpec(image, args) };
}

function settings(items: readonly unknown[], family: Family = 'IPv4', node = NODE): ProxySettings {
  const found = inferSettings({ cluster, rulesets, kubeProxyObjects: { kind: 'List', items } }).settingsOf(
    node,
    family,
  );
  if (found === null) throw new Error('no settings');
  return found;
}

function modeOf(items: readonly unknown[], withRules: boolean, running?: RunningProxy): NodeMode {
  const sets = withRules ? rulesets : new Map([[NODE, { IPv4: [], IPv6: [] }]]);
  const answers = running === undefined ? {} : { running: new Map([[NODE, running]]) };
  return inferSettings({ cluster, rulesets: sets, kubeProxyObjects: { items }, ...answers }).modeOf(NODE);
}

describe('settings by the cluster’s own objects', () => {
  test('kubeadm: a cluster CIDR for each family', () => {
    const map = configMap(['clusterCIDR: 10.1.0.0/16,fd00:1::/48', 'mode: ""', 'iptables:', '  masqueradeBit: 10']);
    expect(settings([map])).toMatchObject({
      localDetection: { value: { mode: 'source', cidr: cidr('10.1.0.0/16') }, origin: 'configured' },
      mark: { value: 0x400, origin: 'configured', from: 'ConfigMap kube-system/kube-proxy' },
      masqueradeAll: { value: false, origin: 'configured' },
      localhostNodePorts: { value: true },
      nodePortAddresses: { value: { mode: 'all' } },
    });
    expect(settings([map], 'IPv6').localDetection.value).toEqual({ mode: 'source', cidr: cidr('fd00:1::/48') });
  });

  test('EKS: an empty cluster CIDR is no local detection; the key is called config', () => {
    const map = configMap(
      ['clusterCIDR: ""', 'detectLocalMode: ClusterCIDR', 'iptables:', '  masqueradeAll: false'],
      'config',
    );
    expect(settings([map]).localDetection).toMatchObject({ value: { mode: 'none' }, origin: 'configured' });
  });

  test('a cluster CIDR of one family is no local detection for the other', () => {
    expect(settings([configMap(['clusterCIDR: 10.1.0.0/16'])], 'IPv6').localDetection.value).toEqual({ mode: 'none' });
  });

  test.each([
    [['detectLocalMode: NodeCIDR'], { mode: 'source', cidr: cidr('10.168.0.0/24') }],
    [
      ['detectLocalMode: BridgeInterface', 'detectLocal:', '  bridgeInterface: cni0'],
      { mode: 'interface', name: 'cni0' },
    ],
    [
      ['detectLocalMode: InterfaceNamePrefix', 'detectLocal:', '  interfaceNamePrefix: veth'],
      { mode: 'interface', name: 'veth+' },
    ],
    [['detectLocalMode: InterfaceNamePrefix'], { mode: 'none' }],
  ])('%s', (lines, value) => {
    expect(settings([configMap(lines)]).localDetection.value).toEqual(value);
  });

  test.each([
    [['nodePortAddresses: []'], 'IPv4', { mode: 'all' }],
    [['nodePortAddresses: ["172.31.0.0/24"]'], 'IPv4', { mode: 'restricted', addresses: [ip('172.31.0.11')] }],
    [['nodePortAddresses: ["172.31.0.0/24"]'], 'IPv6', { mode: 'all' }],
    [['nodePortAddresses: ["0.0.0.0/0"]'], 'IPv4', { mode: 'all' }],
    [['nodePortAddresses: ["10.99.0.0/16"]'], 'IPv4', { mode: 'restricted', addresses: [] }],
    [['nodePortAddresses: [primary]'], 'IPv6', { mode: 'restricted', addresses: [ip('fd00:172:31::11')] }],
    [
      ['nodePortAddresses: ["172.31.0.0/24", "127.0.0.0/8"]'],
      'IPv4',
      { mode: 'restricted', addresses: [ip('172.31.0.11'), ip('127.0.0.1')] },
    ],
  ] as const)('%s in %s', (lines, family, value) => {
    expect(settings([configMap(lines)], family).nodePortAddresses.value).toEqual(value);
  });

  test('flags count only without a file', () => {
    const map = configMap(['clusterCIDR: 10.1.0.0/16']);
    const image = 'registry.k8s.io/kube-proxy:v1.37.2';
    const withFile = daemonSet(image, ['--config=/var/lib/kube-proxy/config.conf', '--cluster-cidr=10.2.0.0/16']);
    const flagsOnly = daemonSet(image, ['--cluster-cidr', '10.2.0.0/16', '--masquerade-all']);
    expect(settings([map, withFile]).localDetection.value).toEqual({ mode: 'source', cidr: cidr('10.1.0.0/16') });
    expect(settings([flagsOnly])).toMatchObject({
      localDetection: { value: { mode: 'source', cidr: cidr('10.2.0.0/16') } },
      masqueradeAll: { value: true, from: 'flags of DaemonSet kube-system/kube-proxy' },
    });
  });

  test('the version is told by the pod’s image, else by the DaemonSet’s', () => {
    const set = daemonSet('registry.k8s.io/kube-proxy:v1.35.1', ['--config=x']);
    const own = pod('602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/kube-proxy:v1.36.0-minimal-eksbuild.2');
    expect(settings([set, own]).version.value).toEqual({ major: 1, minor: 36, patch: 0 });
    expect(settings([set, own], 'IPv4', 'rain-kubernetes-2').version).toMatchObject({
      value: { major: 1, minor: 35, patch: 1 },
      origin: 'configured',
      from: 'image of DaemonSet kube-system/kube-proxy',
    });
  });

  test('a version the rules clearly contradict was not the writer', () => {
    const set = daemonSet('registry.example/kube-proxy:v1.22.3', ['--config=x']);
    expect(settings([set]).era).toMatchObject({ value: '1.25', origin: 'inferred' });
  });

  test('the node’s own address: bindAddress, else the Node’s; before 1.29 it may be loopback', () => {
    const image = (tag: string): unknown => pod(`registry.k8s.io/kube-proxy:${tag}`);
    expect(settings([image('v1.33.1')]).nodeIPs).toEqual(['172.31.0.11']);
    expect(settings([image('v1.31.0'), configMap(['bindAddress: 0.0.0.0'])]).nodeIPs).toEqual(['172.31.0.11']);
    expect(settings([image('v1.33.1'), configMap(['bindAddress: 10.9.9.9'])]).nodeIPs).toEqual(['10.9.9.9']);
    const old = recordedRulesets('hostnames-1.24-iptables-nft');
    const found = inferSettings({ cluster, rulesets: old, kubeProxyObjects: undefined });
    expect(found.settingsOf(NODE, 'IPv6')?.nodeIPs).toEqual(['fd00:172:31::11', '::1']);
  });

  test('a literal --hostname-override is the node’s name, in lower case', () => {
    const image = 'registry.k8s.io/kube-proxy:v1.37.2';
    expect(settings([pod(image, ['--config=x', '--hostname-override=Rain-1.example'])]).nodeName).toBe(
      'rain-1.example',
    );
    expect(settings([pod(image, ['--config=x', '--hostname-override=$(NODE_NAME)'])]).nodeName).toBe(NODE);
  });

  test.each([
    ['no objects', undefined],
    ['no list', 'text'],
    ['broken YAML', { items: [{ kind: 'ConfigMap', data: { 'config.conf': '{[' } }] }],
    ['a kubeconfig only', { items: [{ kind: 'ConfigMap', data: { 'kubeconfig.conf': 'kind: Config' } }] }],
    ['odd objects', { items: [null, 3, { kind: 'Pod' }, { kind: 'DaemonSet', spec: [] }] }],
  ])('%s: the rules tell', (_, kubeProxyObjects) => {
    const found = inferSettings({ cluster, rulesets, kubeProxyObjects }).settingsOf(NODE, 'IPv4');
    expect(found?.localDetection).toMatchObject({ value: { mode: 'source' }, origin: 'inferred' });
  });
});

describe('mode', () => {
  const ipvs = configMap(['mode: ipvs']);

  test.each([
    ['rules go before a configuration that may not be in force', [ipvs], true, undefined, 'iptables'],
    ['without rules the configuration tells', [ipvs], false, undefined, 'ipvs'],
    ['an empty mode is iptables', [configMap(['mode: ""'])], false, undefined, 'iptables'],
    ['kube-proxy’s own answer goes before all', [], true, { mode: 'nftables' }, 'nftables'],
    ['an unknown mode', [configMap(['mode: userspace'])], false, undefined, 'unknown'],
    ['nothing at all', [], false, undefined, 'none'],
  ] as const)('%s', (_, items, withRules, running, mode) => {
    expect(modeOf(items, withRules, running).mode).toBe(mode);
  });

  test('with a configuration and a version, a single node without rules still has settings', () => {
    const items = [configMap(['clusterCIDR: 10.1.0.0/16']), pod('registry.k8s.io/kube-proxy:v1.33.1')];
    const bare = new Map([[NODE, { IPv4: [], IPv6: [] }]]);
    const found = inferSettings({ cluster, rulesets: bare, kubeProxyObjects: { items } }).settingsOf(NODE, 'IPv4');
    expect(found).toMatchObject({ era: { value: '1.25' }, version: { value: { minor: 33 } }, borrowed: 'family' });
  });
});
