import { defineCheck, judged, type Fault } from './check.ts';
import { distinctPorts, livingPods, portsWithoutEndpoints, printPort } from './service-endpoints.ts';
import { unresolvedPorts } from './target-port.ts';
import type { ServicePort } from '../model/service.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC206',
  slug: 'has-endpoints',
  severity: 'error',
  invariant: null,
  scope: 'service',
  title: 'every port of the Service has an endpoint to use',
  docs: {
    why: `Without an endpoint kube-proxy rejects connections to the port, rightly. This check speaks when the reason is not one of the more exact ones: a Service without a selector whose slices were not made, ready pods that the controller has not turned into endpoints, or pods that could not be looked at.`,
    causes: [
      `A Service without a selector needs EndpointSlices made by hand or by a controller, with the label kubernetes.io/service-name and the port's name.`,
      `The port name in hand-made slices differs from the Service's.`,
      `kube-controller-manager does not run, so that slices are not kept up.`,
    ],
    fix: [`Look at the slices: kubectl get endpointslices -l kubernetes.io/service-name=NAME -o yaml`],
    ignoreWhen: `When the Service is meant to be without endpoints for now.`,
  },
  applies: (view) => view.ports.length > 0,
  judge: (view) => judged(unexplained(view)),
});

function unexplained(view: ServiceView): readonly Fault[] {
  const { service, pods } = view;
  const unresolved = unresolvedPorts(view);
  const dead = distinctPorts(portsWithoutEndpoints(view)).filter((port) => !unresolved.has(port.portName));
  if (dead.length === 0 || isExplained(view)) return [];
  const why = reason(view);
  return [
    {
      title: `port ${dead.map((port) => printPort(port) + onlyFamily(view, port)).join(', ')} has no endpoints${why}`,
      cause: 'no endpoints',
      expected: ['an EndpointSlice with a ready endpoint for the port'],
      proof: [],
      found: found(view, dead),
      confidence: pods === null && service.selector !== null ? 'likely' : 'certain',
      fix: [`kubectl -n ${service.namespace} get endpointslices -l kubernetes.io/service-name=${service.name} -o yaml`],
    },
  ];
}

/** ` in IPv6`, for a Service of both families that has endpoints in the other. */
function onlyFamily(view: ServiceView, port: ServicePort): string {
  const other = view.ports.some((candidate) => candidate.id === port.id && candidate.family !== port.family);
  return other ? ` in ${port.family}` : '';
}

/** SVC201 or SVC202 say it better: nothing matches, or nothing that matches is ready. */
function isExplained({ service, pods }: ServiceView): boolean {
  if (service.selector === null || pods === null) return false;
  return !livingPods(pods).some((pod) => pod.ready && !pod.deleting);
}

function reason({ service, pods }: ServiceView): string {
  if (service.selector === null) return ', and the Service has no selector that would make some';
  return pods === null ? '; its pods were not read, so the reason is open' : ' although ready pods match the selector';
}

function found(view: ServiceView, dead: readonly ServicePort[]): string {
  const all = dead.flatMap((port) => view.cluster.endpointsOf(port));
  if (all.length === 0) return 'no slice has an endpoint for it';
  return all.length === 1 ? 'one endpoint, not ready' : `${all.length} endpoints, none ready`;
}
