import fc from 'fast-check';
import type { NodeContext, Packet } from '../../src/netfilter/packet.ts';
import { nodeWithAddresses } from '../../src/netfilter/packet.ts';
import { everyRule } from '../../src/netfilter/walk-index.ts';
import { boundsOf } from '../../src/netfilter/walk-bounds.ts';
import type { WalkOptions } from '../../src/netfilter/walk.ts';
import { walk, walkLooking } from '../../src/netfilter/walk.ts';
import { assuming, evenShare, joined, scaled, WHOLE } from '../../src/netfilter/walk-weight.ts';
import type { Weight } from '../../src/netfilter/walk-weight.ts';
import { randomProbe, randomSave } from './walk-kernel-rules.ts';
import { ip, nodeAt, packetOf, rulesetOf } from './walk-world.ts';

/** Makes the rules that are certain in the kernel's lab uncertain: real chances, questions nobody can answer. */
function uncertain(save: string, turns: readonly number[]): string {
  let at = 0;
  return save
    .split('\n')
    .map((line) => {
      if (!line.startsWith('-A ')) return line;
      const added = ADDITIONS[turns[at++ % turns.length] ?? 0] ?? '';
      return line
        .replace(/^(-A \S+) /, `$1 ${added}`)
        .replace(/--probability [01](?=\s|$)/, '--probability 0.30000000005');
    })
    .join('\n');
}

const ADDITIONS = [
  '',
  '',
  '',
  '-m statistic --mode random --probability 0.25000000000 ',
  '-m statistic --mode nth --every 3 --packet 0 ',
  '-m set --match-set some src ',
  '-m limit --limit 1/sec ',
];

/** Repeats a save's chains with rules for other destinations, so that they are long enough for an index. */
function padded(save: string): string {
  const others = Array.from({ length: 20 }, (_, at) => `-d 10.77.0.${at}/32 -p tcp -m tcp --dport ${at + 1}`);
  const chains = new Set([...save.matchAll(/^-A (\S+)/gm)].map((match) => match[1]));
  const seen = new Set<string>();
  return save
    .split('\n')
    .flatMap((line) => {
      const chain = /^-A (\S+)/.exec(line)?.[1];
      if (chain === undefined || seen.has(chain) || !chains.has(chain)) return [line];
      seen.add(chain);
      return [line, ...others.map((match) => `-A ${chain} ${match}`)];
    })
    .join('\n');
}

interface World {
  readonly save: string;
  readonly packet: Packet;
  readonly node: NodeContext;
  readonly options: WalkOptions;
}

const world: fc.Arbitrary<World> = fc
  .record({
    save: randomSave,
    probe: randomProbe,
    turns: fc.array(fc.nat(ADDITIONS.length - 1), { minLength: 3, maxLength: 30 }),
    complete: fc.boolean(),
    affinity: fc.constantFrom('first-connection', 'unknown'),
    sourcePort: fc.constantFrom(null, 30_000),
  })
  .map(({ save, probe, turns, complete, affinity, sourcePort }) => ({
    save: uncertain(save, turns),
    packet: packetOf({
      protocol: probe.protocol,
      destination: ip(probe.destination),
      destinationPort: probe.port,
      sourcePort,
    }),
    node: nodeWithAddresses({ localAddresses: new Set([ip('10.0.1.1')]), complete }),
    options: { origin: probe.from === 'client' ? 'forwarded' : 'local', affinity },
  }));

const RUNS = { numRuns: 50, seed: 20_260_722 };

let i = 0;
for (const w of fc.sample(world, { seed: 20_260_722, numRuns: 60 })) {
  const { outcomes } = walk([rulesetOf(w.save)], w.packet, w.node, w.options);
  const total = outcomes.reduce((s, { share }) => s + share, 0);
  if (Math.abs(total - 1) > 1e-9) console.log(i, 'total', total);
  for (const o of outcomes) if (o.atLeast > o.share + 1e-9 || o.atMost < o.share - 1e-9) console.log(i, 'bounds', o.share, o.atLeast, o.atMost, o.undetermined.length);
  const rs = [rulesetOf(padded(w.save))];
  const a = walk(rs, w.packet, w.node, w.options); const b = walkLooking(everyRule, rs, w.packet, w.node, w.options);
  if (JSON.stringify(a) !== JSON.stringify(b)) { console.log(i, 'differ', a.outcomes.length, b.outcomes.length); 
   for (let k=0;k<a.outcomes.length;k++) { const x=a.outcomes[k]!, y=b.outcomes[k]!; if (JSON.stringify(x)!==JSON.stringify(y)) { console.log(x.share,y?.share,x.atMost,y?.atMost,x.disposition,y?.disposition,x.via.length,y?.via.length, x.because, y?.because); break; } } }
  i++;
}
