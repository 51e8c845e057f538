import { PRUNINGS, type Pruning } from '../cluster/pruning.ts';
import { quoteForPosixShell } from '../ssh/quote.ts';

/** Parts of the script of `collect --print-script` that write and filter JSON, where there is no program for it. */

/** A word of the script. */
export function shellWord(text: string): string {
  return quoteForPosixShell([text]);
}

export const JSON_PART = `
# Standard input as one JSON string. Messages are strangers' text: they may hold anything.
json_text() {
  printf '"%s"' "$(tr '\\t\\r\\n' '   ' | tr -d '\\000-\\037\\177' | cut -c 1-2000 | sed -e 's/ *$//' -e 's/[\\\\"]/\\\\&/g')"
}

# Words as one JSON string.
json_words() {
  printf '%s' "$*" | json_text
}
`;

/**
 * kubectl prints JSON with one key on a line, four spaces for each step, and no line break within a text: so much JSON a
 * line-wise program understands. A comma is written when the next thing follows, as what followed may be left out.
 */
const PROGRAM = `
  function load(list, into, above,    n, i, m, j, groups, parts, keys, path) {
    n = split(list, groups, "|")
    for (i = 1; i <= n; i++) {
      split(groups[i], parts, ": ")
      m = split(parts[2], keys, " ")
      for (j = 1; j <= m; j++) into[parts[1] (parts[1] == "" ? "" : " ") keys[j]] = 1
      m = split(parts[1], keys, " "); path = ""
      for (j = 1; j <= m; j++) { path = path (j == 1 ? "" : " ") keys[j]; above[path] = 1 }
    }
  }
  function emit(text) {
    if (any) print held ((opens || text ~ /^ *[]}]/) ? "" : ",")
    sub(/,$/, "", text); held = text; opens = (text ~ /[[{]$/); any = 1
  }
  BEGIN { load(keep, kept, way); load(drop, dropped, unused); all = (keep == "") }
  {
    match($0, /^ */); depth = RLENGTH / 4; line = substr($0, RLENGTH + 1)
    if (skipping) { if (depth > skipped) next; skipping = 0; if (line ~ /^[]}]/) next }
    if (line ~ /^[]}]/) { emit($0); next }
    key = ""
    if (match(line, /^"([^"\\\\]|\\\\.)*": /)) { key = substr(line, 2, RLENGTH - 4); line = substr(line, RLENGTH + 1) }
    above = depth == 0 ? "" : path[depth - 1]
    if (depth == 1 && key == "items") key = ""
    path[depth] = key == "" ? above : (above == "" ? key : above " " key)
    here = path[depth]
    whole[depth] = (depth > 0 && whole[depth - 1]) || all || (here in kept)
    isOpen = (line ~ /^[[{]/)
    if ((here in dropped) || (texts != "" && line ~ texts) || (keys != "" && above == of && key != "" && tolower(key) ~ keys) ||
        !(whole[depth] || (isOpen && (here == "" || (here in way))))) {
      if (line ~ /[[{]$/) { skipping = 1; skipped = depth }
      next
    }
    emit($0)
  }
  END { if (any) print held }
`;

/** `ABOVE: KEY KEY…` for each place of the paths; nothing for everything. */
function groupsOf(paths: readonly string[]): readonly string[] {
  const split = paths.filter((path) => path !== '').map((path) => /^(?:(.*) )?(\S+)$/.exec(path));
  const groups = Map.groupBy(split, (parts) => parts?.[1] ?? '');
  return [...groups].map(([above, keys]) => `${above}: ${keys.map((parts) => parts?.[2] ?? '').join(' ')}`);
}

/** A variable of awk; one line for each group of a list, as people may want to read the script. */
function variable(name: string, groups: readonly string[]): string {
  return `-v ${groups.map((group, index) => shellWord(`${index === 0 ? `${name}=` : '|'}${group}`)).join('\\\n')}`;
}

const CASES = Object.entries<Pruning>(PRUNINGS).map(([kind, { keep, drop, dropKeys, dropTexts }]) => {
  const variables = [
    ['keep', groupsOf(keep)],
    ['drop', groupsOf(drop)],
    ['of', dropKeys === undefined ? [] : [dropKeys.of]],
    ['keys', dropKeys === undefined ? [] : [dropKeys.matching]],
    ['texts', dropTexts === undefined ? [] : [dropTexts]],
  ] as const;
  const given = variables.filter(([, groups]) => groups.length > 0);
  return `  ${kind})
    filter ${given.map(([name, groups]) => variable(name, groups)).join(' \\\n      ')}
    ;;`;
});

export const PRUNE_PART = `
# What does not belong into a snapshot: bookkeeping, and all of a pod that may hold a secret.
filter() {
  awk "$@" '${PROGRAM}'
}

# Standard input, JSON as kubectl prints it, without that.
prune() {
  case $1 in
${CASES.join('\n')}
  esac
}
`;
