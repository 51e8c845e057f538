/** kube-proxy as a process of its node, for a lab without kubelets. */
import { join } from 'node:path';
import { Daemon } from './daemon.ts';
import type { MachineParts } from './machine.ts';
import { onNode } from './namespaces.ts';
import { isSingleStack } from './options.ts';
import type { NodePlan } from './topology.ts';

export function kubeProxyProcess(plan: NodePlan, parts: MachineParts): Daemon {
  const { options, layout } = parts;
  const path = `${layout.work}/iptables-${options.backend}:${process.env['PATH'] ?? ''}`;
  const log = join(layout.logs, `${plan.name}-kube-proxy.log`);
  return new Daemon(onNode(plan.name, kubeProxyArgv(plan, parts)), log, { ...process.env, PATH: path });
}

function kubeProxyArgv(plan: NodePlan, { options, layout, programs }: MachineParts): string[] {
  const { masqueradeAll, markBit, clusterCidr, kubeProxyFlags } = options;
  return [
    programs.kubeProxy,
    `--kubeconfig=${layout.work}/kube-proxy.kubeconfig`,
    `--hostname-override=${plan.name}`,
    '--proxy-mode=iptables',
    `--iptables-masquerade-bit=${markBit}`,
    ...(masqueradeAll ? ['--masquerade-all'] : []),
    ...(clusterCidr === null
      ? []
      : [`--cluster-cidr=${isSingleStack(options) ? clusterCidr.split(',')[0] : clusterCidr}`]),
    // The slices it would read are of an API version that is no more.
    ...(isSingleStack(options) ? ['--feature-gates=EndpointSliceProxying=false'] : []),
    // A setting of the whole machine: it cannot be written in a namespace.
    '--conntrack-max-per-core=0',
    '--healthz-bind-address=127.0.0.1:10256',
    '--metrics-bind-address=127.0.0.1:10249',
    ...kubeProxyFlags,
  ];
}
