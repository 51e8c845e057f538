import { parseIp } from '../model/address.ts';
import { plainName } from '../model/dns.ts';
import { defineCheck } from './check.ts';
import { judgeAnswers, wasAsked } from './dns-answers.ts';

export default defineCheck({
  id: 'SVC221',
  slug: 'external-name-answer',
  severity: 'error',
  invariant: null,
  scope: 'service',
  lasting: true,
  asksDns: true,
  title: "the cluster DNS leads the Service's name to its externalName",
  docs: {
    why: `Of an ExternalName Service the answer of the cluster DNS is all there is: a CNAME from the Service's name to spec.externalName. The servers themselves were asked, over a port-forward, so that neither rules nor a cache on a node is in between.`,
    causes: [
      `A DNS server no longer follows the API: it has lost its connection, or may not list Services.`,
      `The Service was another one a moment ago, and the answer is kept for its time to live.`,
      `The server's configuration changes the answer (rewrite, template, hosts, a zone of its own).`,
    ],
    fix: [
      `Read the log of the DNS server that is named; restart it if it does not follow the API: kubectl -n kube-system rollout restart deployment coredns`,
    ],
    ignoreWhen: `When the DNS servers are set up to answer this name otherwise.`,
  },
  applies: (view) => {
    const { externalName, deleting } = view.service;
    return externalName !== null && !deleting && parseIp(externalName) === null && wasAsked(view, ['CNAME']);
  },
  judge: (view) => {
    const target = plainName(view.service.externalName ?? '');
    return judgeAnswers(view, [{ type: 'CNAME', values: [target] }], `a CNAME to ${target}`);
  },
});
