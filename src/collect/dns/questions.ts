import { type DnsQuestion, type DnsType, serviceName } from '../../model/dns.ts';
import { at, listOf, nameOf, namespaceOf, textOf } from '../cluster/json-value.ts';

/** What is asked about some Services. */
export interface DnsQuestions {
  /** Names of the cluster's own zone. */
  readonly own: readonly DnsQuestion[];
  /** Where ExternalName Services lead to: a server may have to ask others, and wait. */
  readonly targets: readonly DnsQuestion[];
  /** `namespace/name` of the Services that are beyond the bound. */
  readonly unasked: readonly string[];
}

/** More Services than this are not asked about in one run: DNS is there for the pods. */
export const MOST_SERVICES = 500;

/** What is asked about these Services, as the API server sent them. Those about which DNS says most come first. */
export function questionsFor(services: readonly unknown[], zone: string, most = MOST_SERVICES): DnsQuestions {
  const sorted = services.toSorted((a, b) => rankOf(a) - rankOf(b) || (idOf(a) < idOf(b) ? -1 : 1));
  const asked = sorted.slice(0, most);
  const targets = new Set(asked.flatMap(targetOf));
  return {
    own: asked.flatMap((service) => ownQuestions(service, zone)),
    targets: [...targets].map((name) => ({ name, type: 'A' })),
    unasked: sorted.slice(most).map(idOf),
  };
}

/** Of an ExternalName Service there is nothing else to judge, of a headless one hardly anything. */
function rankOf(service: unknown): number {
  if (isExternalName(service)) return 0;
  return isHeadless(service) ? 1 : 2;
}

function idOf(service: unknown): string {
  return `${namespaceOf(service)}/${nameOf(service)}`;
}

function isExternalName(service: unknown): boolean {
  return textOf(at(service, 'spec', 'type')) === 'ExternalName';
}

function isHeadless(service: unknown): boolean {
  return textOf(at(service, 'spec', 'clusterIP')) === 'None';
}

function ownQuestions(service: unknown, zone: string): readonly DnsQuestion[] {
  const name = serviceName(nameOf(service), namespaceOf(service), zone);
  return isName(name) ? typesFor(service).map((type) => ({ name, type })) : [];
}

function typesFor(service: unknown): readonly DnsType[] {
  if (isExternalName(service)) return ['CNAME'];
  if (isHeadless(service)) return familiesOf(service);
  const single = textOf(at(service, 'spec', 'clusterIP'));
  const list = listOf(at(service, 'spec', 'clusterIPs')).map(textOf);
  const addresses = list.length > 0 ? list : [single];
  return [...new Set(addresses.filter((ip) => ip !== '').map((ip) => (ip.includes(':') ? 'AAAA' : 'A')))];
}

/** Of both families where the Service does not say: an API server before 1.20. */
function familiesOf(service: unknown): readonly DnsType[] {
  const families = listOf(at(service, 'spec', 'ipFamilies')).map(textOf);
  if (families.length === 0) return ['A', 'AAAA'];
  return families.map((family) => (family === 'IPv6' ? 'AAAA' : 'A'));
}

/** The target, if it is a name at all; what it is else is another check's question. */
function targetOf(service: unknown): readonly string[] {
  if (!isExternalName(service)) return [];
  const target = textOf(at(service, 'spec', 'externalName')).replace(/\.$/, '');
  return isName(target) && !/^[\d.]+$/.test(target) ? [target] : [];
}

/** What fits into a DNS message: RFC 1035 §2.3.4. */
function isName(text: string): boolean {
  const labels = text.split('.');
  return text.length <= 253 && labels.every((label) => label.length > 0 && label.length <= 63);
}
