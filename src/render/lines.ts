import type { Finding, InvariantResult, NodeCoverage, Report, ServicePortResult, State } from '../model/report.ts';

/** Sentences of a report that the terminal and Markdown share. Strangers' text in it is not yet neutralised. */

/** `http 80:30000/TCP`, as kubectl prints ports. */
export function portLabel(port: ServicePortResult): string {
  const name = port.id.includes(':') ? `${port.id.slice(port.id.indexOf(':') + 1)} ` : '';
  return `${name}${port.port}${port.nodePort === undefined ? '' : `:${port.nodePort}`}/${port.protocol}`;
}

/** `10.111.231.44:80 nodePort 30000/TCP → 3 endpoints`. */
export function portLine(port: ServicePortResult): string {
  const nodePort = port.nodePort === undefined ? '' : ` nodePort ${port.nodePort}`;
  return `${port.addresses.join(' ')}${nodePort}/${port.protocol} → ${count(port.endpoints.length, 'endpoint')}`;
}

/** `2/3`: on how many of the nodes it concerns the invariant holds; empty when it concerns none. */
export function tally(result: InvariantResult): string {
  const relevant = result.nodes.filter((node) => node.state !== 'not-applicable');
  const good = relevant.filter((node) => node.state === 'ok').length;
  return relevant.length === 0 ? '' : `${good}/${relevant.length}`;
}

/** Nodes that were not read or not judged, those with the same reason together. */
export function unjudgedGroups(report: Report): readonly UnjudgedGroup[] {
  const open = report.coverage.nodes.filter((node) => node.reason !== undefined);
  const groups = Map.groupBy(open, (node) =>
    JSON.stringify([node.read, node.reason, node.tryThis, attemptLines(node)]),
  );
  return [...groups.values()].flatMap((nodes) => {
    const [first] = nodes;
    if (first?.reason === undefined) return [];
    const subject = nodes.length === 1 ? `node ${first.name} was` : `${nodes.length} nodes (${someOf(nodes)}) were`;
    const words = first.read ? 'not judged' : 'not read';
    const attempts = first.read ? [] : attemptLines(first);
    const via = attempts.length === 0 ? '' : `${first.via}: `;
    return [
      {
        headline: `${subject} ${words}`,
        reasons: [...attempts, `${via}${first.reason}`],
        tryThis: first.tryThis ?? null,
      },
    ];
  });
}

export interface UnjudgedGroup {
  readonly headline: string;
  /** One for each way that was tried. */
  readonly reasons: readonly string[];
  readonly tryThis: string | null;
}

function someOf(nodes: readonly NodeCoverage[]): string {
  const names = nodes.slice(0, 3).map(({ name }) => name);
  return nodes.length <= 3 ? names.join(', ') : `${names.join(', ')} and ${nodes.length - 3} more`;
}

/** `kube-proxy: no kube-proxy pod runs on the node`, for each way that did not lead to the node. */
function attemptLines({ attempts = [] }: NodeCoverage): readonly string[] {
  return attempts.map(({ via, reason }) => `${via}: ${reason}`);
}

/** Nodes that were read another way than the first choice, and why: those alike together. */
export function detourLines(report: Report): readonly string[] {
  const detours = report.coverage.nodes.filter((node) => node.read && (node.attempts ?? []).length > 0);
  const groups = Map.groupBy(detours, (node) => JSON.stringify([node.via, attemptLines(node)]));
  return [...groups.values()].flatMap((nodes) => {
    const [first] = nodes;
    if (first === undefined) return [];
    return [`${someOf(nodes)}: read over ${first.via}; not over ${attemptLines(first).join('; not over ')}`];
  });
}

/** `kube-proxy 1.37.2, iptables (nft)`, each distinct kind once. */
export function proxyLine(report: Report): string {
  const kinds = report.coverage.nodes.filter((node) => node.read).map(proxyOf);
  return [...new Set(kinds)].join(' and ') || 'kube-proxy not seen';
}

function proxyOf(node: NodeCoverage): string {
  const version = node.kubeProxyVersion === undefined ? 'kube-proxy' : `kube-proxy ${node.kubeProxyVersion}`;
  if (node.mode === undefined) return `${version}, mode not known`;
  return `${version}, ${node.mode}${node.backend === undefined ? '' : ` (${node.backend})`}`;
}

/** `read over ssh in 0.8 s`, or where the files came from. */
export function readLine(report: Report): string {
  const { startedAt, finishedAt, source } = report.metadata;
  if (startedAt === undefined || finishedAt === undefined) return `from ${source}`;
  const ways = [...new Set(report.coverage.nodes.flatMap((node) => (node.via === undefined ? [] : [node.via])))];
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  const how = ways.length === 0 ? '' : `over ${ways.join(', ')} `;
  return `read ${how}in ${seconds.toFixed(1)} s at ${startedAt}${changedWords(report)}`;
}

function changedWords({ coverage: { changed } }: Report): string {
  if (changed === undefined) return '';
  return changed.length === 0
    ? ' · nothing changed meanwhile'
    : ` · ${count(changed.length, 'object')} changed meanwhile`;
}

/** `3 nodes`, `1 node`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const SHOWN_SUBJECTS = 6;

/** Which of several Services a finding is about; nothing when only one was asked about. */
export function subjectOf(finding: Finding, report: Report): string {
  if (report.services.length <= 1) return '';
  const all = finding.servicePorts.length > 0 ? finding.servicePorts : finding.services;
  if (all.length > SHOWN_SUBJECTS && all.length === report.servicePorts.length) return 'all that were asked about';
  const rest = all.length - SHOWN_SUBJECTS;
  return `${all.slice(0, SHOWN_SUBJECTS).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** Where a finding is: up to three nodes by name. */
export function placeOf(finding: Finding): string {
  const { nodes } = finding;
  if (nodes.length === 0) return '';
  return nodes.length <= 3 ? nodes.join(', ') : `${nodes.length} nodes: ${nodes.slice(0, 3).join(', ')}, …`;
}

export const STATE_WORDS: Readonly<Record<State, string>> = {
  ok: 'ok',
  failed: 'failed',
  undetermined: 'not judged',
  'not-applicable': 'n/a',
};

/** More rules than these are a number: JSON and YAML have all of them. */
const SHOWN_PROOFS = 10;
/** Places of one rule, and characters of it. */
const SHOWN_PLACES = 3;
const SHOWN_CHARACTERS = 1000;

/** Evidence of one finding, the same raw rule on several nodes once. */
export function proofLines(finding: Finding): readonly string[] {
  const several = finding.nodes.length > 1;
  const places = Map.groupBy(finding.actual, (rule) => rule.text);
  const shown = [...places].slice(0, SHOWN_PROOFS).map(([text, rules]) => {
    const where = rules.slice(0, SHOWN_PLACES).map(({ node, table, line }) => {
      return several ? `${node} ${table}, line ${line}` : `${table}, line ${line}`;
    });
    return `${cut(text)}   (${where.join('; ')}${rules.length > SHOWN_PLACES ? '; …' : ''})`;
  });
  const rest = places.size - shown.length;
  return rest === 0 ? shown : [...shown, `… and ${count(rest, 'more rule')}: -o json`];
}

function cut(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}… (${text.length} characters)`;
}
