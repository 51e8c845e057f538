import { plainName } from '../model/dns.ts';
import { defineCheck, judged, type Judgement } from './check.ts';

import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC224',
  slug: 'external-name-target',
  severity: 'warning',
  invariant: null,
  scope: 'service',
  lasting: true,
  title: 'the name an ExternalName Service leads to exists',
  docs: {
    why: `An ExternalName Service is as good as the name it leads to. The cluster's DNS servers, asked for that name, say that there is no such name: clients of the Service get the same answer.`,
    causes: [
      `The name in spec.externalName is misspelt, or lacks its domain: it is taken as it stands, no search path is added.`,
      `It is a Service of this cluster that was deleted, or is in another namespace, or a headless one without ready endpoints.`,
      `The name exists only where the cluster's DNS servers do not ask.`,
    ],
    fix: [`Correct spec.externalName, or see that the DNS servers forward this domain to who knows it.`],
    ignoreWhen: `When nodes have a DNS cache of their own that asks other servers for this domain.`,
  },
  applies: ({ service, cluster }) => service.externalName !== null && !service.deleting && cluster.dns !== null,
  judge,
});

function judge({ service, cluster }: ServiceView): Judgement {
  const name = plainName(service.externalName ?? '');
  const answers = cluster.dns?.answersTo({ name, type: 'A' }) ?? [];
  const absent = answers.filter(({ response }) => response?.rcode === 'NXDOMAIN');
  // One server that knows it is enough to doubt the others.
  if (absent.length === 0 || absent.length < answers.filter(({ response }) => response !== null).length)
    return judged([]);
  return judged([
    {
      title: `${name}, to which the Service leads, does not exist for the cluster DNS`,
      cause: 'target',
      expected: [`an address for ${name}`],
      proof: [],
      found: `${absent.map(({ server }) => server).join(', ')}: NXDOMAIN for ${name}`,
      confidence: 'likely',
      fix: [`kubectl -n ${service.namespace} get service ${service.name} -o jsonpath='{.spec.externalName}'`],
    },
  ]);
}
