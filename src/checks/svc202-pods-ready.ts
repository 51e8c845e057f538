import { defineCheck, judged } from './check.ts';
import { distinctPorts, livingPods, portsWithoutEndpoints, printPort, printSelector } from './service-endpoints.ts';
import { unresolvedPorts } from './target-port.ts';

export default defineCheck({
  id: 'SVC202',
  slug: 'pods-ready',
  severity: 'error',
  invariant: null,
  scope: 'service',
  title: 'some of the pods the selector matches are ready',
  docs: {
    why: `Only ready pods become endpoints. When pods match but none is ready, the Service has no endpoints, and kube-proxy rightly rejects connections to it.`,
    causes: [
      `The readiness probe fails: wrong path, port or time-out, or a dependency of the program is down.`,
      `The containers crash or cannot be started.`,
      `A readiness gate waits for a controller that does not run.`,
    ],
    fix: [`Read why they are not ready: kubectl describe pod shows probe failures under Events.`],
    ignoreWhen: `During a start or a maintenance that is known.`,
  },
  applies: (view) => view.pods !== null && view.service.selector !== null && view.ports.length > 0,
  judge: (view) => {
    const { service, pods } = view;
    if (pods === null || service.selector === null) return judged([]);
    const living = livingPods(pods);
    const dead = portsWithoutEndpoints(view).filter((port) => !unresolvedPorts(view).has(port.portName));
    if (living.length === 0 || dead.length === 0 || living.some((pod) => pod.ready && !pod.deleting)) return judged([]);
    return judged([
      {
        title: `none of the ${living.length} pods of the Service is ready, so port ${distinctPorts(dead).map(printPort).join(', ')} has no endpoints`,
        cause: 'not ready',
        expected: ['at least one ready pod'],
        proof: [],
        found: living
          .map((pod) => `pod ${pod.name}: ${pod.deleting ? 'terminating' : `${pod.phase ?? 'no phase'}, not ready`}`)
          .join('; '),
        confidence: 'certain',
        fix: [
          `kubectl -n ${service.namespace} describe pods -l ${printSelector(service.selector)}`,
          `kubectl -n ${service.namespace} logs -l ${printSelector(service.selector)} --all-containers --tail=50`,
        ],
      },
    ]);
  },
});
