import { shellWord } from './json-part.ts';
import type { ScriptRequest } from './request.ts';

/** The part of the script that reads the API, with kubectl. */
export function clusterPart(request: ScriptRequest): string {
  return `${asking(request)}${PARTS}${scopeOf(request)}${READING}`;
}

function asking({ kubectlFlags }: ScriptRequest): string {
  return `
ask() {
  kubectl ${[...kubectlFlags.map(shellWord), '"$@"'].join(' ')}
}
`;
}

const PARTS = `
# Notes what became of a part: FILE ERROR; no error: it was read.
note_part() {
  error=null
  if [ -n "$2" ]; then
    error=$(json_words "$2")
    say "cluster/$1.json could not be read: $2"
    status=3
  fi
  printf '%s    { "file": "%s", "readAt": "%s", "resourceVersion": null, "error": %s }' \\
    "$comma" "$1" "$asked" "$error" >>"$notes/parts"
  comma=$newline
}

# The words of kubectl in one line.
said() {
  tr '\\n' ' ' <"$notes/said" | sed 's/ *$//'
}

# Asks for objects and keeps them: FILE KIND ARGUMENT... An answer of nothing is an empty list.
read_part() {
  part=$1 kind=$2
  shift 2
  asked=$(now)
  if ask "$@" >"$notes/answer" 2>"$notes/said" && prune "$kind" <"$notes/answer" >"$work/cluster/$part.json"; then
    [ -s "$work/cluster/$part.json" ] || printf '%s\\n' "$empty_list" >"$work/cluster/$part.json"
    note_part "$part" ''
  else
    rm -f "$work/cluster/$part.json"
    note_part "$part" "$(said)"
  fi
}

# As read_part, for what is needed.
need_part() {
  read_part "$@"
  [ -f "$work/cluster/$1.json" ] || fail "without $1 nothing can be judged"
}

# Objects of kube-proxy, one after the other: KIND ARGUMENT...
read_proxy_objects() {
  kind=$1
  shift
  if ! ask get --namespace kube-system "$@" -o json >"$notes/answer" 2>"$notes/said"; then
    proxy_error="$proxy_error$(said) "
    return
  fi
  [ -s "$notes/answer" ] || return
  # The objects of a list stand in eight spaces.
  prune "$kind" <"$notes/answer" | sed -n '/^    "items": \\[$/,/^    \\]/{/^        /p;}' >"$notes/objects"
  [ -s "$notes/objects" ] || return
  [ -z "$proxy_comma" ] || printf ',\\n' >>"$notes/proxy"
  cat "$notes/objects" >>"$notes/proxy"
  proxy_comma=yes
}

read_kube_proxy() {
  asked=$(now)
  proxy_error='' proxy_comma=''
  : >"$notes/proxy"
  # EKS keeps the settings in kube-proxy-config.
  read_proxy_objects config-map configmaps kube-proxy kube-proxy-config --ignore-not-found
  read_proxy_objects daemon-set daemonsets --field-selector metadata.name=kube-proxy
  read_proxy_objects kube-proxy-pod pods --selector k8s-app=kube-proxy
  read_proxy_objects kube-proxy-pod pods --selector component=kube-proxy
  if [ -z "$proxy_error" ] || [ -s "$notes/proxy" ]; then
    { printf '{ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "" }, "items": [\\n'
      cat "$notes/proxy"
      printf '] }\\n'; } >"$work/cluster/kube-proxy.json"
  fi
  note_part kube-proxy "$proxy_error"
}
`;

/** Sets the arguments that say which objects are meant, and what `snapshot.json` says of it. */
function scopeOf({ namespace, allNamespaces, names, selector }: ScriptRequest): string {
  const named = names === null ? [] : [...new Set(names)].toSorted();
  const given = namespace === null ? '' : shellWord(namespace);
  return `
# Which Services are meant.
choose() {
${allNamespaces ? ALL_NAMESPACES : ONE_NAMESPACE.replace('GIVEN', () => given)}
}

read_services() {
  need_part services object get services ${[...named.map(shellWord), ...(selector === null ? [] : ['--selector', shellWord(selector)]), '"$@"'].join(' ')} -o json
${selector === null && names === null ? '  services=null' : CHOSEN_SERVICES}
}
`;
}

const ALL_NAMESPACES = `  scope=--all-namespaces
  namespace_json=null`;

const ONE_NAMESPACE = `  namespace=GIVEN
  [ -n "$namespace" ] || namespace=$(ask config view --minify -o 'jsonpath={..namespace}' 2>/dev/null)
  [ -n "$namespace" ] || namespace=default
  scope=--namespace=$namespace
  namespace_json=$(json_words "$namespace")`;

/** The file is read, not the API once more: it is the one that counts. One Service stands alone, several in a list. */
const CHOSEN_SERVICES = `  services=$(awk '
    { match($0, /^ */); depth = RLENGTH }
    /^ *"metadata": [{]$/ && (depth == 4 || depth == 12) { inside = depth; name = ""; space = ""; next }
    depth == inside + 4 && /^ *"name": "/ { split($0, words, "\\""); name = words[4] }
    depth == inside + 4 && /^ *"namespace": "/ { split($0, words, "\\"") ; space = words[4] }
    inside && depth == inside { if (name != "") { printf "%s\\"%s/%s\\"", comma, space, name; comma = ", " } inside = 0 }
  ' "$work/cluster/services.json")
  services="[ $services ]"`;

const READING = `
read_cluster() {
  choose
  set -- "$scope"
  asked=$(now)
  if ask get --raw /version >"$work/cluster/version.json" 2>"$notes/said"; then
    note_part version ''
  else
    rm -f "$work/cluster/version.json"
    note_part version "$(said)"
  fi
  read_services "$@"
  read_part endpointslices object get endpointslices.discovery.k8s.io "$@" -o json
  read_part endpoints object get endpoints "$@" -o json
  [ -f "$work/cluster/endpointslices.json" ] || [ -f "$work/cluster/endpoints.json" ] ||
    fail 'without endpointslices and endpoints nothing can be judged'
  need_part nodes node get nodes -o json
  read_part pods pod get pods "$@" -o json
  read_kube_proxy
}
`;
