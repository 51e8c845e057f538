/** Targets that iptables-save can print behind `-j`, as far as this program knows them. */

/** After these the packet goes on with the next rule, unchanged as far as the walk can tell. */
const CONTINUE_TARGETS: ReadonlySet<string> = new Set(
  (
    'AUDIT CHECKSUM CLASSIFY CONNSECMARK DSCP ECN HL IDLETIMER LED LOG NFLOG RATEEST SECMARK TCPMSS ' +
    'TCPOPTSTRIP TEE TOS TRACE TTL ULOG'
  ).split(' '),
);

/** The effect of these on the packet's way is not modelled. */
const OPAQUE_TARGETS: ReadonlySet<string> = new Set(
  'CLUSTERIP CT DNPT HMARK NETMAP NFQUEUE NOTRACK QUEUE REDIRECT SET SNPT SYNPROXY TPROXY'.split(' '),
);

/** Targets with a kind of their own in the tree, with the options that are understood. */
const UNDERSTOOD_TARGETS: Readonly<Record<string, string>> = {
  ACCEPT: '',
  CONNMARK:
    '--set-xmark MARK, --set-mark MARK, --and-mark MARK, --or-mark MARK, --xor-mark MARK, --save-mark, ' +
    '--restore-mark, --nfmask MASK, --ctmask MASK, --mask MASK',
  DNAT: '--to-destination TO, --random, --persistent',
  DROP: '',
  MARK: '--set-xmark MARK, --set-mark MARK, --and-mark MARK, --or-mark MARK, --xor-mark MARK',
  MASQUERADE: '--to-ports PORTS, --random, --random-fully',
  REJECT: '--reject-with TYPE',
  RETURN: '',
  SNAT: '--to-source TO, --random, --random-fully, --persistent',
};

/** What becomes of a packet at a target that has no kind of its own; null for an unknown name. */
export function fateAtTarget(name: string): 'continue' | 'opaque' | null {
  if (CONTINUE_TARGETS.has(name)) return 'continue';
  return OPAQUE_TARGETS.has(name) ? 'opaque' : null;
}

/** Every target that is known, by what the walk makes of it. */
export interface KnownTargets {
  /** Name and options. */
  readonly understood: readonly (readonly [name: string, options: string])[];
  readonly continues: readonly string[];
  readonly opaque: readonly string[];
}

export function knownTargets(): KnownTargets {
  return {
    understood: Object.entries(UNDERSTOOD_TARGETS),
    continues: [...CONTINUE_TARGETS],
    opaque: [...OPAQUE_TARGETS],
  };
}
