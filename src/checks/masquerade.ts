import type { PortView } from './world.ts';

/**
 * True when connections to the port may have to be masqueraded: by node port or an external address, or by clusterIP from
 * outside the pod network where kube-proxy can tell.
 */
export function usesMasquerade(view: PortView): boolean {
  return view.expected.chains.some((chain) =>
    chain.rules.some((rule) => rule.rule.target.kind === 'jump' && rule.rule.target.chain === 'KUBE-MARK-MASQ'),
  );
}
