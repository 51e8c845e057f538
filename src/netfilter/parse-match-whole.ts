import type { Family } from '../model/address.ts';
import { parseWhole, type Option } from './parse-options.ts';
import type { Match } from './rules.ts';
import { unquote } from './save-scan.ts';

/**
 * Modules whose options together make one condition. `by option`: the module is not one of them; null: a value or a
 * combination that iptables would not print.
 */
export function matchOfWholeModule(
  module: string,
  options: readonly Option[],
  family: Family,
): readonly Match[] | 'by option' | null {
  switch (module) {
    case 'addrtype':
      return addressTypes(options);
    case 'statistic':
      return single(statistic(options));
    case 'recent':
      return single(recent(options, family));
    case 'nfacct':
      return single(nfacct(options));
    case 'set':
      return single(ipset(options));
    case 'physdev':
      return [{ kind: 'physdev', options: options.flatMap((option) => option.words) }];
    default:
      return 'by option';
  }
}

function single(match: Match | null): readonly Match[] | null {
  return match === null ? null : [match];
}

function allKnown(options: readonly Option[]): boolean {
  return options.every((option) => option.known);
}

/** `--limit-iface-*` stands for all addresses of the module. */
function addressTypes(options: readonly Option[]): readonly Match[] | null {
  if (!allKnown(options)) return null;
  const limits = options.filter((option) => option.name.startsWith('--limit-iface-'));
  const limit = limits.length === 0 ? null : limits[0]?.name === '--limit-iface-in' ? 'in' : 'out';
  const matches = options
    .filter((option) => option.name.endsWith('-type'))
    .map((option): Match => {
      const side = option.name === '--src-type' ? 'source' : 'destination';
      const types = (option.values[0] ?? '').split(',');
      return { kind: 'address-type', side, negated: option.negated, types, limit };
    });
  return matches.length === 0 || limits.length > 1 ? null : matches;
}

function statistic(options: readonly Option[]): Match | null {
  const [mode, first, second] = options;
  if (mode?.name !== '--mode' || first === undefined || options.length > 3 || !allKnown(options)) return null;
  if (mode.values[0] === 'random') {
    const probability = first.values[0];
    if (first.name !== '--probability' || second !== undefined || !isProbability(probability)) return null;
    return { kind: 'statistic-random', negated: first.negated, probability };
  }
  const every = parseWhole(first.values[0], 0xffff_ffff);
  const packet = second === undefined ? 0 : parseWhole(second.values[0], 0xffff_ffff);
  if (mode.values[0] !== 'nth' || first.name !== '--every' || every === null || packet === null) return null;
  if (second !== undefined && second.name !== '--packet') return null;
  return { kind: 'statistic-nth', negated: first.negated, every, packet };
}

function isProbability(text: string | undefined): text is string {
  return text !== undefined && /^\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) && Number(text) <= 1;
}

const RECENT_ACTIONS = { '--set': 'set', '--rcheck': 'rcheck', '--update': 'update', '--remove': 'remove' } as const;

function isRecentAction(name: string): name is keyof typeof RECENT_ACTIONS {
  return Object.hasOwn(RECENT_ACTIONS, name);
}

/** Older versions print no mask: then all bits count. */
function recent(options: readonly Option[], family: Family): Match | null {
  const actions = options.map((option) => option.name).filter(isRecentAction);
  const [action] = actions;
  const seconds = optionalWhole(options, '--seconds');
  const hitcount = optionalWhole(options, '--hitcount');
  if (action === undefined || actions.length > 1 || !allKnown(options)) return null;
  if (seconds === 'bad' || hitcount === 'bad') return null;
  return {
    kind: 'recent',
    negated: options.some((option) => option.negated),
    action: RECENT_ACTIONS[action],
    seconds,
    hitcount,
    reap: has(options, '--reap'),
    name: valueOf(options, '--name') ?? 'DEFAULT',
    mask: valueOf(options, '--mask') ?? allBitsOf(family),
    side: has(options, '--rdest') ? 'rdest' : 'rsource',
    ttl: has(options, '--rttl'),
  };
}

function allBitsOf(family: Family): string {
  return family === 'IPv4' ? '255.255.255.255' : 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff';
}

function has(options: readonly Option[], name: string): boolean {
  return options.some((option) => option.name === name);
}

function valueOf(options: readonly Option[], name: string): string | null {
  return options.find((option) => option.name === name)?.values[0] ?? null;
}

function optionalWhole(options: readonly Option[], name: string): number | null | 'bad' {
  const text = valueOf(options, name);
  return text === null ? null : (parseWhole(text, 0xffff_ffff) ?? 'bad');
}

function nfacct(options: readonly Option[]): Match | null {
  const [option] = options;
  if (option?.name !== '--nfacct-name' || option.negated || options.length > 1) return null;
  return { kind: 'nfacct', name: unquote(option.values[0] ?? '') };
}

/** `--set` is how versions before 1.4.10 printed `--match-set`. */
function ipset(options: readonly Option[]): Match | null {
  const [option, ...rest] = options;
  if (option === undefined || (option.name !== '--match-set' && option.name !== '--set')) return null;
  const [name = '', directions = ''] = option.values;
  return { kind: 'set', negated: option.negated, name, directions, rest: rest.flatMap((each) => each.words) };
}
