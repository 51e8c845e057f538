import { SHARED_CHAINS } from '../kubeproxy/compare-entries.ts';
import type { Rule, TableName } from '../netfilter/rules.ts';
import { defineCheck, judged, type Fault } from './check.ts';
import { proof } from './fault.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC405',
  slug: 'stale-entry',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  always: true,
  title: 'entry rules are for Services that kube-proxy serves',
  docs: {
    why: `An entry rule for a Service that was deleted, or that became headless, an ExternalName or another proxy's (label service.kubernetes.io/service-proxy-name), takes connections to an address nobody has to endpoints that belong to nobody, or to somebody else by now. It also says that kube-proxy has not synchronised since: what it has not removed it has not added either.`,
    causes: [
      `kube-proxy does not run on the node, hangs, or cannot reach the API server.`,
      `Rules were restored from an old save.`,
    ],
    fix: [`See whether kube-proxy runs on the node and what it logs; then have it write its rules again.`],
    ignoreWhen: `When the Service was deleted a moment ago.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) => judged(staleOnes(view)),
  hits: () => false,
});

function staleOnes(view: FamilyView): readonly Fault[] {
  const stale = new Map<string, { table: TableName; rules: Rule[]; because: string }>();
  for (const [table, name] of SHARED_CHAINS) {
    for (const rule of view.index.chain(table, name)?.rules ?? []) {
      const service = serviceOf(rule);
      const because = service === null ? null : view.unservedBecause(service);
      if (service === null || because === null) continue;
      const known = stale.get(service);
      if (known === undefined) stale.set(service, { table, rules: [rule], because });
      else if (known.table === table) known.rules.push(rule);
    }
  }
  return [...stale].map(([service, { table, rules, because }]) => ({
    title: `${rules.length === 1 ? 'a rule is' : `${rules.length} rules are`} left from Service ${service}, ${because === 'gone' ? 'which does not exist' : `for which kube-proxy makes none (${because})`}`,
    cause: service,
    expected: ['no such rule'],
    proof: proof(table, rules.slice(0, SHOWN)),
    found: null,
    confidence: 'likely',
  }));
}

const SHOWN = 4;

/** kube-proxy's comments begin with `NAMESPACE/NAME` or `NAMESPACE/NAME:PORT`. */
const SERVICE = /^([a-z0-9][-a-z0-9]*\/[a-z0-9][-a-z0-9.]*)(?::\S*)? ?/;

function serviceOf({ comment }: Rule): string | null {
  return SERVICE.exec(comment ?? '')?.[1] ?? null;
}
