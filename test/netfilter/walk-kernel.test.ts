import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NodeContext, Packet } from '../../src/netfilter/packet.ts';
import type { Rule, Ruleset } from '../../src/netfilter/rules.ts';
import type { Outcome } from '../../src/netfilter/walk.ts';
import { walk } from '../../src/netfilter/walk.ts';
import type { KernelLab } from './walk-kernel-lab.ts';
import { CLIENT, IN_INTERFACE, NODE_ADDRESSES, openLab, OUT_INTERFACE, whyNoLab } from './walk-kernel-lab.ts';
import type { RandomProbe } from './walk-kernel-rules.ts';
import { randomProbe, randomSave } from './walk-kernel-rules.ts';
import { ip, nodeAt, packetOf, rulesetOf, saveOf } from './walk-world.ts';

const SEED = 20_260_722;
const RULE_SETS = 60;
const PACKETS_EACH = 4;

const reason = whyNoLab();
if (reason !== null && process.env['CI'] !== undefined) throw new Error(`the walk cannot be compared: ${reason}`);
if (reason !== null) console.warn(`SKIPPED: the walk is not compared with the kernel: ${reason}`);

/** What the kernel did with a packet. */
interface Seen {
  /** Rules of the save with the number of packets they counted, those with none left out. */
  readonly counted: readonly string[];
  /** `SOURCE DESTINATION PORT MARK` when the packet came out of all of iptables. */
  readonly passed: readonly string[];
}

const NODE: NodeContext = {
  ...nodeAt(...NODE_ADDRESSES),
  interfaceTowards: (to) => (to.startsWith('10.0.1.') ? IN_INTERFACE : OUT_INTERFACE),
  redirectAddress: () => ip(NODE_ADDRESSES[0] ?? ''),
};

let nextSourcePort = 20_000;

function packetFor(probe: RandomProbe): Packet {
  nextSourcePort += 1;
  const local = NODE_ADDRESSES.includes(probe.destination);
  const source = probe.from === 'client' ? CLIENT : local ? probe.destination : (NODE_ADDRESSES[1] ?? '');
  return packetOf({
    protocol: probe.protocol,
    source: ip(source),
    sourcePort: nextSourcePort,
    destination: ip(probe.destination),
    destinationPort: probe.port,
    inInterface: probe.from === 'client' ? IN_INTERFACE : null,
  });
}

describe.skipIf(reason !== null).each(['legacy', 'nft'] as const)(
  'against the kernel, loaded by iptables-%s',
  (backend) => {
    let lab: KernelLab | null = null;
    beforeAll(() => {
      lab = openLab();
    });
    afterAll(() => lab?.close());

    test('OUTPUT sees the interface of the first route, POSTROUTING that of the new one', async () => {
      if (lab === null) throw new Error('no lab');
      const save = await load(lab, backend, REROUTED);
      expect(await compare(lab, backend, save, PROBE_REROUTED)).toBe('delivered');
    });

    test('every packet meets the rules, and the end, that the walk says', { timeout: 120_000 }, async () => {
      if (lab === null) throw new Error('no lab');
      const saves = fc.sample(randomSave, { seed: SEED, numRuns: RULE_SETS });
      const probes = fc.sample(randomProbe, { seed: SEED, numRuns: RULE_SETS * PACKETS_EACH });
      const tally: Record<string, number> = {};
      for (const [at, save] of saves.entries()) {
        const loaded = await load(lab, backend, save);
        for (const probe of probes.slice(at * PACKETS_EACH, (at + 1) * PACKETS_EACH)) {
          const verdict = await compare(lab, backend, loaded, probe);
          tally[verdict] = (tally[verdict] ?? 0) + 1;
        }
      }
      console.log(`${backend}: ${JSON.stringify(tally)}`);
      const undetermined = tally['undetermined'] ?? 0;
      expect(undetermined).toBeLessThan((RULE_SETS * PACKETS_EACH) / 5);
      for (const fate of ['delivered', 'untranslated', 'dropped', 'rejected']) expect(tally[fate]).toBeGreaterThan(5);
    });
  },
);

const REROUTED = saveOf({
  nat: [':OUTPUT ACCEPT [0:0]', '-A OUTPUT -p udp -j DNAT --to-destination 10.0.1.2:53'],
  filter: [':OUTPUT ACCEPT [0:0]', '-A OUTPUT -o in0', '-A OUTPUT -o out0'],
  mangle: [':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -o in0', '-A POSTROUTING -o out0'],
});
const PROBE_REROUTED: RandomProbe = { from: 'node', protocol: 'udp', destination: '10.0.2.9', port: 80 };

async function load(lab: KernelLab, backend: string, save: string): Promise<string> {
  await lab.run(`iptables-${backend}-restore <<'SAVE'\n${save}SAVE`);
  return lab.run(`iptables-${backend}-save -c 2>/dev/null`);
}

/** Sends one packet and compares; tells which fate was confirmed, or that the walk did not commit itself. */
async function compare(lab: KernelLab, backend: string, save: string, probe: RandomProbe): Promise<string> {
  const ruleset = rulesetOf(save);
  const packet = packetFor(probe);
  const { outcomes } = walk([ruleset], packet, NODE, { origin: probe.from === 'client' ? 'forwarded' : 'local' });
  const seen = await send(lab, backend, packet, probe);
  const [outcome] = outcomes;
  if (outcomes.length !== 1 || outcome === undefined || outcome.undetermined.length > 0) return 'undetermined';
  if (outcome.disposition === 'undetermined' || isMasqueradedToSelf(outcome)) return 'undetermined';
  const said: Seen = { counted: countedBy(outcome, ruleset), passed: passedBy(outcome, packet) };
  expect(seen, `${JSON.stringify(probe)} through\n${save}`).toEqual(said);
  return outcome.disposition;
}

/** What comes back through `lo` then has a source the walk does not know: rules may have matched or not. */
function isMasqueradedToSelf({ masqueraded, destination }: Outcome): boolean {
  return masqueraded && NODE_ADDRESSES.includes(destination);
}

const FORGET = `for list in /proc/net/xt_recent/*; do if [ -f $list ]; then echo / > $list; fi; done
nft flush set ip probe seen`;

async function send(lab: KernelLab, backend: string, packet: Packet, probe: RandomProbe): Promise<Seen> {
  const read = `iptables-${backend}-save -c 2>/dev/null`;
  const before = countersOf(rulesetOf(await lab.run(`${FORGET}\n${read}`)));
  await lab.send(probe.from, probe.protocol, probe.destination, probe.port, packet.sourcePort ?? 0);
  const answer = await lab.run(`${read}; echo '# seen'; nft list set ip probe seen`);
  const [after = '', set = ''] = answer.split('# seen\n');
  const counted = [...countersOf(rulesetOf(after))].map(([rule, packets]) =>
    times(packets - (before.get(rule) ?? 0), rule),
  );
  const passed = [...set.matchAll(/([\d.]+) \. ([\d.]+) \. (\d+) \. (0x[\da-f]+)/g)];
  return {
    counted: counted.filter((text) => text !== null).sort(),
    passed: passed.map(([, ...parts]) => parts.join(' ')),
  };
}

function times(packets: number, rule: string): string | null {
  return packets === 0 ? null : `${packets} × ${rule}`;
}

/** Each rule by its place, with the packets it has counted. */
function countersOf(ruleset: Ruleset): ReadonlyMap<string, number> {
  return new Map(placesOf(ruleset).map(([rule, place]) => [place, rule.counters?.packets ?? 0]));
}

function placesOf({ tables }: Ruleset): readonly (readonly [Rule, string])[] {
  return [...tables.values()].flatMap((table) =>
    [...table.chains.values()].flatMap((chain) =>
      chain.rules.map(
        (rule, at) => [rule, `${table.name} ${chain.name} ${at}: ${rule.raw.replace(/^\[.*?\] /, '')}`] as const,
      ),
    ),
  );
}

function countedBy({ via }: Outcome, ruleset: Ruleset): readonly string[] {
  const places = new Map(placesOf(ruleset));
  const counts = new Map<string, number>();
  for (const { rule } of via) {
    const place = places.get(rule) ?? '';
    counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  return [...counts].flatMap(([place, packets]) => times(packets, place) ?? []).sort();
}

function passedBy(outcome: Outcome, packet: Packet): readonly string[] {
  const { disposition, destination, destinationPort, mark } = outcome;
  if (disposition !== 'delivered' && disposition !== 'untranslated') return [];
  const printedMark = `0x${mark.toString(16).padStart(8, '0')}`;
  return [`${sourceOf(outcome, packet)} ${destination} ${destinationPort} ${printedMark}`];
}

/** MASQUERADE takes the address of the interface the packet leaves through. */
function sourceOf({ masqueraded, snatTo, destination }: Outcome, packet: Packet): string {
  if (!masqueraded) return snatTo ?? packet.source;
  return (destination.startsWith('10.0.1.') ? NODE_ADDRESSES[0] : NODE_ADDRESSES[1]) ?? '';
}
