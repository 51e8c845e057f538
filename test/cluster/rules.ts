/** A node's iptables rules, read and changed with the node's own commands. */
import { onNode } from './namespaces.ts';
import type { Backend } from './options.ts';
import { findProgram, requireSuccess, run } from './process.ts';

export type Family = 'iptables' | 'ip6tables';

export interface Rule {
  readonly table: string;
  readonly chain: string;
  /** Its place in the chain, from 1: what -D, -R and -I count by. */
  readonly place: number;
  /** As saved: `-A CHAIN …`. */
  readonly text: string;
  /** What follows `-A CHAIN`, as arguments. */
  readonly spec: readonly string[];
}

export class NodeRules {
  private readonly node: string;
  private readonly backend: Backend;
  /** The changes made, as a person would type them. */
  readonly did: string[] = [];

  constructor(node: string, backend: Backend) {
    this.node = node;
    this.backend = backend;
  }

  async save(family: Family): Promise<string> {
    return requireSuccess(await this.run([`${family}-${this.backend}-save`])).stdout;
  }

  async read(family: Family = 'iptables'): Promise<Rule[]> {
    return parseSave(await this.save(family));
  }

  async remove(rule: Rule): Promise<void> {
    await this.iptables('-t', rule.table, '-D', rule.chain, String(rule.place));
  }

  /** From the last to the first, so that the places of those that are left stay right. */
  async removeAll(rules: readonly Rule[]): Promise<void> {
    if (rules.length === 0) throw new Error('there is no such rule');
    for (const rule of [...rules].sort((a, b) => b.place - a.place)) await this.remove(rule);
  }

  async replace(rule: Rule, spec: readonly string[]): Promise<void> {
    await this.iptables('-t', rule.table, '-R', rule.chain, String(rule.place), ...spec);
  }

  async insert(table: string, chain: string, place: number, spec: readonly string[]): Promise<void> {
    await this.iptables('-t', table, '-I', chain, String(place), ...spec);
  }

  /** Takes out everything of kube-proxy's, of one family: the jumps to its chains, then the chains. */
  async removeKubeChains(family: Family): Promise<void> {
    const text = await this.save(family);
    const program = `${family}-${this.backend}-restore`;
    requireSuccess(await this.run([program, '--noflush', '-w', '5'], withoutKubeChains(text)));
    this.did.push(`${program} --noflush   # -D the jumps to KUBE-*, -F and -X every KUBE-* chain`);
  }

  async iptables(...args: readonly string[]): Promise<void> {
    const argv = [`iptables-${this.backend}`, '-w', '5', ...args];
    requireSuccess(await this.run(argv));
    this.did.push(argv.map(shellWord).join(' '));
  }

  private run(argv: readonly string[], input?: string): ReturnType<typeof run> {
    const [program = '', ...args] = argv;
    const command = [findProgram(program) ?? program, ...args];
    return run(onNode(this.node, command), input === undefined ? {} : { input });
  }
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

export function parseSave(text: string): Rule[] {
  const rules: Rule[] = [];
  const lengths = new Map<string, number>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    if (!line.startsWith('-A ')) continue;
    const [, chain = '', ...spec] = splitWords(line);
    const place = (lengths.get(`${table} ${chain}`) ?? 0) + 1;
    lengths.set(`${table} ${chain}`, place);
    rules.push({ table, chain, place, text: line, spec });
  }
  return rules;
}

/** Words as iptables-save writes them: separated by blanks, or in double quotes with backslashes. */
function splitWords(line: string): string[] {
  const words = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? word.slice(1, -1).replace(/\\(.)/g, '$1') : word));
}

/** Input of iptables-restore --noflush that takes the KUBE chains out of a saved rule set. */
function withoutKubeChains(text: string): string {
  const lines: string[] = [];
  const rules = parseSave(text);
  const chains = [...text.matchAll(/^\*(\w+)|^:(KUBE-\S+)/gm)];
  let table = '';
  let own: string[] = [];
  const flush = (): void => {
    if (own.length === 0) return;
    const jumps = rules.filter(
      (rule) => rule.table === table && !isKubeChain(rule.chain) && rule.spec.some(isKubeChain),
    );
    lines.push(`*${table}`, ...jumps.map((rule) => rule.text.replace(/^-A/, '-D')));
    lines.push(...own.map((chain) => `-F ${chain}`), ...own.map((chain) => `-X ${chain}`), 'COMMIT');
  };
  for (const [, newTable, chain] of chains) {
    if (chain !== undefined) own.push(chain);
    if (newTable === undefined) continue;
    flush();
    table = newTable;
    own = [];
  }
  flush();
  return `${lines.join('\n')}\n`;
}

function isKubeChain(name: string): boolean {
  return name.startsWith('KUBE-');
}

/** What two saves of equal rule sets have in common: no counters, no comments of the tool, no order of chains. */
export function essence(save: string): string {
  const lines = save.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const seen: string[] = [];
  let table = '';
  for (const line of lines) {
    if (line.startsWith('*')) table = line;
    else if (/^(:KUBE|-A)/.test(line)) seen.push(`${table} ${line.replace(/ \[\d+:\d+\]$/, '')}`);
  }
  // kube-proxy lists Services in the order of a Go map, that is none; and its jumps come back in another place than
  // they had. In every other chain order matters and is kept. Between chains it is the tool's.
  const loose = seen.filter(isUnordered).sort();
  const own = seen.filter((line) => !isUnordered(line));
  return [...loose, ...own.sort(byChain)].join('\n');
}

function isUnordered(line: string): boolean {
  return !/ (:|-A )KUBE-/.test(line) || / -A KUBE-(SERVICES|NODEPORTS) /.test(line);
}

function byChain(a: string, b: string): number {
  const [one, other] = [tableAndChain(a), tableAndChain(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function tableAndChain(line: string): string {
  return line.split(' ', 3).join(' ');
}
