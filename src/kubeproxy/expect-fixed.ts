import type { Cidr, Ip } from '../model/address.ts';
import type { Match, Target } from '../netfilter/rules.ts';
import type { ExpectedChain, ExpectedRule, ProxySettings } from './expectation.ts';
import { featuresOf } from './features.ts';
import { ACCEPT, accepted, counted, DROP, inForms, inState, LOOPBACK, makeRule, required } from './made-rule.ts';
import { sharedChain } from './made-rule.ts';

/** Chains that hold the same rules whatever Services there are. */

export function fixedChains(settings: ProxySettings): readonly ExpectedChain[] {
  const firewall = firewallRules(settings);
  return [
    sharedChain('nat', 'KUBE-MARK-MASQ', markMasquerade(settings)),
    sharedChain('nat', 'KUBE-POSTROUTING', postrouting(settings)),
    sharedChain('filter', 'KUBE-FORWARD', forward(settings)),
    ...(firewall.length === 0 ? [] : [sharedChain('filter', 'KUBE-FIREWALL', firewall)]),
    ...(dropsByMark(settings) ? [sharedChain('nat', 'KUBE-MARK-DROP', [markDrop()])] : []),
  ];
}

function markMasquerade(settings: ProxySettings): readonly ExpectedRule[] {
  const mark = settings.mark.value;
  const rule = makeRule('KUBE-MARK-MASQ', [], null, { kind: 'mark', value: mark, mask: mark });
  return [required('mark-masquerade', 'nat', rule)];
}

function marked(settings: ProxySettings, negated: boolean): Match {
  const mark = settings.mark.value;
  return { kind: 'mark', negated, value: mark, mask: mark };
}

const RANDOM: Target = { kind: 'masquerade', toPorts: null, flags: ['--random-fully'] };
const PLAIN: Target = { kind: 'masquerade', toPorts: null, flags: [] };
const SNAT_COMMENT = 'kubernetes service traffic requiring SNAT';

/**
 * Since 1.19 and in late patches before (#92035): leave unmarked packets, clear the mark by XOR, masquerade. Before:
 * one rule. `--random-fully` depends on the iptables of kube-proxy's image, so both forms are right.
 */
function postrouting(settings: ProxySettings): readonly ExpectedRule[] {
  const features = featuresOf(settings);
  const clears = features('clearsMark');
  const chain = 'KUBE-POSTROUTING';
  const conditions: readonly (readonly Match[])[] =
    clears === null ? [[], [marked(settings, false)]] : [clears ? [] : [marked(settings, false)]];
  const targets = features('randomFully') === false ? [PLAIN] : [RANDOM, PLAIN];
  const forms = conditions.flatMap((matches) =>
    targets.map((target) => makeRule(chain, matches, SNAT_COMMENT, target)),
  );
  const last = forms
    .slice(0, 1)
    .map((form) => inForms(required('postrouting-masquerade', 'nat', form), forms.slice(1)));
  if (clears === false) return last;
  const clear: Target = { kind: 'mark', value: settings.mark.value, mask: 0 };
  const first = [
    required('postrouting-return', 'nat', makeRule(chain, [marked(settings, true)], null, { kind: 'return' })),
    required('postrouting-clear', 'nat', makeRule(chain, [], null, clear)),
  ];
  return [...(clears === null ? first.map(accepted) : first), ...last];
}

function forward(settings: ProxySettings): readonly ExpectedRule[] {
  const accept = makeRule('KUBE-FORWARD', [marked(settings, false)], 'kubernetes forwarding rules', ACCEPT);
  return [...invalidDrop(settings), required('forward-accept', 'filter', accept), ...conntrackRules(settings)];
}

const INVALID = inState(['INVALID']);

/** Left out since 1.29 if conntrack was liberal when kube-proxy started, which the rules do not tell (#120412). */
function invalidDrop(settings: ProxySettings): readonly ExpectedRule[] {
  const features = featuresOf(settings);
  const added = features('invalidDrop');
  if (added === false) return [];
  const plain = makeRule('KUBE-FORWARD', [INVALID], null, DROP);
  const counting = makeRule('KUBE-FORWARD', [INVALID, counted('ct_state_invalid_dropped_pkts')], null, DROP);
  const counts = features('nfacct') !== false;
  const shown = required('forward-invalid', 'filter', counts ? counting : plain);
  const rule = counts ? inForms(shown, [plain]) : shown;
  const optional = features('liberalConntrack') !== false || added === null;
  return [optional ? accepted(rule) : rule];
}

const ESTABLISHED = inState(['RELATED', 'ESTABLISHED']);

function conntrackRules(settings: ProxySettings): readonly ExpectedRule[] {
  const features = featuresOf(settings);
  const one = features('oneConntrackRule');
  const single = conntrackRule('kubernetes forwarding conntrack rule', []);
  if (one === true) return [single];
  // 1.22 and 1.23 differ in how often they write the same rule: the second one may be there.
  if (one === null)
    return [single, accepted(conntrackRule('kubernetes forwarding conntrack pod destination rule', []))];
  const plain = CONNTRACK_COMMENTS.map((comment) => conntrackRule(comment, []));
  const plainAlways = features('conntrackWithoutCidr');
  if (plainAlways === true) return plain;
  const cidr = clusterCidr(settings);
  const ranged = cidr === null ? [] : rangedConntrackRules(cidr);
  if (plainAlways === false) return ranged;
  return plain.map((rule, index) => accepted(inForms(rule, ranged[index] === undefined ? [] : [ranged[index].rule])));
}

const CONNTRACK_COMMENTS = [
  'kubernetes forwarding conntrack pod source rule',
  'kubernetes forwarding conntrack pod destination rule',
] as const;

/** Up to 1.17, and only with a cluster CIDR. */
function rangedConntrackRules(cidr: Cidr): readonly ExpectedRule[] {
  const [source, destination] = CONNTRACK_COMMENTS;
  return [
    conntrackRule(source, [{ kind: 'source', negated: false, cidr }]),
    conntrackRule(destination, [{ kind: 'destination', negated: false, cidr }]),
  ];
}

function conntrackRule(comment: string, matches: readonly Match[]): ExpectedRule {
  return required('forward-conntrack', 'filter', makeRule('KUBE-FORWARD', [...matches, ESTABLISHED], comment, ACCEPT));
}

function clusterCidr(settings: ProxySettings): Cidr | null {
  const detection = settings.localDetection.value;
  return detection !== null && detection.mode === 'source' ? detection.cidr : null;
}

/**
 * Keeps others on the link from reaching 127.0.0.0/8, which route_localnet opens (CVE-2020-8558). kube-proxy writes it
 * since 1.27 with localhost node ports on; kubelet writes the same rule, and up to 1.26 one that drops marked packets.
 */
function firewallRules(settings: ProxySettings): readonly ExpectedRule[] {
  const own = featuresOf(settings)('ownsFirewallChain');
  const localhost = settings.family === 'IPv4' ? servesLocalhost(settings) : false;
  const rule = makeRule(
    'KUBE-FIREWALL',
    [
      { kind: 'source', negated: true, cidr: LOOPBACK.IPv4 },
      { kind: 'destination', negated: false, cidr: LOOPBACK.IPv4 },
      inState(['RELATED', 'ESTABLISHED', 'DNAT'], true),
    ],
    'block incoming localnet connections',
    DROP,
  );
  const localnet = required('localnet-drop', 'filter', rule);
  const written = own === true && localhost === true;
  return [accepted(markedDrop()), ...(settings.family === 'IPv4' ? [written ? localnet : accepted(localnet)] : [])];
}

const KUBELET_MARK = 0x8000;

/** kubelet's, up to 1.26: drops what KUBE-MARK-DROP has marked. */
function markedDrop(): ExpectedRule {
  const mark: Match = { kind: 'mark', negated: false, value: KUBELET_MARK, mask: KUBELET_MARK };
  const comment = 'kubernetes firewall for dropping marked packets';
  return required('kubelet-drop', 'filter', makeRule('KUBE-FIREWALL', [mark], comment, DROP));
}

/** kubelet's, up to 1.26; the chain itself is made by kube-proxy too. */
function markDrop(): ExpectedRule {
  const target: Target = { kind: 'mark', value: KUBELET_MARK, mask: KUBELET_MARK };
  return accepted(required('kubelet-mark-drop', 'nat', makeRule('KUBE-MARK-DROP', [], null, target)));
}

function dropsByMark(settings: ProxySettings): boolean {
  return settings.era.value !== '1.25';
}

/** Localhost node ports are in effect: on, and nodePortAddresses does not keep them out. null: not known. */
export function servesLocalhost(settings: ProxySettings): boolean | null {
  const on = featuresOf(settings)('loopbackExcluded') === false ? true : settings.localhostNodePorts.value;
  const addresses = settings.nodePortAddresses.value;
  if (on === false) return false;
  if (addresses === null) return null;
  if (addresses.mode === 'restricted' && !addresses.addresses.some(isLoopback)) return false;
  return on;
}

function isLoopback(ip: Ip): boolean {
  return ip.startsWith('127.') || ip === LOOPBACK.IPv6.base;
}
