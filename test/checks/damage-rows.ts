/** Clusters with one damage each, and the checks that are to see it. */
import { analyze } from '../../src/analyze/analyze.ts';
import { sepChain } from '../../src/kubeproxy/names.ts';
import type { Finding, Report } from '../../src/model/report.ts';
import type { NodeFile, Snapshot } from '../../src/model/snapshot.ts';
import { before, behind, damage, replacing, without } from '../build.ts';
import { dualStack, hostnames, loadBalancer, withHeadless, withKubernetes, withoutEndpoints } from './clusters.ts';
import { DEFAULT_OPTIONS } from '../options.ts';

export const NODE = 'rain-kubernetes-2';

const OLD_VERSION = { value: { major: 1, minor: 20, patch: 15 }, origin: 'configured', from: 'test' } as const;

/** The article's Service under kube-proxy 1.20, which marks in the entry chains. */
export function oldHostnames(): Snapshot {
  return hostnames({ era: { ...OLD_VERSION, value: '1.20' }, version: OLD_VERSION });
}

export function judge(evidence: Snapshot): Report {
  return analyze(evidence, DEFAULT_OPTIONS);
}

export interface Row {
  readonly name: string;
  readonly cluster: () => Snapshot;
  readonly change: (lines: readonly string[]) => readonly string[];
  readonly file?: NodeFile;
  readonly codes: readonly string[];
  readonly severity?: Finding['severity'];
  readonly port?: string;
  /** Words the impact must hold. */
  readonly impact?: readonly string[];
}

const SVC = 'KUBE-SVC-AC2ON6IKLZPGXVMV';
const EXT = 'KUBE-EXT-AC2ON6IKLZPGXVMV';
const WEB = 'CDGGSHYLG3RE2FKL';

export const ROWS: readonly Row[] = [
  {
    name: 'a clusterIP entry is gone',
    cluster: hostnames,
    change: without('-A KUBE-SERVICES', 'hostnames', 'cluster IP'),
    codes: ['SVC301'],
    impact: ['10.111.231.44:80', 'all time out'],
  },
  {
    name: 'a clusterIP entry is for another port',
    cluster: hostnames,
    change: replacing(['-A KUBE-SERVICES', 'hostnames', 'cluster IP'], '--dport 80', '--dport 81'),
    codes: ['SVC301', 'SVC307'],
  },
  {
    name: 'a node port entry is gone',
    cluster: hostnames,
    change: without('-A KUBE-NODEPORTS', '--dport 30000'),
    codes: ['SVC302'],
    impact: ['node port 30000', 'all are refused'],
  },
  {
    name: 'an external IP entry is gone',
    cluster: () => loadBalancer('Cluster'),
    change: without('-A KUBE-SERVICES', 'external IP'),
    codes: ['SVC303'],
    port: 'default/web:http',
  },
  {
    name: 'a load-balancer entry is gone',
    cluster: () => loadBalancer('Cluster'),
    change: without('-A KUBE-SERVICES', 'loadbalancer IP'),
    codes: ['SVC304'],
    port: 'default/web:http',
  },
  {
    name: 'an entry leads to another Service',
    cluster: hostnames,
    change: replacing(['-A KUBE-SERVICES', 'hostnames', 'cluster IP'], SVC, 'KUBE-SVC-IO6IR2N6U2PWRNNF'),
    codes: ['SVC305'],
  },
  {
    name: 'an entry is there twice',
    cluster: hostnames,
    change: behind(
      ['-A KUBE-SERVICES', 'hostnames', 'cluster IP'],
      `-A KUBE-SERVICES -d 10.111.231.44/32 -p tcp -m comment --comment "default/hostnames:http cluster IP" -m tcp --dport 80 -j ${SVC}`,
    ),
    codes: ['SVC306'],
    severity: 'warning',
  },
  {
    name: 'a foreign address leads to the Service',
    cluster: hostnames,
    change: behind(
      ['-A KUBE-SERVICES', 'hostnames', 'cluster IP'],
      `-A KUBE-SERVICES -d 10.111.231.99/32 -p tcp -m tcp --dport 80 -j ${SVC}`,
    ),
    codes: ['SVC307'],
  },
  {
    name: 'PREROUTING does not lead to KUBE-SERVICES',
    cluster: hostnames,
    change: without('-A PREROUTING', 'KUBE-SERVICES'),
    codes: ['SVC308'],
  },
  {
    name: 'KUBE-SERVICES does not lead to KUBE-NODEPORTS',
    cluster: hostnames,
    change: without('-A KUBE-SERVICES', '-j KUBE-NODEPORTS'),
    codes: ['SVC309'],
  },
  {
    name: 'a rejection is left over',
    cluster: hostnames,
    change: before(
      ['-A KUBE-FORWARD'],
      '-A KUBE-SERVICES -d 10.111.231.44/32 -p tcp -m comment --comment "default/hostnames:http has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable',
    ),
    codes: ['SVC310'],
    severity: 'warning',
  },
  {
    name: 'a rejection is missing',
    cluster: withoutEndpoints,
    change: without('-A KUBE-SERVICES', 'has no endpoints'),
    codes: ['SVC206', 'SVC311'],
  },
  {
    name: 'there is nothing of a Service',
    cluster: hostnames,
    change: (lines) =>
      lines.filter(
        (line) => !/hostnames|AC2ON6IKLZPGXVMV|UCPOTBP5J6CFWVH3|G7HB53TC4RAEG2Q6|3J5IS7CK5D2CCCRY/.test(line),
      ),
    codes: ['SVC312'],
  },
  {
    name: 'the chain for external traffic leads nowhere',
    cluster: hostnames,
    change: without(`-A ${EXT}`, `-j ${SVC}`),
    codes: ['SVC313'],
  },
  {
    name: 'an endpoint chain has no DNAT',
    cluster: hostnames,
    change: without('--to-destination 10.168.1.12:9376'),
    codes: ['SVC321'],
    impact: ['10.168.1.12:9376 is never reached', '10.168.2.21:9376 gets two thirds instead of a third', 'none fails'],
  },
  {
    name: 'the last endpoint chain has no DNAT',
    cluster: hostnames,
    change: without('--to-destination 10.168.2.21:9376'),
    codes: ['SVC321'],
    impact: ['a third times out'],
  },
  {
    name: 'an endpoint chain leads to another address',
    cluster: hostnames,
    change: replacing(['--to-destination 10.168.1.12:9376'], '10.168.1.12:9376', '10.168.1.99:9376'),
    codes: ['SVC322'],
    impact: ['10.168.1.99:9376, which is no endpoint'],
  },
  {
    name: 'a balancing rule leads to a stranger',
    cluster: hostnames,
    change: replacing([`-A ${SVC}`, '0.50000000000'], 'KUBE-SEP-G7HB53TC4RAEG2Q6', 'KUBE-SEP-UEGUBTTLSXTKCE5A'),
    codes: ['SVC323', 'SVC331'],
  },
  {
    name: 'an endpoint is not masqueraded to itself',
    cluster: hostnames,
    change: without('-A KUBE-SEP-G7HB53TC4RAEG2Q6', 'KUBE-MARK-MASQ'),
    codes: ['SVC324'],
    impact: ['an endpoint calling itself'],
  },
  {
    name: 'a balancing rule is gone',
    cluster: hostnames,
    change: without(`-A ${SVC}`, '10.168.1.12'),
    codes: ['SVC331'],
    impact: ['10.168.1.12:9376 is never reached'],
  },
  {
    name: 'the first balancing rule is gone, so that the rest is even',
    cluster: hostnames,
    change: without(`-A ${SVC}`, '10.168.0.10'),
    codes: ['SVC331'],
  },
  {
    name: 'a balancing rule is there twice',
    cluster: hostnames,
    change: behind(
      [`-A ${SVC}`, '10.168.1.12'],
      `-A ${SVC} -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-G7HB53TC4RAEG2Q6`,
    ),
    codes: ['SVC332'],
  },
  {
    name: 'a balancing rule has another chance',
    cluster: hostnames,
    change: replacing([`-A ${SVC}`, '10.168.0.10'], '0.33333333349', '0.90000000037'),
    codes: ['SVC333'],
    impact: ['90 % instead of a third'],
  },
  {
    name: 'an affinity rule is gone',
    cluster: () => loadBalancer('Cluster'),
    change: without(`-A KUBE-SVC-${WEB}`, '--rcheck', '10.168.1.6'),
    codes: ['SVC336'],
    port: 'default/web:http',
  },
  {
    name: 'the external mark is gone',
    cluster: hostnames,
    change: without(`-A ${EXT}`, 'KUBE-MARK-MASQ'),
    codes: ['SVC341'],
    impact: ['two thirds time out', 'the client, who does not know the sender'],
  },
  {
    name: 'the mark of a node port is gone, in the days of 1.20',
    cluster: oldHostnames,
    change: without('-A KUBE-NODEPORTS', '-j KUBE-MARK-MASQ'),
    codes: ['SVC341'],
  },
  {
    name: 'the mark of a clusterIP is gone, in the days of 1.20',
    cluster: oldHostnames,
    change: without('-A KUBE-SERVICES', 'hostnames', '-j KUBE-MARK-MASQ'),
    codes: ['SVC345'],
  },
  {
    name: 'KUBE-MARK-MASQ sets another mark',
    cluster: hostnames,
    change: replacing(['-A KUBE-MARK-MASQ'], '0x4000/0x4000', '0x8000/0x8000'),
    codes: ['SVC342'],
  },
  {
    name: 'KUBE-POSTROUTING does not masquerade',
    cluster: hostnames,
    change: without('-A KUBE-POSTROUTING', 'MASQUERADE'),
    codes: ['SVC343'],
  },
  {
    name: 'POSTROUTING does not lead to KUBE-POSTROUTING',
    cluster: hostnames,
    change: without('-A POSTROUTING', 'KUBE-POSTROUTING'),
    codes: ['SVC344'],
  },
  {
    name: 'the clusterIP mark is gone',
    cluster: hostnames,
    change: without(`-A ${SVC}`, 'KUBE-MARK-MASQ'),
    codes: ['SVC345'],
  },
  {
    name: 'a source range is gone',
    cluster: () => loadBalancer('Cluster'),
    change: without(`-A KUBE-FW-${WEB}`, '192.0.2.0/24'),
    codes: ['SVC351'],
    port: 'default/web:http',
  },
  {
    name: 'the firewall does not drop',
    cluster: () => loadBalancer('Cluster'),
    change: without('-A KUBE-PROXY-FIREWALL'),
    codes: ['SVC352'],
    severity: 'warning',
    port: 'default/web:http',
  },
  {
    name: 'the health check is not accepted',
    cluster: () => loadBalancer('Local'),
    change: without('-A KUBE-NODEPORTS', 'health check'),
    codes: ['SVC353'],
    severity: 'warning',
    port: 'default/web:http',
  },
  {
    name: 'KUBE-FORWARD does not accept',
    cluster: hostnames,
    change: without('-A KUBE-FORWARD', '0x4000/0x4000'),
    codes: ['SVC354'],
    severity: 'warning',
  },
  {
    name: 'packets from outside to localhost are not dropped',
    cluster: hostnames,
    change: without('-A KUBE-FIREWALL', 'localnet'),
    codes: ['SVC356'],
    severity: 'warning',
  },
  {
    name: 'FORWARD does not lead to KUBE-FORWARD',
    cluster: hostnames,
    change: without('-A FORWARD', '-j KUBE-FORWARD'),
    codes: ['SVC355'],
    severity: 'warning',
  },
  {
    name: 'a node has no rules',
    cluster: hostnames,
    change: (lines) => lines.filter((line) => !line.includes('KUBE-')),
    codes: ['SVC401'],
  },
  {
    name: 'somebody drops in a Service chain',
    cluster: hostnames,
    change: before([`-A ${SVC}`], `-A ${SVC} -s 10.0.0.0/8 -j RETURN`),
    codes: ['SVC402'],
  },
  {
    name: 'somebody counts in a Service chain',
    cluster: hostnames,
    change: before([`-A ${SVC}`], `-A ${SVC} -m comment --comment "look here"`),
    codes: ['SVC402'],
    severity: 'warning',
  },
  {
    name: 'somebody returns from KUBE-SERVICES before its rules',
    cluster: hostnames,
    change: before(['-A KUBE-SERVICES', 'cluster IP'], '-A KUBE-SERVICES -d 10.111.0.0/16 -j RETURN'),
    codes: ['SVC501'],
    impact: ['all time out'],
  },
  {
    name: 'a chain is left from an endpoint that is gone',
    cluster: hostnames,
    change: before([':KUBE-SVC'], ':KUBE-SEP-AAAAAAAAAAAAAAAA - [0:0]'),
    codes: ['SVC404'],
    severity: 'info',
  },
  {
    name: 'an entry is left from a Service that is gone',
    cluster: withKubernetes,
    change: before(
      ['-A KUBE-SERVICES', 'cluster IP'],
      '-A KUBE-SERVICES -d 10.96.7.7/32 -p tcp -m comment --comment "default/gone:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
    ),
    codes: ['SVC405'],
    severity: 'warning',
  },
  {
    name: 'an entry is left from a Service that became headless',
    cluster: () => withHeadless(),
    change: before(
      ['-A KUBE-SERVICES', 'cluster IP'],
      '-A KUBE-SERVICES -d 10.96.7.7/32 -p tcp -m comment --comment "default/bare:http cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
    ),
    codes: ['SVC405'],
    severity: 'warning',
  },
  {
    name: 'ipvs mode left its chains',
    cluster: hostnames,
    change: before([':KUBE-SVC'], ':KUBE-LOAD-BALANCER - [0:0]'),
    codes: ['SVC406'],
    severity: 'warning',
  },
  {
    name: 'a firewall drops what goes to one endpoint',
    cluster: hostnames,
    change: before(['-A FORWARD'], '-A FORWARD -d 10.168.1.12/32 -p tcp -m tcp --dport 9376 -j DROP'),
    codes: ['SVC502'],
    impact: ['from its pods to 10.111.231.44:80', 'a third'],
  },
  {
    name: 'only IPv6 is damaged',
    cluster: dualStack,
    change: without('-A KUBE-SERVICES', 'cluster IP'),
    file: 'ip6tables-nft-save',
    codes: ['SVC301'],
    port: 'default/dual:http',
  },
];

/** The article's cluster after a change of back end: what the old one left is not kept up to date. */
export function withBothBackEnds(): Snapshot {
  const cluster = hostnames();
  const nodes = cluster.nodes.map((node) => {
    const old = node.files.get('iptables-nft-save')?.replaceAll('10.168.1.12', '10.168.1.99') ?? '';
    const both = new Map([...node.files, ['iptables-legacy-save', old] as const]);
    return node.name === NODE ? { ...node, files: both } : node;
  });
  return { ...cluster, nodes };
}

/** kube-proxy on the node has not noticed that an endpoint moved. */
export function withStaleEndpoint(): Snapshot {
  return damage(hostnames(), NODE, (lines) => moved(lines));
}

function moved(lines: readonly string[]): readonly string[] {
  const [oldSep, newSep] = ['10.168.1.12:9376', '10.168.1.11:9376'].map((to) =>
    sepChain('default/hostnames:http', 'TCP', to),
  );
  return lines.map((line) => line.replaceAll('10.168.1.12', '10.168.1.11').replaceAll(oldSep ?? '', newSep ?? ''));
}
