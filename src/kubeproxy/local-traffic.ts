import type { Match } from '../netfilter/rules.ts';
import type { LocalDetection, ProxySettings } from './expectation.ts';

/** How rules tell traffic of this node's pods from other traffic (`IfLocal` and `IfNotLocal` in kube-proxy). */
export interface LocalForms {
  /**
   * Forms the rule can have, the first one to be shown; null stands for a rule without the match. Empty: no rule.
   */
  readonly forms: readonly (Match | null)[];
  /** False: local detection is not known, so a rule in one of the forms is accepted and none is demanded. */
  readonly known: boolean;
}

const NO_FORMS: LocalForms = { forms: [], known: true };
const UNCONDITIONAL: LocalForms = { forms: [null], known: true };

/** For rules that mark traffic to a cluster IP: of everybody (masqueradeAll), or of all but this node's pods. */
export function notLocalForms(settings: ProxySettings): LocalForms {
  if (settings.masqueradeAll.value) return UNCONDITIONAL;
  const detection = settings.localDetection.value;
  if (detection === null) return { forms: [...seenForms(settings, true), null], known: false };
  const match = matchOf(detection, true);
  return match === null ? NO_FORMS : { forms: [match], known: true };
}

/** For rules that lead this node's pods elsewhere. */
export function localForms(settings: ProxySettings): LocalForms {
  const detection = settings.localDetection.value;
  if (detection === null) return { forms: seenForms(settings, false), known: false };
  const match = matchOf(detection, false);
  return match === null ? NO_FORMS : { forms: [match], known: true };
}

/** For external IPs up to 1.23: like {@link notLocalForms} without masqueradeAll, and everybody without detection. */
export function externalMarkForms(settings: ProxySettings): LocalForms {
  const detection = settings.localDetection.value;
  if (detection === null) return { forms: [...seenForms(settings, true), null], known: false };
  return { forms: [matchOf(detection, true)], known: true };
}

function seenForms(settings: ProxySettings, negated: boolean): readonly Match[] {
  return (settings.localDetectionSeen ?? []).flatMap((detection) => matchOf(detection, negated) ?? []);
}

const made = new WeakMap<LocalDetection, { readonly local: Match; readonly other: Match }>();

/** null: detection is not in force. The same match object for the same detection: it stands in very many rules. */
function matchOf(detection: LocalDetection, negated: boolean): Match | null {
  if (detection.mode === 'none') return null;
  const known = made.get(detection) ?? remember(detection, make(detection, false), make(detection, true));
  return negated ? known.other : known.local;
}

function remember(
  detection: LocalDetection,
  local: Match,
  other: Match,
): { readonly local: Match; readonly other: Match } {
  const pair = { local, other };
  made.set(detection, pair);
  return pair;
}

function make(detection: Exclude<LocalDetection, { readonly mode: 'none' }>, negated: boolean): Match {
  switch (detection.mode) {
    case 'source':
      return { kind: 'source', negated, cidr: detection.cidr };
    case 'interface':
      return { kind: 'in-interface', negated, name: detection.name };
  }
}
