import { FAMILIES, familyOf } from '../model/address.ts';
import { defineCheck, judged, type Judgement } from './check.ts';
import { judgeAnswers, TYPE_OF, wasAsked, type WantedAnswer } from './dns-answers.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC222',
  slug: 'cluster-ip-answer',
  severity: 'error',
  invariant: null,
  scope: 'service',
  lasting: true,
  asksDns: true,
  title: "the cluster DNS answers the Service's name with its clusterIP",
  docs: {
    why: `Pods find a Service by its name. If the cluster DNS answers with another address, or does not know the name, the best rules on all nodes are of no use. The servers themselves were asked, over a port-forward, so that neither rules nor a cache on a node is in between.`,
    causes: [
      `A DNS server no longer follows the API: it has lost its connection, or may not list Services.`,
      `The Service was deleted and made anew, and the old answer is kept for its time to live.`,
      `The server's configuration changes the answer (rewrite, template, hosts, a zone of its own).`,
    ],
    fix: [
      `Read the log of the DNS server that is named; restart it if it does not follow the API: kubectl -n kube-system rollout restart deployment coredns`,
    ],
    ignoreWhen: `When the DNS servers are set up to answer this name otherwise.`,
  },
  applies: (view) => view.service.clusterIPs.length > 0 && !view.service.deleting && wasAsked(view, ['A', 'AAAA']),
  judge,
});

function judge(view: ServiceView): Judgement {
  const { clusterIPs } = view.service;
  if (mayHaveNoName(view)) return judged([]);
  const wanted = FAMILIES.map((family): WantedAnswer => ({
    type: TYPE_OF[family],
    values: clusterIPs.filter((ip) => familyOf(ip) === family),
  }));
  return judgeAnswers(
    view,
    wanted.filter(({ values }) => values.length > 0),
    clusterIPs.join(' and '),
  );
}

/** CoreDNS' `ignore empty_service`. */
function mayHaveNoName({ service, cluster }: ServiceView): boolean {
  if (cluster.dns?.configuration?.ignoresEmpty !== true) return false;
  const ready = cluster.readyAddressesOf(service);
  return ready === null || ready.IPv4.length + ready.IPv6.length === 0;
}
