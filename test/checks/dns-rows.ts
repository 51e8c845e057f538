/** What the cluster's DNS servers answer, and what the checks are to say of it. */
import type { DnsAnswer, DnsReading, DnsResponse, DnsType } from '../../src/model/dns.ts';
import { pod, service, SLICE, type Row } from './object-rows.ts';

const SERVERS = ['kube-system/coredns-a', 'kube-system/coredns-b'];

/** kubeadm's. */
export const COREFILE = `.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 30
    }
    prometheus
    forward
    cache 30
    loop
    reload
    loadbalance
}
`;

/** As text: `A 10.96.0.20`, `CNAME db.example.com`, `NXDOMAIN`, `SERVFAIL`, `timeout`, `truncated`; '' is no record. */
type Says = string | readonly string[];

interface Asked {
  readonly name: string;
  readonly type: DnsType;
  /** Of the first server, and of the second; one text is for both. */
  readonly says: readonly [Says, Says] | Says;
}

export function reading(asked: readonly Asked[], change: Partial<DnsReading> = {}): DnsReading {
  const answers = asked.flatMap(({ name, type, says }) =>
    SERVERS.map((server, index): DnsAnswer => {
      const own = Array.isArray(says) && says.length === 2 && says.some(Array.isArray) ? says[index] : says;
      return answer(server, name, type, [own].flat(2) as string[]);
    }),
  );
  const known = { zone: 'cluster.local', zoneFrom: 'test', corefile: COREFILE, corefileError: null };
  return { ...known, servers: SERVERS, otherServers: [], answers, unasked: [], ...change };
}

function answer(server: string, name: string, type: DnsType, says: readonly string[]): DnsAnswer {
  const base = { server, name, type, at: '2026-11-23T10:00:00Z' };
  if (says[0] === 'timeout') return { ...base, response: null, error: 'no answer within 5 s' };
  const records = says.flatMap((text) => {
    const [kind = '', data] = text.split(' ');
    return data === undefined ? [] : [{ name, type: kind as DnsType, ttl: 30, data }];
  });
  const [code = ''] = says;
  const response: DnsResponse = {
    rcode: records.length > 0 || ['', 'truncated'].includes(code) ? 'NOERROR' : code,
    truncated: says.includes('truncated'),
    answers: records,
    negativeTtl: records.length > 0 ? null : 30,
  };
  return { ...base, response, error: null };
}

const WEB = 'web.default.svc.cluster.local';
const DB = 'db.default.svc.cluster.local';

function web(says: Asked['says'], change: Partial<DnsReading> = {}, spec: Record<string, unknown> = {}): Row['spec'] {
  return {
    services: [service(spec)],
    slices: [SLICE],
    pods: [pod('web-1', true)],
    dns: reading([{ name: WEB, type: 'A', says }], change),
  };
}

function db(says: Asked['says'], target: Asked['says'] = 'A 192.0.2.7', externalName = 'db.example.com'): Row['spec'] {
  return {
    services: [{ name: 'db', spec: { type: 'ExternalName', externalName } }],
    slices: [],
    dns: reading([
      { name: DB, type: 'CNAME', says },
      { name: 'db.example.com', type: 'A', says: target },
    ]),
  };
}

const TWO_SLICE = {
  ...SLICE,
  endpoints: [
    ...SLICE.endpoints,
    ['10.168.1.6', 'rain-kubernetes-2'],
    ['10.168.2.7', 'rain-kubernetes-3', { ready: false }],
  ],
} as const;

function headless(says: Asked['says'], change: Partial<Row['spec']> = {}): Row['spec'] {
  return {
    services: [service({ clusterIP: 'None' })],
    slices: [TWO_SLICE],
    pods: [pod('web-1', true)],
    dns: reading([{ name: WEB, type: 'A', says }]),
    ...change,
  };
}

function corefile(addition: string): Partial<DnsReading> {
  return { corefile: COREFILE.replace('    errors\n', `    errors\n    ${addition}\n`) };
}

function kubernetes(option: string): Partial<DnsReading> {
  return { corefile: COREFILE.replace('        ttl 30\n', `        ${option}\n`) };
}

const right = 'A 10.96.0.20';
const wrong = 'A 10.96.0.99';

/** `words` of a note stand in the notes. */
export interface DnsRow extends Row {
  readonly note?: string;
  readonly confidence?: string;
}

export const DNS_ROWS: readonly DnsRow[] = [
  { name: 'clusterIP: the right answer', spec: web(right), codes: [], exit: 0 },
  {
    name: 'clusterIP: another address',
    spec: web(wrong),
    codes: ['SVC222'],
    exit: 1,
    words: 'kube-system/coredns-a, kube-system/coredns-b: A 10.96.0.99',
    confidence: 'certain',
  },
  {
    name: 'clusterIP: no such name on one server of two',
    spec: web([[right], ['NXDOMAIN']]),
    codes: ['SVC222'],
    exit: 1,
    words: '"found":"kube-system/coredns-b: NXDOMAIN (1 of 2 servers)"',
  },
  { name: 'clusterIP: a name without an address', spec: web(''), codes: ['SVC222'], exit: 1, words: 'no A record' },
  { name: 'clusterIP: an address too many', spec: web([right, wrong]), codes: ['SVC222'], exit: 1 },
  {
    name: 'clusterIP: an alias',
    spec: web('CNAME x.example.com.'),
    codes: ['SVC222'],
    exit: 1,
    words: 'CNAME x.example.com',
  },
  {
    name: 'clusterIP: a server that fails says nothing',
    spec: web('SERVFAIL'),
    codes: [],
    exit: 0,
    note: 'kube-system/coredns-a answered SERVFAIL',
  },
  { name: 'clusterIP: a server that refuses', spec: web('REFUSED'), codes: [], exit: 0, note: 'answered REFUSED' },
  { name: 'clusterIP: no answer', spec: web('timeout'), codes: [], exit: 0, note: 'no answer within 5 s' },
  {
    name: 'clusterIP: one server answers right, one not at all',
    spec: web([[right], ['timeout']]),
    codes: [],
    exit: 0,
    note: 'no answer within 5 s',
  },
  {
    name: 'clusterIP: one answers wrong, one not at all',
    spec: web([[wrong], ['timeout']]),
    codes: ['SVC222'],
    exit: 1,
  },
  {
    name: 'clusterIP: nobody asked',
    spec: { ...web(right), dns: reading([], { unasked: ['default/web'] }) },
    codes: [],
    exit: 0,
  },
  {
    name: 'clusterIP: both families',
    spec: {
      ...web(right, {}, { clusterIPs: ['10.96.0.20', 'fd00:10:96::20'] }),
      slices: [SLICE, { ...SLICE, family: 'IPv6', endpoints: [['fd00:10:168::5', 'rain-kubernetes-1']] }],
      dns: reading([
        { name: WEB, type: 'A', says: right },
        // Another way to write it.
        { name: WEB, type: 'AAAA', says: 'AAAA fd00:10:96:0::20' },
      ]),
    },
    codes: [],
    exit: 0,
  },
  {
    name: 'clusterIP: wrong in the second family only',
    spec: {
      ...web(right, {}, { clusterIPs: ['10.96.0.20', 'fd00:10:96::20'] }),
      slices: [SLICE, { ...SLICE, family: 'IPv6', endpoints: [['fd00:10:168::5', 'rain-kubernetes-1']] }],
      dns: reading([
        { name: WEB, type: 'A', says: right },
        { name: WEB, type: 'AAAA', says: 'AAAA fd00:10:96::99' },
      ]),
    },
    codes: ['SVC222'],
    exit: 1,
  },
  {
    name: 'Corefile: not read',
    spec: web(wrong, { corefile: null }),
    codes: ['SVC222'],
    exit: 1,
    confidence: 'likely',
  },
  {
    name: 'Corefile: rewrite',
    spec: web(wrong, corefile('rewrite name a b')),
    codes: [],
    exit: 0,
    note: 'their Corefile has rewrite',
  },
  { name: 'Corefile: a plugin nobody knows', spec: web(wrong, corefile('mine')), codes: [], exit: 0, note: 'has mine' },
  {
    name: 'Corefile: template for all',
    spec: web(wrong, corefile('template ANY ANY')),
    codes: [],
    exit: 0,
    note: 'template',
  },
  {
    name: 'Corefile: template for the cloud',
    spec: web(wrong, corefile('template ANY ANY internal.cloudapp.net')),
    codes: ['SVC222'],
    exit: 1,
    confidence: 'certain',
  },
  {
    name: 'Corefile: hosts, as k3s has it',
    spec: web(wrong, corefile('hosts')),
    codes: ['SVC222'],
    exit: 1,
    confidence: 'hint',
  },
  {
    name: 'Corefile: an import',
    spec: web(wrong, corefile('import custom/*.override')),
    codes: ['SVC222'],
    exit: 1,
    confidence: 'hint',
  },
  {
    name: 'Corefile: an import of a snippet',
    spec: web(wrong, {
      corefile: `(own) {\n rewrite name a b\n}\n${COREFILE.replace('    errors\n', '    import own\n')}`,
    }),
    codes: [],
    exit: 0,
    note: 'rewrite',
  },
  {
    name: 'Corefile: a block for a part of the zone',
    spec: web(wrong, { corefile: `${COREFILE}default.svc.cluster.local:53 {\n file x\n}\n` }),
    codes: [],
    exit: 0,
    note: 'a block for default.svc.cluster.local',
  },
  {
    name: 'Corefile: a block for a stub domain',
    spec: web(wrong, { corefile: `${COREFILE}example.com:53 {\n forward\n}\n` }),
    codes: ['SVC222'],
    exit: 1,
    confidence: 'certain',
  },
  {
    name: 'Corefile: other namespaces',
    spec: web('NXDOMAIN', kubernetes('namespaces shop')),
    codes: [],
    exit: 0,
    note: 'shop only',
  },
  {
    name: 'Corefile: this namespace',
    spec: web('NXDOMAIN', kubernetes('namespaces default shop')),
    codes: ['SVC222'],
    exit: 1,
  },
  {
    name: 'Corefile: labels',
    spec: web('NXDOMAIN', kubernetes('labels tier=web')),
    codes: [],
    exit: 0,
    note: 'labels',
  },
  {
    name: 'Corefile: Services without endpoints have no name',
    spec: { ...web('NXDOMAIN', kubernetes('ignore empty_service')), slices: [], pods: [] },
    codes: ['SVC201'],
    exit: 1,
  },
  {
    name: 'Corefile: but this one has some',
    spec: web('NXDOMAIN', kubernetes('ignore empty_service')),
    codes: ['SVC222'],
    exit: 1,
  },
  {
    name: 'headless: the ready endpoints',
    spec: headless(['A 10.168.1.6', 'A 10.168.0.5']),
    codes: ['SVC205'],
    exit: 0,
  },
  {
    name: 'headless: one is missing',
    spec: headless('A 10.168.1.6'),
    codes: ['SVC205', 'SVC223'],
    exit: 1,
    words: 'its 2 ready endpoints',
  },
  {
    name: 'headless: one is not ready',
    spec: headless(['A 10.168.1.6', 'A 10.168.0.5', 'A 10.168.2.7']),
    codes: ['SVC205', 'SVC223'],
    exit: 1,
    words: '10.168.2.7',
  },
  {
    name: 'headless: none is ready, and there is no name',
    spec: headless('NXDOMAIN', { slices: [], pods: [] }),
    codes: ['SVC201', 'SVC205'],
    exit: 1,
  },
  {
    name: 'headless: none is ready, and some are answered',
    spec: headless('A 10.168.0.5', { slices: [], pods: [] }),
    codes: ['SVC201', 'SVC205', 'SVC223'],
    exit: 1,
  },
  {
    name: 'headless: more than fits',
    spec: headless(['A 10.168.1.6', 'truncated']),
    codes: ['SVC205'],
    exit: 0,
    note: 'more than fits',
  },
  {
    name: 'headless: only the family that was asked for',
    spec: headless(['A 10.168.0.5', 'A 10.168.1.6'], {
      slices: [TWO_SLICE, { ...SLICE, family: 'IPv6', endpoints: [['fd00:10:168::5', 'rain-kubernetes-1']] }],
    }),
    codes: ['SVC205'],
    exit: 0,
  },
  { name: 'ExternalName: the right alias', spec: db('CNAME db.example.com'), codes: ['SVC204'], exit: 0 },
  {
    name: 'ExternalName: dots and letters do not matter',
    spec: db('CNAME DB.example.com.', 'A 192.0.2.7', 'db.Example.com.'),
    codes: ['SVC204'],
    exit: 0,
  },
  {
    name: 'ExternalName: another alias',
    spec: db('CNAME old.example.com'),
    codes: ['SVC204', 'SVC221'],
    exit: 1,
    words: 'CNAME old.example.com',
  },
  { name: 'ExternalName: no such name', spec: db('NXDOMAIN'), codes: ['SVC204', 'SVC221'], exit: 1 },
  {
    name: 'ExternalName: an address is another fault',
    spec: db('NXDOMAIN', 'NXDOMAIN', '192.0.2.5'),
    codes: ['SVC204', 'SVC210'],
    exit: 1,
  },
  {
    name: 'ExternalName: it leads nowhere',
    spec: db('CNAME db.example.com', 'NXDOMAIN'),
    codes: ['SVC204', 'SVC224'],
    exit: 0,
    words: 'NXDOMAIN for db.example.com',
    confidence: 'likely',
  },
  {
    name: 'ExternalName: one server of two knows where',
    spec: db('CNAME db.example.com', [['NXDOMAIN'], ['A 192.0.2.7']]),
    codes: ['SVC204'],
    exit: 0,
  },
  {
    name: 'ExternalName: its target is of the other family',
    spec: db('CNAME db.example.com', ''),
    codes: ['SVC204'],
    exit: 0,
  },
  {
    name: 'ExternalName: nobody can tell where',
    spec: db('CNAME db.example.com', 'timeout'),
    codes: ['SVC204'],
    exit: 0,
  },
];
