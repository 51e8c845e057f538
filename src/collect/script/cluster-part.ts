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

# The objects of a file: NAMESPACE/NAME VERSION OWNER, one on a line. One object stands alone, several in a list.
versions() {
  awk '
    function value(  words) { split($0, words, "\\""); return words[4] }
    { match($0, /^ */); depth = RLENGTH }
    !inside && /^ *"metadata": [{]$/ && (depth == 4 || depth == 12) { inside = depth; name = space = version = owner = "" }
    !inside { next }
    depth == inside + 4 && /^ *"name": "/ { name = value() }
    depth == inside + 4 && /^ *"namespace": "/ { space = value() }
    depth == inside + 4 && /^ *"resourceVersion": "/ { version = value() }
    depth == inside + 8 && /^ *"kubernetes.io.service-name": "/ { owner = value() }
    depth == inside && /^ *[}]/ {
      if (name != "" && space != "") print space "/" name, version, space "/" (owner == "" ? name : owner)
      inside = 0
    }
  ' "$1"
}

# The objects of a kind that changed since they were read: FILE ARGUMENT... What differs there may be on its way to the nodes.
read_again() {
  part=$1
  shift
  if ! ask "$@" -o json >"$notes/answer" 2>"$notes/said"; then
    again_error="$again_error$(said) "
    return
  fi
  prune object <"$notes/answer" >"$notes/again.json"
  versions "$work/cluster/$part.json" >"$notes/before"
  versions "$notes/again.json" >"$notes/after"
  awk -v part="$part" '
    late != "" { after[$1] = $2; owner[$1] = $3; next }
    { before[$1] = $2; owner[$1] = $3 }
    function json(text) { return text == "" ? "null" : "\\"" text "\\"" }
    END {
      for (key in owner) {
        if (before[key] == after[key]) continue
        split(key, words, "/")
        printf "    { \\"file\\": \\"%s\\", \\"namespace\\": \\"%s\\", \\"name\\": \\"%s\\", ", part, words[1], words[2]
        printf "\\"service\\": \\"%s\\", \\"before\\": %s, \\"after\\": %s }\\n", owner[key], json(before[key]), json(after[key])
      }
    }
  ' "$notes/before" late=yes "$notes/after" >>"$notes/changed"
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
  const selected = selector === null ? [] : ['--selector', shellWord(selector)];
  const words = ['get services', ...named.map(shellWord), ...selected, '"$scope"'].join(' ');
  return `
# Which Services are meant.
choose() {
${allNamespaces ? ALL_NAMESPACES : ONE_NAMESPACE.replace('GIVEN', () => given)}
}

read_services() {
  services=null
  read_part services object ${words} -o json
  [ -f "$work/cluster/services.json" ] || fail 'without services nothing can be judged'
${selector === null && names === null ? '' : CHOSEN_SERVICES}}

read_cluster_again() {
  asked=$(now) again_error=''
  : >"$notes/changed"
  read_again services ${words} --ignore-not-found
  if [ -f "$work/cluster/endpointslices.json" ]; then
    read_again endpointslices get endpointslices.discovery.k8s.io "$scope"
  else
    read_again endpoints get endpoints "$scope"
  fi
  [ -z "$again_error" ] || say "what changed meanwhile could not be read: $again_error"
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

const CHOSEN_SERVICES = `  services=$(versions "$work/cluster/services.json" | awk '{ printf "%s\\"%s\\"", comma, $1; comma = ", " }')
  services="[ $services ]"
`;

const READING = `
read_cluster() {
  choose
  asked=$(now)
  if ask get --raw /version >"$work/cluster/version.json" 2>"$notes/said"; then
    note_part version ''
  else
    rm -f "$work/cluster/version.json"
    note_part version "$(said)"
  fi
  read_services
  read_part endpointslices object get endpointslices.discovery.k8s.io "$scope" -o json
  read_part endpoints object get endpoints "$scope" -o json
  [ -f "$work/cluster/endpointslices.json" ] || [ -f "$work/cluster/endpoints.json" ] ||
    fail 'without endpointslices and endpoints nothing can be judged'
  read_part nodes node get nodes -o json
  [ -f "$work/cluster/nodes.json" ] || fail 'without nodes nothing can be judged'
  read_part pods pod get pods "$scope" -o json
  read_kube_proxy
}

`;
