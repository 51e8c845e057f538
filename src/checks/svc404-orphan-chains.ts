import { nameInHash, portChains, sepChainsFor } from '../kubeproxy/names.ts';
import type { Cluster } from '../model/service.ts';
import type { Chain } from '../netfilter/rules.ts';
import { defineCheck, judged } from './check.ts';
import type { FamilyView } from './world.ts';

export default defineCheck({
  id: 'SVC404',
  slug: 'orphan-chains',
  severity: 'info',
  invariant: null,
  scope: 'node',
  always: true,
  title: "every chain of kube-proxy's is in use",
  docs: {
    why: `A KUBE-SVC, KUBE-SEP or other chain that no rule leads to is left from a Service or endpoint that is gone. Packets never reach it.`,
    causes: [
      `In large clusters kube-proxy since 1.27 leaves such chains until its next full sync, to save time.`,
      `Rules were restored from an old save.`,
    ],
    fix: [`Nothing needs to be done; kube-proxy removes them at its next full sync.`],
    ignoreWhen: `Always, but for the space they take.`,
  },
  applies: (view) => view.hasProxyRules,
  judge: (view) => {
    const orphans = orphansOf(view);
    if (orphans.length === 0) return judged([]);
    return judged([
      {
        title: `${orphans.length === 1 ? 'one chain' : `${orphans.length} chains`} of kube-proxy's that nothing leads to`,
        cause: 'orphans',
        expected: [],
        proof: [],
        found: `${orphans.slice(0, SHOWN).join(', ')}${orphans.length > SHOWN ? ', …' : ''}`,
        confidence: 'certain',
        fix: [],
      },
    ]);
  },
  hits: () => false,
});

const SHOWN = 3;

const OWN_CHAIN = /^KUBE-(?:SVC|SVL|EXT|XLB|FW|SEP)-/;

function orphansOf(view: FamilyView): readonly string[] {
  const chains: ReadonlyMap<string, Chain> = view.index.ruleset.tables.get('nat')?.chains ?? new Map<string, Chain>();
  const used = new Set<string>();
  for (const chain of chains.values()) {
    for (const { target } of chain.rules) {
      if ((target.kind === 'jump' || target.kind === 'goto') && target.chain !== chain.name) used.add(target.chain);
    }
  }
  const unused = [...chains.keys()].filter((name) => OWN_CHAIN.test(name) && !used.has(name));
  if (unused.length === 0) return unused;
  const owned = ownedChains(view.cluster);
  return unused.filter((name) => !owned.has(name)).toSorted();
}

/** Chains of what the API has: one of these that nothing leads to lacks a rule, and has a check that says so. */
function ownedChains(cluster: Cluster): ReadonlySet<string> {
  const owned = new Set<string>();
  for (const port of cluster.servicePorts) {
    for (const name of nameInHash(port)) {
      const { svc, svl, ext, xlb, fw } = portChains(name, port.protocol);
      for (const chain of [svc, svl, ext, xlb, fw]) owned.add(chain);
    }
    for (const endpoint of cluster.endpointsOf(port))
      for (const chain of sepChainsFor(port, endpoint)) owned.add(chain);
  }
  return owned;
}
