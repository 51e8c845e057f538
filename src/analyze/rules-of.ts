import type { FamilyView, PortView } from '../checks/world.ts';
import type { ExpectedRule } from '../kubeproxy/expectation.ts';
import { isExpected } from '../kubeproxy/same-rule.ts';
import type { RuleLine, RuleSheet } from '../model/rule-sheet.ts';
import { parseCluster } from '../model/parse-cluster.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { printRule } from '../netfilter/print.ts';
import type { Rule, TableName } from '../netfilter/rules.ts';
import { buildWorld } from './build-world.ts';
import { selectServices, type Selection } from './selection.ts';

/** @throws MalformedClusterFile, UnknownServiceInSnapshot */
export function rulesOf(
  snapshot: Snapshot,
  selection: Selection,
  nodes: readonly string[] | null,
): readonly RuleSheet[] {
  const cluster = parseCluster(snapshot.cluster);
  const { world } = buildWorld(snapshot, cluster, selectServices(cluster, selection), nodes);
  return world.nodes.flatMap((node): readonly RuleSheet[] => {
    if (node.status === 'unjudged') return [{ status: 'unjudged', node: node.name, because: node.because }];
    return node.families
      .filter((on) => on.ports.length > 0)
      .map((on) => ({ status: 'judged', node: node.name, family: on.family, lines: linesOf(on) }));
  });
}

function linesOf(on: FamilyView): readonly RuleLine[] {
  return on.ports.map(on.viewOf).flatMap((view) => [...entryLines(view), ...chainLines(view)]);
}

/** Rules of shared chains: only those that are about the port. */
function entryLines(view: PortView): readonly RuleLine[] {
  const { entries, surplusEntries } = view.comparison;
  const expected = entries.flatMap((entry) =>
    expectedLines(entry.expected, entry.status === 'present' ? entry.rules : []),
  );
  const standing = entries.flatMap((entry) =>
    entry.status === 'present' ? [] : entry.rules.map((rule) => surplus(entry.expected.table, rule)),
  );
  const shown = new Set(standing.map((line) => line.line));
  const others = surplusEntries
    .filter(({ rule }) => !shown.has(rule.line))
    .map(({ table, rule }) => surplus(table, rule));
  return [...expected, ...standing, ...others];
}

function chainLines(view: PortView): readonly RuleLine[] {
  return view.expected.chains.flatMap((chain) => {
    const left = [...(view.on.index.chain(chain.table, chain.name)?.rules ?? [])];
    const expected = chain.rules.flatMap((rule) => {
      const index = left.findIndex((candidate) => isExpected(rule, candidate));
      return expectedLines(rule, index < 0 ? [] : left.splice(index, 1));
    });
    return [...expected, ...left.map((rule) => surplus(chain.table, rule))];
  });
}

function expectedLines(expected: ExpectedRule, actual: readonly Rule[]): readonly RuleLine[] {
  if (actual.length > 0) return actual.map((rule) => line(expected.table, rule, 'same'));
  return expected.presence === 'required' ? [line(expected.table, expected.rule, 'missing')] : [];
}

function surplus(table: TableName, rule: Rule): RuleLine {
  return line(table, rule, 'surplus');
}

function line(table: TableName, rule: Rule, kind: RuleLine['kind']): RuleLine {
  return { table, chain: rule.chain, kind, text: printRule(rule), line: rule.line === 0 ? null : rule.line };
}
