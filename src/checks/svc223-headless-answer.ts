import { FAMILIES } from '../model/address.ts';
import { defineCheck, type Judgement } from './check.ts';
import { judgeAnswers, nameInDns, TYPE_OF, wasAsked } from './dns-answers.ts';
import type { ServiceView } from './world.ts';

export default defineCheck({
  id: 'SVC223',
  slug: 'headless-answer',
  severity: 'error',
  invariant: null,
  scope: 'service',
  lasting: true,
  asksDns: true,
  title: 'the cluster DNS answers with the ready endpoints of the headless Service',
  docs: {
    why: `Clients of a headless Service connect to the addresses that the cluster DNS gives them. An address that is missing gets no connections, one that is no ready endpoint any more gets connections that fail. The servers themselves were asked, over a port-forward, so that neither rules nor a cache on a node is in between.`,
    causes: [
      `A DNS server no longer follows the API: it has lost its connection, or may not list EndpointSlices.`,
      `Endpoints have just changed, and the old answer is kept for its time to live.`,
      `The server's configuration changes the answer (rewrite, template, hosts, noendpoints).`,
    ],
    fix: [
      `Read the log of the DNS server that is named; restart it if it does not follow the API: kubectl -n kube-system rollout restart deployment coredns`,
    ],
    ignoreWhen: `When the DNS servers are set up to answer this name otherwise.`,
  },
  applies: (view) => view.service.headless && !view.service.deleting && wasAsked(view, ['A', 'AAAA']),
  judge,
});

function judge(view: ServiceView): Judgement {
  const { service, cluster } = view;
  const ready = cluster.readyAddressesOf(service);
  if (ready === null) return { status: 'undetermined', because: 'its EndpointSlices were not read' };
  if (ready.namesToo) return { status: 'undetermined', because: 'some of its endpoints are names' };
  const name = nameInDns(view) ?? '';
  const wanted = FAMILIES.map((family) => ({ type: TYPE_OF[family], values: ready[family] })).filter(
    ({ type }) => (cluster.dns?.answersTo({ name, type }) ?? []).length > 0,
  );
  const count = wanted.reduce((sum, { values }) => sum + values.length, 0);
  const what = count === 1 ? 'its one ready endpoint' : `its ${count} ready endpoints`;
  return judgeAnswers(view, wanted, count === 0 ? 'nothing, as no endpoint is ready' : what);
}
