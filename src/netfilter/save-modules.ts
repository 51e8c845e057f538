/**
 * Match modules that iptables-save can print behind `-m`, as far as this program knows them. The parser reads its option
 * counts from here and `docs/iptables-support.md` is made from it.
 *
 * An option is written with the values it takes: `--tcp-flags MASK SET` takes two words. That number matters even for
 * options whose meaning is not modelled: a name or a pattern may be the bare word `-j`.
 */

/** Options of a match module: those with a meaning in the tree, and those kept as words. */
interface ModuleOptions {
  readonly understood: string;
  readonly kept: string;
}

const PORTS = '--sport PORTS, --dport PORTS, --source-port PORTS, --destination-port PORTS';

const MODULES: Readonly<Record<string, ModuleOptions>> = {
  addrtype: { understood: '--src-type TYPES, --dst-type TYPES, --limit-iface-in, --limit-iface-out', kept: '' },
  ah: { understood: '', kept: '--ahspi SPI, --ahlen N, --ahres' },
  bpf: { understood: '', kept: '--bytecode CODE, --object-pinned PATH' },
  cgroup: { understood: '', kept: '--cgroup ID, --path PATH' },
  cluster: {
    understood: '',
    kept: '--cluster-total-nodes N, --cluster-local-node N, --cluster-local-nodemask M, --cluster-hash-seed S',
  },
  comment: { understood: '--comment TEXT', kept: '' },
  connbytes: { understood: '', kept: '--connbytes RANGE, --connbytes-mode MODE, --connbytes-dir DIR' },
  connlabel: { understood: '', kept: '--label NAME, --set' },
  connlimit: {
    understood: '',
    kept: '--connlimit-above N, --connlimit-upto N, --connlimit-mask N, --connlimit-saddr, --connlimit-daddr',
  },
  connmark: { understood: '--mark MARK', kept: '' },
  conntrack: {
    understood: '--ctstate STATES',
    kept:
      '--ctproto P, --ctorigsrc A, --ctorigdst A, --ctreplsrc A, --ctrepldst A, --ctorigsrcport P, ' +
      '--ctorigdstport P, --ctreplsrcport P, --ctrepldstport P, --ctstatus S, --ctexpire T, --ctdir D',
  },
  cpu: { understood: '', kept: '--cpu N' },
  dccp: { understood: PORTS, kept: '--dccp-types TYPES, --dccp-option N' },
  devgroup: { understood: '', kept: '--src-group G, --dst-group G' },
  dscp: { understood: '', kept: '--dscp N, --dscp-class CLASS' },
  dst: { understood: '', kept: '--dst-len N, --dst-opts OPTS, --dst-not-strict' },
  ecn: { understood: '', kept: '--ecn-tcp-cwr, --ecn-tcp-ece, --ecn-ip-ect N' },
  esp: { understood: '', kept: '--espspi SPI' },
  eui64: { understood: '', kept: '' },
  frag: { understood: '', kept: '--fragid ID, --fraglen N, --fragres, --fragfirst, --fragmore, --fraglast' },
  hashlimit: {
    understood: '',
    kept:
      '--hashlimit RATE, --hashlimit-upto RATE, --hashlimit-above RATE, --hashlimit-burst N, ' +
      '--hashlimit-mode MODE, --hashlimit-srcmask N, --hashlimit-dstmask N, --hashlimit-name NAME, ' +
      '--hashlimit-htable-size N, --hashlimit-htable-max N, --hashlimit-htable-expire N, ' +
      '--hashlimit-htable-gcinterval N, --hashlimit-rate-match, --hashlimit-rate-interval N',
  },
  hbh: { understood: '', kept: '--hbh-len N, --hbh-opts OPTS, --hbh-not-strict' },
  helper: { understood: '', kept: '--helper NAME' },
  hl: { understood: '', kept: '--hl-eq N, --hl-lt N, --hl-gt N' },
  icmp: { understood: '', kept: '--icmp-type TYPE' },
  icmp6: { understood: '', kept: '--icmpv6-type TYPE' },
  ipcomp: { understood: '', kept: '--ipcompspi SPI, --compres' },
  iprange: { understood: '', kept: '--src-range RANGE, --dst-range RANGE' },
  ipv6header: { understood: '', kept: '--header HEADERS, --soft' },
  ipvs: { understood: '', kept: '--ipvs, --vproto P, --vaddr A, --vport P, --vdir D, --vmethod M, --vportctl P' },
  length: { understood: '', kept: '--length RANGE' },
  limit: { understood: '', kept: '--limit RATE, --limit-burst N' },
  mac: { understood: '', kept: '--mac-source MAC' },
  mark: { understood: '--mark MARK', kept: '' },
  mh: { understood: '', kept: '--mh-type TYPE' },
  multiport: {
    understood: '--dports PORTS, --sports PORTS, --ports PORTS, --source-ports PORTS, --destination-ports PORTS',
    kept: '',
  },
  nfacct: { understood: '--nfacct-name NAME', kept: '' },
  osf: { understood: '', kept: '--genre NAME, --ttl N, --log N' },
  owner: { understood: '', kept: '--uid-owner ID, --gid-owner ID, --socket-exists, --suppl-groups' },
  physdev: {
    understood: '--physdev-in NAME, --physdev-out NAME, --physdev-is-in, --physdev-is-out, --physdev-is-bridged',
    kept: '',
  },
  pkttype: { understood: '', kept: '--pkt-type TYPE' },
  policy: {
    understood: '',
    kept:
      '--dir DIR, --pol POLICY, --strict, --reqid ID, --spi SPI, --proto PROTO, --mode MODE, ' +
      '--tunnel-src A, --tunnel-dst A, --next',
  },
  quota: { understood: '', kept: '--quota N' },
  rateest: {
    understood: '',
    kept:
      '--rateest-delta, --rateest NAME, --rateest1 NAME, --rateest2 NAME, --rateest-bps RATE, ' +
      '--rateest-bps1 RATE, --rateest-bps2 RATE, --rateest-pps N, --rateest-pps1 N, --rateest-pps2 N, ' +
      '--rateest-lt, --rateest-gt, --rateest-eq',
  },
  realm: { understood: '', kept: '--realm N' },
  recent: {
    understood:
      '--set, --rcheck, --update, --remove, --seconds N, --hitcount N, --reap, --rttl, --name NAME, ' +
      '--mask MASK, --rsource, --rdest',
    kept: '',
  },
  rpfilter: { understood: '', kept: '--loose, --validmark, --accept-local, --invert' },
  rt: {
    understood: '',
    kept: '--rt-type N, --rt-segsleft N, --rt-len N, --rt-0-res, --rt-0-addrs ADDRESSES, --rt-0-not-strict',
  },
  sctp: { understood: PORTS, kept: '--chunk-types HOW TYPES' },
  set: {
    understood: '--match-set NAME FLAGS',
    kept:
      '--return-nomatch, --update-counters, --update-subcounters, --packets-eq N, --packets-lt N, ' +
      '--packets-gt N, --bytes-eq N, --bytes-lt N, --bytes-gt N, --set NAME FLAGS',
  },
  socket: { understood: '', kept: '--transparent, --nowildcard, --restore-skmark' },
  srh: {
    understood: '',
    kept:
      '--srh-next-hdr N, --srh-hdr-len-eq N, --srh-hdr-len-gt N, --srh-hdr-len-lt N, --srh-segs-left-eq N, ' +
      '--srh-segs-left-gt N, --srh-segs-left-lt N, --srh-last-entry-eq N, --srh-last-entry-gt N, ' +
      '--srh-last-entry-lt N, --srh-tag N, --srh-psid A, --srh-nsid A, --srh-lsid A',
  },
  state: { understood: '--state STATES', kept: '' },
  statistic: { understood: '--mode MODE, --probability P, --every N, --packet N', kept: '' },
  string: { understood: '', kept: '--string TEXT, --hex-string TEXT, --algo NAME, --from N, --to N, --icase' },
  tcp: { understood: PORTS, kept: '--tcp-flags MASK SET, --tcp-option N, --syn' },
  tcpmss: { understood: '', kept: '--mss RANGE' },
  time: {
    understood: '',
    kept:
      '--datestart D, --datestop D, --timestart T, --timestop T, --monthdays DAYS, --weekdays DAYS, ' +
      '--kerneltz, --contiguous, --utc, --localtz',
  },
  tos: { understood: '', kept: '--tos VALUE' },
  ttl: { understood: '', kept: '--ttl-eq N, --ttl-lt N, --ttl-gt N' },
  u32: { understood: '', kept: '--u32 EXPRESSION' },
  udp: { understood: PORTS, kept: '' },
  udplite: { understood: PORTS, kept: '' },
};

/** Modules printed without options beside `-p`: they say nothing of their own. */
const PROTOCOL_MODULES: ReadonlySet<string> = new Set('tcp udp udplite sctp dccp icmp icmp6 ah esp'.split(' '));

function usagesOf(options: string): readonly string[] {
  return options === '' ? [] : options.split(', ');
}

function arityOf(usage: string): readonly [string, number] {
  const [name = '', ...values] = usage.split(' ');
  return [name, values.length];
}

const ARITIES: ReadonlyMap<string, ReadonlyMap<string, number>> = new Map(
  Object.entries(MODULES).map(([module, options]) => [
    module,
    new Map([...usagesOf(options.understood), ...usagesOf(options.kept)].map(arityOf)),
  ]),
);

/** How many values each option of a match module takes; null for a module this program has never heard of. */
export function optionsOfModule(module: string): ReadonlyMap<string, number> | null {
  return ARITIES.get(module) ?? null;
}

export function isProtocolModule(module: string): boolean {
  return PROTOCOL_MODULES.has(module);
}

/** One known module, its options with the values they take. */
export interface KnownModule {
  readonly name: string;
  readonly understood: readonly string[];
  readonly kept: readonly string[];
}

/** Every match module that is known, by name. */
export function knownModules(): readonly KnownModule[] {
  return Object.entries(MODULES)
    .map(([name, options]) => ({ name, understood: usagesOf(options.understood), kept: usagesOf(options.kept) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
