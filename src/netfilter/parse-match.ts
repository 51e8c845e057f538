import type { Family } from '../model/address.ts';
import { matchOfWholeModule } from './parse-match-whole.ts';
import { parseMark, readOptions, type Option } from './parse-options.ts';
import { parsePortRange, parsePortRanges } from './parse-ports.ts';
import type { Match } from './rules.ts';
import { isProtocolModule, optionsOfModule } from './save-modules.ts';

/** What the words behind one `-m` say. `reason` tells what of it was not understood; the words are in `matches`. */
export interface ParsedModule {
  readonly matches: readonly Match[];
  readonly reason: string | null;
}

/** A module whose options end where a value is still wanted: perhaps the value looks like an option itself. */
export type ModuleParse = ParsedModule | 'missing';

/** Meaning of `-m MODULE WORDS…`. */
export function parseModule(module: string, words: readonly string[], family: Family): ModuleParse {
  if (optionsOfModule(module) === null) return unrecognised(module, words, `unknown match ${module}`);
  const options = readOptions(module, words);
  if (options === 'missing') return 'missing';
  if (options === 'stray') return unrecognised(module, words, `text that is no option of match ${module}`);
  const matches = matchesOf(module, options, family);
  if (matches === null) return opaque(module, words, `a value of match ${module} was not understood`);
  const unknown = options.find((option) => !option.known);
  return { matches, reason: unknown === undefined ? null : `unknown option ${unknown.name} of match ${module}` };
}

/** `-m MODULE WORDS…` as text, for a rule whose words do not follow the grammar. */
export function unrecognised(module: string, words: readonly string[], reason: string): ParsedModule {
  return { matches: [{ kind: 'unrecognised', text: ['-m', module, ...words].join(' ') }], reason };
}

function opaque(module: string, words: readonly string[], reason: string | null): ParsedModule {
  return { matches: [{ kind: 'opaque', module, options: words }], reason };
}

function matchesOf(module: string, options: readonly Option[], family: Family): readonly Match[] | null {
  if (options.length === 0 && isProtocolModule(module)) return [{ kind: 'protocol-module', module }];
  const whole = matchOfWholeModule(module, options, family);
  return whole === 'by option' ? matchesByOption(module, options) : whole;
}

/** Options that are conditions of their own. Neighbours without a kind stay together in one opaque match. */
function matchesByOption(module: string, options: readonly Option[]): readonly Match[] | null {
  const matches: Match[] = [];
  let kept: string[] = [];
  for (const option of options) {
    const match = matchOfOption(module, option);
    if (match === null) return null;
    if (match === 'kept') kept.push(...option.words);
    else {
      if (kept.length > 0) matches.push({ kind: 'opaque', module, options: kept });
      kept = [];
      matches.push(match);
    }
  }
  if (kept.length > 0 || options.length === 0) matches.push({ kind: 'opaque', module, options: kept });
  return matches;
}

function matchOfOption(module: string, option: Option): Match | 'kept' | null {
  switch (option.name) {
    case '--sport':
    case '--source-port':
      return portMatch('source-port', module, option);
    case '--dport':
    case '--destination-port':
      return portMatch('destination-port', module, option);
    case '--sports':
    case '--source-ports':
      return multiportMatch('source', option);
    case '--dports':
    case '--destination-ports':
      return multiportMatch('destination', option);
    case '--ports':
      return multiportMatch('either', option);
    case '--mark':
      return markMatch(module, option);
    case '--ctstate':
    case '--state':
      return stateMatch(module, option);
    default:
      return 'kept';
  }
}

function portMatch(kind: 'source-port' | 'destination-port', module: string, option: Option): Match | null {
  const range = parsePortRange(option.values[0]);
  return range === null ? null : { kind, module, negated: option.negated, range };
}

function multiportMatch(side: 'source' | 'destination' | 'either', option: Option): Match | null {
  const ranges = parsePortRanges(option.values[0]);
  return ranges === null ? null : { kind: 'multiport', side, negated: option.negated, ranges };
}

function markMatch(module: string, option: Option): Match | null {
  const mark = parseMark(option.values[0]);
  if (mark === null || (module !== 'mark' && module !== 'connmark')) return null;
  return { kind: module, negated: option.negated, value: mark.value, mask: mark.mask };
}

function stateMatch(module: string, option: Option): Match | null {
  if (module !== 'conntrack' && module !== 'state') return null;
  const states = (option.values[0] ?? '').split(',');
  return { kind: 'conntrack-state', module, negated: option.negated, states };
}
