import { defineCheck, judged } from './check.ts';

export default defineCheck({
  id: 'SVC204',
  slug: 'external-name',
  severity: 'info',
  invariant: null,
  scope: 'service',
  title: 'the Service has addresses of its own',
  docs: {
    why: `A Service of type ExternalName has no address and no rules on any node: the cluster DNS answers its name with a CNAME, and clients connect to that name themselves. Ports, selectors and traffic policies in it do nothing.`,
    causes: [`The type was chosen on purpose, or copied from another manifest.`],
    fix: [`Look the name up from a pod; if it does not lead where it should, correct spec.externalName.`],
    ignoreWhen: `When the type is meant.`,
  },
  applies: (view) => view.service.type === 'ExternalName',
  judge: ({ service }) =>
    judged([
      {
        title: `the Service is only a DNS name for ${service.externalName ?? 'nothing'}: nodes have no rules for it`,
        cause: 'ExternalName',
        expected: [],
        proof: [],
        found: `spec.type is ExternalName, spec.externalName is ${service.externalName ?? 'empty'}`,
        confidence: 'certain',
        fix: [
          `kubectl run dns-test --rm -it --restart=Never --image=busybox -- nslookup ${service.name}.${service.namespace}`,
        ],
      },
    ]),
});
