/** What becomes of a packet on a node, by its rules alone: every way it can take, each with its chance. */
import type { KernelChain, KernelRule, KernelTables, Packet } from './kernel-rules.ts';

export interface Surroundings {
  readonly isLocal: (address: string) => boolean;
  readonly isOwn: (source: string) => boolean;
  /** An address no machine has: untranslated, a packet to it is lost. */
  readonly isVirtual: (address: string) => boolean;
  /** Where nothing of the node listens: untranslated, a packet to it is refused. */
  readonly isNodePort: (port: number) => boolean;
  /** The interface towards an address that is not the node's own. */
  readonly outputTo: (address: string) => string;
}

/** Fates with their chance, and the chains (`table CHAIN`) the packet can pass. */
export interface Experience {
  readonly fates: ReadonlyMap<string, number>;
  readonly passed: ReadonlySet<string>;
}

interface Way {
  readonly packet: Packet;
  readonly weight: number;
  readonly masqueraded: boolean;
  readonly noted: string;
}

type Verdict = 'on' | 'accept' | 'drop' | 'reject' | 'return' | 'loop';

interface End {
  readonly verdict: Verdict;
  readonly way: Way;
}

/** The kernel forbids loops when rules are loaded; a save by hand may have one. */
const DEEPEST = 24;

export function experience(tables: KernelTables, packet: Packet, around: Surroundings): Experience {
  const fates = new Map<string, number>();
  const passed = new Set<string>();
  const run = new Run(tables, around, fates, passed);
  const start: Way = { packet, weight: 1, masqueraded: false, noted: '' };
  if (packet.input === null) run.leave([start]);
  else run.enter([start]);
  return { fates, passed };
}

class Run {
  private readonly tables: KernelTables;
  private readonly around: Surroundings;
  private readonly fates: Map<string, number>;
  private readonly passed: Set<string>;

  constructor(tables: KernelTables, around: Surroundings, fates: Map<string, number>, passed: Set<string>) {
    this.tables = tables;
    this.around = around;
    this.fates = fates;
    this.passed = passed;
  }

  enter(start: readonly Way[]): void {
    const routed = this.hooks(start, [
      ['raw', 'PREROUTING'],
      ['mangle', 'PREROUTING'],
      ['nat', 'PREROUTING'],
    ]).map((way) => this.route(way));
    const here = routed.filter((way) => way.packet.output === 'lo');
    this.receive(here);
    const on = this.hooks(
      routed.filter((way) => way.packet.output !== 'lo'),
      [
        ['mangle', 'FORWARD'],
        ['filter', 'FORWARD'],
      ],
    );
    this.finish(this.postroute(on));
  }

  leave(start: readonly Way[]): void {
    const sent = this.hooks(
      start.map((way) => this.route(way)),
      [
        ['raw', 'OUTPUT'],
        ['mangle', 'OUTPUT'],
        ['nat', 'OUTPUT'],
      ],
    ).map((way) => this.route(way));
    const gone = this.postroute(this.hooks(sent, [['filter', 'OUTPUT']]));
    this.finish(gone.filter((way) => way.packet.output !== 'lo'));
    this.receive(gone.filter((way) => way.packet.output === 'lo').map((way) => changed(way, { input: 'lo' })));
  }

  private postroute(ways: readonly Way[]): readonly Way[] {
    return this.hooks(ways, [
      ['mangle', 'POSTROUTING'],
      ['nat', 'POSTROUTING'],
    ]);
  }

  private receive(ways: readonly Way[]): void {
    this.finish(
      this.hooks(ways, [
        ['mangle', 'INPUT'],
        ['filter', 'INPUT'],
      ]),
    );
  }

  private route(way: Way): Way {
    const { destination } = way.packet;
    const output = this.around.isLocal(destination) ? 'lo' : this.around.outputTo(destination);
    return changed(way, { output });
  }

  private hooks(start: readonly Way[], hooks: readonly (readonly [string, string])[]): readonly Way[] {
    let ways = start;
    for (const [table, chain] of hooks) ways = ways.flatMap((way) => this.hook(way, table, chain));
    return ways;
  }

  private hook(way: Way, table: string, name: string): readonly Way[] {
    // Only the first packet of a connection passes nat.
    if (table === 'nat' && way.packet.state !== 'NEW') return [way];
    const chain = this.tables.get(table)?.get(name);
    if (chain === undefined) return [way];
    return this.walk(table, name, chain, way, 0).flatMap((end) => {
      const verdict = end.verdict === 'on' || end.verdict === 'return' ? chain.policy?.toLowerCase() : end.verdict;
      if (verdict === 'accept') return [end.way];
      this.end(verdict ?? 'on', end.way);
      return [];
    });
  }

  private walk(table: string, name: string, chain: KernelChain, start: Way, depth: number): readonly End[] {
    this.passed.add(`${table} ${name}`);
    if (depth > DEEPEST) return [{ verdict: 'loop', way: start }];
    const ends: End[] = [];
    let ways: readonly Way[] = [start];
    for (const rule of chain.rules) {
      const after: Way[] = [];
      for (const way of ways) {
        if (!rule.matchers.every((matches) => matches(way.packet, this.around.isLocal))) {
          after.push(way);
          continue;
        }
        if (rule.chance < 1) after.push({ ...way, weight: way.weight * (1 - rule.chance) });
        const taken = { ...way, weight: way.weight * Math.min(1, rule.chance) };
        for (const end of this.apply(table, rule, taken, depth)) {
          if (end.verdict === 'on') after.push(end.way);
          else ends.push(end);
        }
      }
      ways = after.filter((way) => way.weight > 0);
      if (ways.length === 0) return ends;
    }
    return [...ends, ...ways.map((way) => ({ verdict: 'on' as const, way }))];
  }

  private apply(table: string, rule: KernelRule, way: Way, depth: number): readonly End[] {
    const noted = rule.remembers === null ? way : { ...way, noted: `${way.noted} noted in ${rule.remembers}` };
    const end = (verdict: Verdict, changed = noted): readonly End[] => [{ verdict, way: changed }];
    switch (rule.target) {
      case null:
        return end('on');
      case 'ACCEPT':
        return end('accept');
      case 'DROP':
        return end('drop');
      case 'REJECT':
        return end('reject');
      case 'RETURN':
        return end('return');
      case 'MASQUERADE':
        // What the node sends has its address already.
        return end('accept', { ...noted, masqueraded: !this.around.isOwn(way.packet.source) });
      case 'DNAT':
        return end('accept', translate(noted, rule.argument ?? ''));
      case 'MARK':
        return end('on', mark(noted, rule.argument ?? ''));
    }
    const chain = this.tables.get(table)?.get(rule.target);
    if (chain === undefined) return end('on');
    const ends = this.walk(table, rule.target, chain, noted, depth + 1);
    // Falling off a chain's end, or RETURN, leads on behind the jump; behind a goto, to where the caller came from.
    const back: Verdict = rule.isGoto ? 'return' : 'on';
    return ends.map((one) => (one.verdict === 'return' || one.verdict === 'on' ? { ...one, verdict: back } : one));
  }

  /** What the client sees of a packet that still has the address of a Service. */
  private untranslated({ destination, port }: Packet): string {
    if (this.around.isLocal(destination)) return this.around.isNodePort(port) ? 'reject' : 'arrives';
    return this.around.isVirtual(destination) ? 'drop' : 'arrives';
  }

  private finish(ways: readonly Way[]): void {
    for (const way of ways) this.end('arrives', way);
  }

  private end(fate: string, { packet, weight, masqueraded, noted }: Way): void {
    const where = `${packet.destination} ${packet.protocol}/${packet.port}`;
    const how = `${where}${masqueraded ? ' masqueraded' : ''}${noted}`;
    const seen = fate === 'arrives' && !packet.translated ? this.untranslated(packet) : fate;
    const key = seen === 'arrives' ? `arrives at ${how}` : seen;
    this.fates.set(key, (this.fates.get(key) ?? 0) + weight);
  }
}

function changed(way: Way, change: Partial<Packet>): Way {
  return { ...way, packet: { ...way.packet, ...change } };
}

function translate(way: Way, to: string): Way {
  const at = to.lastIndexOf(':');
  const destination = to.slice(0, at).replace(/^\[|\]$/g, '');
  return changed(way, { destination, port: Number(to.slice(at + 1)), translated: true });
}

function mark(way: Way, xmark: string): Way {
  const [value = 0, mask = 0xffffffff] = xmark.split('/').map(Number);
  return changed(way, { mark: ((way.packet.mark & ~mask) ^ value) >>> 0 });
}

/** Equal within what the kernel's own rounding of probabilities makes. */
export function sameFates(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  const keys = new Set([...a.keys(), ...b.keys()]);
  return [...keys].every((key) => Math.abs((a.get(key) ?? 0) - (b.get(key) ?? 0)) < 1e-4);
}
