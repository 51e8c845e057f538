import type { Family } from '../model/address.ts';
import type { Note } from '../model/report.ts';
import type { NodeEvidence, NodeManifest, SaveFile } from '../model/snapshot.ts';
import { SAVE_FILES } from '../model/snapshot.ts';
import { parseSave } from '../netfilter/parse.ts';
import type { Backend, ParsedSave, Ruleset } from '../netfilter/rules.ts';

/** The saves of one node, parsed, or why they cannot be used. */
export type Capture =
  | {
      readonly status: 'read';
      readonly node: string;
      /** Complete rule sets, by family. A family without any was not read. */
      readonly rulesets: Readonly<Record<Family, readonly Ruleset[]>>;
      readonly notes: readonly Note[];
    }
  | { readonly status: 'unread'; readonly node: string; readonly because: string; readonly tryThis: string };

interface SaveKind {
  readonly family: Family;
  readonly backend: Backend;
}

const KINDS: Readonly<Record<SaveFile, SaveKind>> = {
  'iptables-nft-save': { family: 'IPv4', backend: 'nft' },
  'iptables-legacy-save': { family: 'IPv4', backend: 'legacy' },
  'iptables-save': { family: 'IPv4', backend: 'unknown' },
  'ip6tables-nft-save': { family: 'IPv6', backend: 'nft' },
  'ip6tables-legacy-save': { family: 'IPv6', backend: 'legacy' },
  'ip6tables-save': { family: 'IPv6', backend: 'unknown' },
};

/** Nodes with the same text are parsed once. */
export type ParseCache = Map<string, ParsedSave>;

/**
 * Parses what a node answered. A save that is cut short makes the node unread: half a rule set would look like missing
 * rules.
 */
export function captureOf(
  name: string,
  evidence: NodeEvidence | null,
  manifest: NodeManifest | null,
  cache: ParseCache,
): Capture {
  const unread = (because: string, tryThis: string): Capture => ({ status: 'unread', node: name, because, tryThis });
  const failure = manifest?.failure ?? null;
  if (failure !== null) return unread(failure.message, failure.tryThis);
  const rulesets: Record<Family, Ruleset[]> = { IPv4: [], IPv6: [] };
  const notes: Note[] = [];
  for (const file of SAVE_FILES) {
    const text = evidence?.files.get(file);
    if (text === undefined) continue;
    const parsed = parseCached(text, file, cache);
    if (parsed.status === 'incomplete')
      return unread(
        `${file} is not complete: ${parsed.reason} (line ${parsed.line})`,
        `Read the node again, and keep the whole answer: ${file} -c > nodes/${name}/${file}`,
      );
    rulesets[KINDS[file].family].push(parsed.ruleset);
    notes.push(...parsed.notes.map((note) => noteOf(name, file, note)));
  }
  const failed = failedSave(manifest, rulesets.IPv4);
  if (failed !== null) {
    return unread(`${failed.file} failed: ${failed.why}`, `Run it on the node, and see why: ${failed.file} -c`);
  }
  if (rulesets.IPv4.length + rulesets.IPv6.length === 0)
    return unread(
      'there is no saved rule set of this node',
      `Put one there: iptables-nft-save -c > nodes/${name}/iptables-nft-save`,
    );
  return { status: 'read', node: name, rulesets, notes };
}

const NOT_FOUND = 127;

/**
 * A save that is there on the node and failed, while the other back end has nothing of kube-proxy: its rules may be just in
 * the one that could not be read. A variant that is not installed is no such case.
 */
function failedSave(
  manifest: NodeManifest | null,
  read: readonly Ruleset[],
): { readonly file: SaveFile; readonly why: string } | null {
  if (read.some((ruleset) => ruleset.tables.get('nat')?.chains.has('KUBE-SERVICES') === true)) return null;
  for (const { argv, code, file, stderr } of manifest?.commands ?? []) {
    const save = SAVE_FILES.find((name) => argv.includes(name) && KINDS[name].family === 'IPv4');
    if (save === undefined || file !== null || code === 0 || code === NOT_FOUND || isNotInstalled(stderr)) continue;
    return { file: save, why: stderr.trim() || `exit code ${code ?? 'none'}` };
  }
  return null;
}

/** sudo says it with its own exit code. */
function isNotInstalled(stderr: string): boolean {
  return stderr.includes('command not found');
}

function parseCached(text: string, file: SaveFile, cache: ParseCache): ParsedSave {
  const key = `${file}\n${text}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const parsed = parseSave(text, { ...KINDS[file], source: file });
  cache.set(key, parsed);
  return parsed;
}

const LONGEST_NOTE = 200;

function noteOf(
  node: string,
  file: string,
  note: { readonly line: number; readonly text: string; readonly reason: string },
): Note {
  const text = note.text.length > LONGEST_NOTE ? `${note.text.slice(0, LONGEST_NOTE)}…` : note.text;
  return {
    source: `nodes/${node}/${file}`,
    line: note.line,
    text: `${note.reason}: ${text}`,
    consequence: 'what depends on it is not judged',
  };
}
