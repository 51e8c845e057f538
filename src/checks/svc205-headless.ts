import { defineCheck, judged } from './check.ts';

export default defineCheck({
  id: 'SVC205',
  slug: 'headless',
  severity: 'info',
  invariant: null,
  scope: 'service',
  title: 'the Service has a clusterIP',
  docs: {
    why: `A headless Service (clusterIP: None) has no address and no rules on any node: the cluster DNS answers its name with the addresses of the ready pods, and clients choose one themselves. Nothing is balanced or translated.`,
    causes: [`clusterIP: None was chosen on purpose, as StatefulSets need it, or copied from another manifest.`],
    fix: [`For one address in front of all pods make a second Service without clusterIP: None.`],
    ignoreWhen: `When headless is meant.`,
  },
  applies: (view) => view.service.headless && view.service.type !== 'ExternalName',
  judge: ({ service }) =>
    judged([
      {
        title: 'the Service is headless: nodes have no rules for it, DNS answers with the addresses of its pods',
        cause: 'headless',
        expected: [],
        proof: [],
        found: 'spec.clusterIP is None',
        confidence: 'certain',
        fix: [`kubectl -n ${service.namespace} get endpointslices -l kubernetes.io/service-name=${service.name}`],
      },
    ]),
});
