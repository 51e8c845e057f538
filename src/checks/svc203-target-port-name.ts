import { defineCheck, judged } from './check.ts';
import { unresolvedPorts } from './target-port.ts';

export default defineCheck({
  id: 'SVC203',
  slug: 'target-port-name',
  severity: 'error',
  invariant: null,
  scope: 'service',
  title: 'every named targetPort is the name of a container port',
  docs: {
    why: `A targetPort that is a name is looked up in the containers of each pod, with the protocol. Pods without such a port give no endpoint for it, silently.`,
    causes: [`The container port was renamed, or never had a name.`, `The names agree and the protocols differ.`],
    fix: [`Name the port in the pod template (ports[].name), or use its number as targetPort.`],
    ignoreWhen: `Never.`,
  },
  applies: (view) => view.pods !== null && view.service.ports.some((port) => typeof port.targetPort === 'string'),
  judge: (view) => {
    const { service } = view;
    return judged(
      [...unresolvedPorts(view).values()].map((port) => ({
        title: `no container of the matching pods has a ${port.protocol} port named "${port.targetPort}"`,
        cause: `${port.name} ${port.targetPort}`,
        expected: [`a container port with name: ${port.targetPort}, protocol: ${port.protocol}`],
        proof: [],
        found: `the pods have ${portNames(view.pods ?? [])}`,
        confidence: 'certain' as const,
        fix: [
          `kubectl -n ${service.namespace} get pods -o jsonpath='{range .items[*]}{.metadata.name}{": "}{.spec.containers[*].ports}{"\\n"}{end}'`,
        ],
      })),
    );
  },
});

function portNames(
  pods: readonly {
    readonly containerPorts: readonly { readonly name: string; readonly port: number; readonly protocol: string }[];
  }[],
): string {
  const names = pods.flatMap((pod) =>
    pod.containerPorts.map(
      (port) => `${port.name === '' ? 'an unnamed port' : port.name} (${port.port}/${port.protocol})`,
    ),
  );
  return names.length === 0 ? 'no container ports' : [...new Set(names)].toSorted().join(', ');
}
