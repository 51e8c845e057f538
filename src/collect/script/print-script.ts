import { SNAPSHOT_FORMAT } from '../../model/snapshot.ts';
import { clusterPart } from './cluster-part.ts';
import { JSON_PART, PRUNE_PART, shellWord } from './json-part.ts';
import { nodePart } from './node-part.ts';
import { questionPart } from './question-part.ts';
import type { ScriptRequest } from './request.ts';

/**
 * A POSIX shell script that gathers the snapshot folder with kubectl and ssh alone, for places where no new tool may
 * run. What it asks of nodes, how it chooses their addresses, what it leaves out and the words for failures come from
 * the same lists as those of the program.
 */
export function printScript(request: ScriptRequest): string {
  return [
    head(request),
    JSON_PART,
    PRUNE_PART,
    clusterPart(request),
    questionPart(request),
    nodePart(request),
    snapshotPart(request),
    main(request),
  ].join('');
}

function head({ toolVersion, folder }: ScriptRequest): string {
  return `#!/bin/sh
# Gathers a snapshot for kubectl-svcdoctor with kubectl and ssh alone, and only reads:
#
#   sh THIS-FILE [FOLDER]                        makes FOLDER, and FOLDER.tar.gz where there is a tar program
#   kubectl svcdoctor check --from FOLDER        judges it, anywhere
#
# Exit code: 0 complete; 2 could not run; 3 incomplete: something was not read, and the snapshot says what.
# Made by kubectl svcdoctor collect --print-script, version ${toolVersion}. It needs awk, sed, grep and the like.
set -u
umask 077
LC_ALL=C
export LC_ALL

folder=\${1:-${shellWord(folder)}}
work=$folder.part
notes=$work/.notes
status=0 jobs='' comma='
'
newline=",
"
empty_list='{ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "" }, "items": [] }'

now() {
  date -u +%Y-%m-%dT%H:%M:%SZ
}

say() {
  printf '%s\\n' "$*" >&2
}

fail() {
  say "error: $*"
  exit 2
}

# Ends what still runs. A run that was stopped leaves nothing: half of it would look like all there is.
stop() {
  trap '' INT TERM HUP
  for job in $jobs; do
    kill -TERM "$job" 2>/dev/null
  done
  wait
  exit "$1"
}
`;
}

function snapshotPart({ toolVersion, selector }: ScriptRequest): string {
  const selectorJson = selector === null ? 'null' : `"$(json_words ${shellWord(selector)})"`;
  return `
# null for nothing.
json_or_null() {
  if [ -n "$1" ]; then json_words "$1"; else printf null; fi
}

write_manifest() {
  context=$(ask config current-context 2>/dev/null)
  # Without a user's name and password.
  server=$(ask config view --minify -o 'jsonpath={.clusters[0].cluster.server}' 2>/dev/null | sed 's,//[^/]*@,//,')
  {
    printf '{\\n  "formatVersion": ${SNAPSHOT_FORMAT},\\n  "tool": "kubectl-svcdoctor",\\n  "toolVersion": "%s",\\n' ${shellWord(toolVersion)}
    printf '  "startedAt": "%s",\\n  "finishedAt": "%s",\\n' "$started" "$(now)"
    printf '  "context": %s,\\n  "server": %s,\\n' "$(json_or_null "$context")" "$(json_or_null "$server")"
    printf '  "scope": { "namespace": %s, "services": %s, "selector": %s },\\n' "$namespace_json" "$services" ${selectorJson}
    printf '  "parts": ['
    cat "$notes/parts"
    printf '\\n  ],\\n  "again": { "readAt": "%s", "error": %s, "changed": [\\n' "$asked" "$(json_or_null "$again_error")"
    sed '$!s/$/,/' "$notes/changed"
    printf '  ] },\\n  "nodes": ['
    entry_comma=''
    for node in $names; do
      # A reader that died left no entry: then the node has no save either, which is said as such.
      if [ -f "$notes/$node.entry" ]; then
        printf '%s\\n' "$entry_comma"
        cat "$notes/$node.entry"
        entry_comma=,
      fi
    done
    printf '\\n  ]\\n}\\n'
  } >"$work/snapshot.json" || fail "cannot write $work/snapshot.json"
}
`;
}

function main({ settleSeconds }: ScriptRequest): string {
  return `
for program in kubectl ssh awk sed grep tr cut date; do
  command -v "$program" >/dev/null 2>&1 || fail "there is no $program here"
done
timeout=$(command -v timeout)
for path in "$folder" "$work" "$folder.tar" "$folder.tar.gz"; do
  [ ! -e "$path" ] || fail "$path exists: give the name of another folder to make"
done
case $folder in
-*) fail "$folder cannot be the name of a folder" ;;
esac
mkdir "$work" || exit 2
trap 'rm -rf "$work"' EXIT
trap 'stop 130' INT
trap 'stop 143' TERM
trap 'stop 129' HUP
mkdir "$work/cluster" "$work/nodes" "$notes" || exit 2
started=$(now)
: >"$notes/parts"
read_cluster
${settleSeconds > 0 ? `# What changed just before has reached the nodes then.\nsleep ${settleSeconds}\n` : ''}read_nodes
read_cluster_again
write_manifest
rm -rf "$notes"
mv "$work" "$folder" || exit 2
if command -v tar >/dev/null 2>&1 && command -v gzip >/dev/null 2>&1; then
  if tar -cf "$folder.tar" -C "$(dirname "$folder")" "$(basename "$folder")" && gzip "$folder.tar"; then
    say "$folder.tar.gz holds the same"
  else
    rm -f "$folder.tar"
  fi
fi
if [ "$status" -ne 0 ]; then say "$folder is incomplete"; else say "$folder is complete"; fi
printf '%s\\n' "$folder"
stop "$status"
`;
}
