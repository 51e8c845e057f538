/** One damage at one rule: what packets experience, against what the program says of it. */
import { analyze } from '../../src/analyze/analyze.ts';
import type { Finding, Report } from '../../src/model/report.ts';
import type { NodeFile, Snapshot } from '../../src/model/snapshot.ts';
import { readTables } from './kernel-rules.ts';
import type { KernelTables } from './kernel-rules.ts';
import { experience, sameFates } from './kernel.ts';
import type { Experience, Surroundings } from './kernel.ts';
import { chainOf } from './operators.ts';
import type { Damage, Operator, Spot } from './operators.ts';
import { probesFor, surroundings } from './probes.ts';
import type { NodePlace, Objects, Probe } from './probes.ts';
import { DEFAULT_OPTIONS } from '../options.ts';

export type Outcome =
  /** Packets are affected, and an error says so for the right Service ports. Or nothing is, and nothing is said. */
  | 'right'
  /** Nothing changes for packets; a leftover or surplus is reported as just that, without an error. */
  | 'noted'
  /** Packets of a Service are affected, and no error is about it. */
  | 'missed'
  /** Affected, and not said, for a reason docs/precision.md gives. */
  | 'known'
  /** An error about a Service port, node or family that is as it was. */
  | 'stray';

export interface Trial {
  readonly operator: string;
  readonly rule: string;
  readonly outcome: Outcome;
  /** What is wrong with a missed or stray one. */
  readonly because: string;
}

/** A healthy node of a recording, with everything that is asked of it, asked once. */
export class Patient {
  readonly lines: readonly string[];
  private readonly snapshot: Snapshot;
  private readonly node: string;
  private readonly file: NodeFile;
  private readonly probes: readonly Probe[];
  private readonly around: Surroundings;
  private readonly healthy: readonly Experience[];
  private readonly before: ReadonlySet<string>;

  constructor(snapshot: Snapshot, place: NodePlace, file: NodeFile) {
    this.snapshot = snapshot;
    this.node = place.name;
    this.file = file;
    this.lines = (snapshot.nodes.find(({ name }) => name === place.name)?.files.get(file) ?? '').split('\n');
    const objects = objectsOf(snapshot);
    this.around = surroundings(objects, place);
    this.probes = probesFor(objects, place, affinityLists(this.lines));
    const tables = readTables(this.lines);
    this.healthy = this.probes.map(({ packet }) => experience(tables, packet, this.around));
    this.before = new Set(this.judge(this.lines).findings.map(nameOf));
  }

  /** The places damage can be done at. */
  spots(): readonly Spot[] {
    const spots: Spot[] = [];
    let table = '';
    this.lines.forEach((line, index) => {
      if (line.startsWith('*')) table = line.slice(1);
      const chain = chainOf(line);
      if (chain !== undefined && (chain.startsWith('KUBE-') || line.includes('-j KUBE-'))) {
        spots.push({ lines: this.lines, index, table, chain });
      }
    });
    return spots;
  }

  /** null: the operator does not apply to the rule. */
  try(operator: Operator, spot: Spot): Trial | null {
    const damage = operator.apply(spot);
    if (damage === null) return null;
    const affected = this.affected(damage);
    const fresh = this.judge(damage.lines).findings.filter((finding) => !this.before.has(nameOf(finding)));
    const rule = `${spot.table} ${spot.lines[spot.index]?.replace(/^\[\d+:\d+\] /, '')}`;
    return { operator: operator.name, rule, ...weigh(affected, fresh, this.node, operator, rule) };
  }

  private affected(damage: Damage): ReadonlyMap<string | null, string> {
    const tables: KernelTables = readTables(damage.lines);
    const affected = new Map<string | null, string>();
    this.probes.forEach((probe, index) => {
      const healthy = this.healthy[index];
      if (healthy === undefined || !damage.touched.some((chain) => healthy.passed.has(chain))) return;
      const { fates } = experience(tables, probe.packet, this.around);
      if (!sameFates(fates, healthy.fates))
        affected.set(probe.servicePort, `${probe.what}: ${print(healthy.fates)} → ${print(fates)}`);
    });
    return affected;
  }

  private judge(lines: readonly string[]): Report {
    const nodes = this.snapshot.nodes.map((node) =>
      node.name === this.node ? { ...node, files: new Map([...node.files, [this.file, lines.join('\n')]]) } : node,
    );
    return analyze({ ...this.snapshot, nodes }, { ...OPTIONS, nodes: [this.node] });
  }
}

const OPTIONS = { ...DEFAULT_OPTIONS, namespace: null } as const;

function weigh(
  affected: ReadonlyMap<string | null, string>,
  fresh: readonly Finding[],
  node: string,
  operator: Operator,
  rule: string,
): Pick<Trial, 'outcome' | 'because'> {
  const errors = fresh.filter(({ severity }) => severity === 'error');
  const blamed = new Set(errors.flatMap(({ servicePorts }) => servicePorts));
  const elsewhere = errors.find(({ nodes }) => nodes.length !== 1 || nodes[0] !== node);
  if (elsewhere !== undefined)
    return { outcome: 'stray', because: `${nameOf(elsewhere)} on ${elsewhere.nodes.join()}` };
  for (const [port, what] of affected) {
    const said = port === null ? fresh.length > 0 : blamed.has(port);
    if (!said && isKnown(operator, rule, what)) return { outcome: 'known', because: what };
    if (!said)
      return { outcome: 'missed', because: `${port ?? 'the node'}: ${what}; said: ${fresh.map(nameOf).join('; ')}` };
  }
  const wrongly = errors.find(({ servicePorts }) => servicePorts.some((port) => !affected.has(port)));
  if (wrongly !== undefined && !affected.has(null)) {
    const ports = wrongly.servicePorts.filter((port) => !affected.has(port));
    return { outcome: 'stray', because: `${nameOf(wrongly)} about ${ports.slice(0, 3).join()}` };
  }
  if (operator.harmless === true && fresh.length > 0)
    return { outcome: 'stray', because: fresh.map(nameOf).join('; ') };
  return { outcome: affected.size === 0 && fresh.length > 0 ? 'noted' : 'right', because: '' };
}

/** The reasons are those of docs/precision.md. */
function isKnown({ name }: Operator, rule: string, what: string): boolean {
  const [, before = ''] = /: (.*) → /.exec(what) ?? [];
  // What is no Service's is nobody's business here.
  if (name.startsWith('policy') && what.includes(' outside to ') && !before.includes('10.168.')) return true;
  // Up to 1.29 it is served, since 1.30 it is not: without its rule a kube-proxy of unknown version is taken for a newer one.
  if (rule.includes('"zoo/lb-mode-proxy:http loadbalancer IP"')) return true;
  // The one sign that tells 1.20 from 1.19: without it the rules are taken for those of an older kube-proxy, and whole.
  if (rule.startsWith('filter -A FORWARD ') && rule.endsWith('-j KUBE-EXTERNAL-SERVICES')) return true;
  // CNI plugins let connections pass before kube-proxy refuses them on every other cluster.
  if (/RETURN|DROP/.test(name) && /^1\.000 (reject|drop)$/.test(before)) return true;
  // The API server's endpoint names no node: whether its answer comes back this way is anybody's guess.
  return what.includes('outside') && before.includes(' 172.31.0.10 tcp/6443');
}

function nameOf({ code, title, servicePorts, nodes }: Finding): string {
  return `${code} ${title} (${servicePorts.slice(0, 3).join()} ${nodes.join()})`;
}

function print(fates: ReadonlyMap<string, number>): string {
  return [...fates].map(([fate, share]) => `${share.toFixed(3)} ${fate}`).join(' | ');
}

function objectsOf(snapshot: Snapshot): Objects {
  const items = (file: 'services' | 'endpointslices'): readonly never[] =>
    (snapshot.cluster.get(file) as { items: readonly never[] }).items;
  return { services: items('services'), slices: items('endpointslices') };
}

/** By comment: `zoo/affinity:http -> …`, before 1.24 `zoo/affinity:http`. */
function affinityLists(lines: readonly string[]): (service: string) => readonly string[] {
  return (service) => [
    ...new Set(
      lines
        .filter((line) => line.includes('--rcheck') && line.includes(`"${service}:`))
        .map((line) => /--name (\S+)/.exec(line)?.[1] ?? ''),
    ),
  ];
}
