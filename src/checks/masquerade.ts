import type { PortView } from './world.ts';

/**
 * True when connections to the port may have to be masqueraded: by node port or an external address, or by clusterIP from
 * outside the pod network where kube-proxy can tell.
 */
export function usesMasquerade(view: PortView): boolean {
  const rules = [...view.expected.entries, ...view.expected.chains.flatMap((chain) => chain.rules)];
  return rules.some(({ rule }) => rule.target.kind === 'jump' && rule.target.chain === 'KUBE-MARK-MASQ');
}
