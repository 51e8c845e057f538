#!/bin/sh
# Gathers a snapshot for kubectl-svcdoctor with kubectl and ssh alone, and only reads:
#
#   sh THIS-FILE [FOLDER]                        makes FOLDER, and FOLDER.tar.gz where there is a tar program
#   kubectl svcdoctor check --from FOLDER        judges it, anywhere
#
# Exit code: 0 complete; 2 could not run; 3 incomplete: something was not read, and the snapshot says what.
# Made by kubectl svcdoctor collect --print-script, version 1.2.3. It needs awk, sed, grep and the like.
set -u
umask 077
LC_ALL=C
export LC_ALL

folder=${1:-evidence}
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
  printf '%s\n' "$*" >&2
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

# Standard input as one JSON string. Messages are strangers' text: they may hold anything.
json_text() {
  printf '"%s"' "$(tr '\t\r\n' '   ' | tr -d '\000-\037\177' | cut -c 1-2000 | sed -e 's/ *$//' -e 's/[\\"]/\\&/g')"
}

# Words as one JSON string.
json_words() {
  printf '%s' "$*" | json_text
}

# What does not belong into a snapshot: bookkeeping, and all of a pod that may hold a secret.
filter() {
  awk "$@" '
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
    if (match(line, /^"([^"\\]|\\.)*": /)) { key = substr(line, 2, RLENGTH - 4); line = substr(line, RLENGTH + 1) }
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
'
}

# Standard input, JSON as kubectl prints it, without that.
prune() {
  case $1 in
  object)
    filter -v 'drop=metadata: managedFields'\
'|metadata annotations: kubectl.kubernetes.io/last-applied-configuration objectset.rio.cattle.io/applied kapp.k14s.io/original'
    ;;
  node)
    filter -v 'drop=metadata: managedFields'\
'|metadata annotations: kubectl.kubernetes.io/last-applied-configuration objectset.rio.cattle.io/applied kapp.k14s.io/original'\
'|status: images'
    ;;
  pod)
    filter -v 'keep=: apiVersion kind'\
'|metadata: name generateName namespace uid resourceVersion creationTimestamp deletionTimestamp deletionGracePeriodSeconds labels ownerReferences'\
'|spec: nodeName hostNetwork hostname subdomain restartPolicy readinessGates dnsPolicy'\
'|spec containers: name image ports restartPolicy'\
'|spec containers readinessProbe: initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold tcpSocket grpc'\
'|spec containers readinessProbe httpGet: port scheme host'\
'|spec initContainers: name image ports restartPolicy'\
'|spec initContainers readinessProbe: initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold tcpSocket grpc'\
'|spec initContainers readinessProbe httpGet: port scheme host'\
'|status: phase reason conditions podIP podIPs hostIP hostIPs startTime qosClass'\
'|status containerStatuses: name ready started restartCount image imageID'\
'|status containerStatuses state: running'\
'|status containerStatuses state waiting: reason'\
'|status containerStatuses state terminated: exitCode signal reason startedAt finishedAt'\
'|status containerStatuses lastState: running'\
'|status containerStatuses lastState waiting: reason'\
'|status containerStatuses lastState terminated: exitCode signal reason startedAt finishedAt'\
'|status initContainerStatuses: name ready started restartCount image imageID'\
'|status initContainerStatuses state: running'\
'|status initContainerStatuses state waiting: reason'\
'|status initContainerStatuses state terminated: exitCode signal reason startedAt finishedAt'\
'|status initContainerStatuses lastState: running'\
'|status initContainerStatuses lastState waiting: reason'\
'|status initContainerStatuses lastState terminated: exitCode signal reason startedAt finishedAt'
    ;;
  kube-proxy-pod)
    filter -v 'keep=: apiVersion kind'\
'|metadata: name generateName namespace uid resourceVersion creationTimestamp deletionTimestamp deletionGracePeriodSeconds labels ownerReferences'\
'|spec: nodeName hostNetwork hostname subdomain restartPolicy readinessGates dnsPolicy'\
'|spec containers: name image ports restartPolicy command args'\
'|spec containers readinessProbe: initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold tcpSocket grpc'\
'|spec containers readinessProbe httpGet: port scheme host'\
'|spec initContainers: name image ports restartPolicy command args'\
'|spec initContainers readinessProbe: initialDelaySeconds timeoutSeconds periodSeconds successThreshold failureThreshold tcpSocket grpc'\
'|spec initContainers readinessProbe httpGet: port scheme host'\
'|status: phase reason conditions podIP podIPs hostIP hostIPs startTime qosClass'\
'|status containerStatuses: name ready started restartCount image imageID'\
'|status containerStatuses state: running'\
'|status containerStatuses state waiting: reason'\
'|status containerStatuses state terminated: exitCode signal reason startedAt finishedAt'\
'|status containerStatuses lastState: running'\
'|status containerStatuses lastState waiting: reason'\
'|status containerStatuses lastState terminated: exitCode signal reason startedAt finishedAt'\
'|status initContainerStatuses: name ready started restartCount image imageID'\
'|status initContainerStatuses state: running'\
'|status initContainerStatuses state waiting: reason'\
'|status initContainerStatuses state terminated: exitCode signal reason startedAt finishedAt'\
'|status initContainerStatuses lastState: running'\
'|status initContainerStatuses lastState waiting: reason'\
'|status initContainerStatuses lastState terminated: exitCode signal reason startedAt finishedAt'
    ;;
  daemon-set)
    filter -v 'keep=: apiVersion kind metadata status'\
'|spec: selector updateStrategy'\
'|spec template metadata: labels'\
'|spec template spec: hostNetwork'\
'|spec template spec containers: name image ports restartPolicy command args' \
      -v 'drop=metadata: managedFields'\
'|metadata annotations: kubectl.kubernetes.io/last-applied-configuration objectset.rio.cattle.io/applied kapp.k14s.io/original'
    ;;
  config-map)
    filter -v 'keep=: apiVersion kind metadata data' \
      -v 'drop=metadata: managedFields'\
'|metadata annotations: kubectl.kubernetes.io/last-applied-configuration objectset.rio.cattle.io/applied kapp.k14s.io/original' \
      -v 'of=data' \
      -v 'keys=kubeconfig' \
      -v 'texts=PRIVATE KEY|client-(key|certificate)-data|(token|password)[^a-zA-Z0-9]*:'
    ;;
  esac
}

ask() {
  kubectl '--context=prod' '--request-timeout=30s' "$@"
}

# Notes what became of a part: FILE ERROR; no error: it was read.
note_part() {
  error=null
  if [ -n "$2" ]; then
    error=$(json_words "$2")
    say "cluster/$1.json could not be read: $2"
    status=3
  fi
  printf '%s    { "file": "%s", "readAt": "%s", "resourceVersion": null, "error": %s }' \
    "$comma" "$1" "$asked" "$error" >>"$notes/parts"
  comma=$newline
}

# The words of kubectl in one line.
said() {
  tr '\n' ' ' <"$notes/said" | sed 's/ *$//'
}

# Asks for objects and keeps them: FILE KIND ARGUMENT... An answer of nothing is an empty list.
read_part() {
  part=$1 kind=$2
  shift 2
  asked=$(now)
  if ask "$@" >"$notes/answer" 2>"$notes/said" && prune "$kind" <"$notes/answer" >"$work/cluster/$part.json"; then
    [ -s "$work/cluster/$part.json" ] || printf '%s\n' "$empty_list" >"$work/cluster/$part.json"
    note_part "$part" ''
  else
    rm -f "$work/cluster/$part.json"
    note_part "$part" "$(said)"
  fi
}

# The objects of a file: NAMESPACE/NAME VERSION OWNER, one on a line. One object stands alone, several in a list.
versions() {
  awk '
    function value(  words) { split($0, words, "\""); return words[4] }
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
    function json(text) { return text == "" ? "null" : "\"" text "\"" }
    END {
      for (key in owner) {
        if (before[key] == after[key]) continue
        split(key, words, "/")
        printf "    { \"file\": \"%s\", \"namespace\": \"%s\", \"name\": \"%s\", ", part, words[1], words[2]
        printf "\"service\": \"%s\", \"before\": %s, \"after\": %s }\n", owner[key], json(before[key]), json(after[key])
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
  prune "$kind" <"$notes/answer" | sed -n '/^    "items": \[$/,/^    \]/{/^        /p;}' >"$notes/objects"
  [ -s "$notes/objects" ] || return
  [ -z "$proxy_comma" ] || printf ',\n' >>"$notes/proxy"
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
    { printf '{ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "" }, "items": [\n'
      cat "$notes/proxy"
      printf '] }\n'; } >"$work/cluster/kube-proxy.json"
  fi
  note_part kube-proxy "$proxy_error"
}

# Which Services are meant.
choose() {
  namespace=shop
  [ -n "$namespace" ] || namespace=$(ask config view --minify -o 'jsonpath={..namespace}' 2>/dev/null)
  [ -n "$namespace" ] || namespace=default
  scope=--namespace=$namespace
  namespace_json=$(json_words "$namespace")
}

read_services() {
  services=null
  read_part services object get services api cart "$scope" -o json
  [ -f "$work/cluster/services.json" ] || fail 'without services nothing can be judged'
  services=$(versions "$work/cluster/services.json" | awk '{ printf "%s\"%s\"", comma, $1; comma = ", " }')
  services="[ $services ]"
}

read_cluster_again() {
  asked=$(now) again_error=''
  : >"$notes/changed"
  read_again services get services api cart "$scope" --ignore-not-found
  if [ -f "$work/cluster/endpointslices.json" ]; then
    read_again endpointslices get endpointslices.discovery.k8s.io "$scope"
  else
    read_again endpoints get endpoints "$scope"
  fi
  [ -z "$again_error" ] || say "what changed meanwhile could not be read: $again_error"
}

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


# All that ever runs on a node, as root and as a user with sudo. A save counts when it ended well, another answer when
# there is something in it too, of lines each for itself.
command_of() {
  case $1 in
  who.*)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C id -u'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","id","-u"]' kind=who ;;
  iptables-nft-save.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C iptables-nft-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","iptables-nft-save","-c"]' kind=save ;;
  iptables-nft-save.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- iptables-nft-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","iptables-nft-save","-c"]' kind=save ;;
  iptables-legacy-save.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C iptables-legacy-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","iptables-legacy-save","-c"]' kind=save ;;
  iptables-legacy-save.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- iptables-legacy-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","iptables-legacy-save","-c"]' kind=save ;;
  ip6tables-nft-save.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C ip6tables-nft-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","ip6tables-nft-save","-c"]' kind=save ;;
  ip6tables-nft-save.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- ip6tables-nft-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","ip6tables-nft-save","-c"]' kind=save ;;
  ip6tables-legacy-save.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C ip6tables-legacy-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","ip6tables-legacy-save","-c"]' kind=save ;;
  ip6tables-legacy-save.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- ip6tables-legacy-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","ip6tables-legacy-save","-c"]' kind=save ;;
  iptables-save.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C iptables-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","iptables-save","-c"]' kind=save ;;
  iptables-save.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- iptables-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","iptables-save","-c"]' kind=save ;;
  ip6tables-save.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C ip6tables-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","ip6tables-save","-c"]' kind=save ;;
  ip6tables-save.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- ip6tables-save -c'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","ip6tables-save","-c"]' kind=save ;;
  ip-addr.json.*)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C ip -j addr'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","ip","-j","addr"]' kind=answer ;;
  sysctl.*)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C find /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/bridge /proc/sys/net/netfilter '\''('\'' -name forwarding -o -name rp_filter -o -name route_localnet -o -name bridge-nf-call-iptables -o -name bridge-nf-call-ip6tables -o -name nf_conntrack_max -o -name nf_conntrack_count -o -name nf_conntrack_tcp_be_liberal '\'')'\'' -exec grep -sH '\'''\'' '\''{}'\'' '\''+'\'''
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","find","/proc/sys/net/ipv4/conf","/proc/sys/net/ipv6/conf","/proc/sys/net/bridge","/proc/sys/net/netfilter","(","-name","forwarding","-o","-name","rp_filter","-o","-name","route_localnet","-o","-name","bridge-nf-call-iptables","-o","-name","bridge-nf-call-ip6tables","-o","-name","nf_conntrack_max","-o","-name","nf_conntrack_count","-o","-name","nf_conntrack_tcp_be_liberal",")","-exec","grep","-sH","","{}","+"]' kind=lines ;;
  iptables-version.*)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C iptables --version'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","iptables","--version"]' kind=answer ;;
  nft.json.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C nft -j list tables'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","nft","-j","list","tables"]' kind=answer ;;
  nft.json.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- nft -j list tables'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","nft","-j","list","tables"]' kind=answer ;;
  nft-ip.json.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C nft -j list table ip kube-proxy'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","nft","-j","list","table","ip","kube-proxy"]' kind=answer ;;
  nft-ip.json.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- nft -j list table ip kube-proxy'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","nft","-j","list","table","ip","kube-proxy"]' kind=answer ;;
  nft-ip6.json.root)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C nft -j list table ip6 kube-proxy'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","nft","-j","list","table","ip6","kube-proxy"]' kind=answer ;;
  nft-ip6.json.sudo)
    command='env PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin LC_ALL=C sudo -n -- nft -j list table ip6 kube-proxy'
    argv='["env","PATH=/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin","LC_ALL=C","sudo","-n","--","nft","-j","list","table","ip6","kube-proxy"]' kind=answer ;;
  esac
}

# ssh never asks and never trusts a new host. Where there is a timeout program, no question takes longer than this.
reach() {
  if [ -n "$timeout" ]; then
    exec timeout 30 ssh -F ssh_config -l core -p 2222 -o 'BatchMode=yes' -o 'StrictHostKeyChecking=yes' -o 'UpdateHostKeys=no' -o 'ConnectTimeout=10' -o 'ServerAliveInterval=10' -o 'ServerAliveCountMax=3' -o 'ForwardAgent=no' -o 'ClearAllForwardings=yes' -o 'PermitLocalCommand=no' -o 'RequestTTY=no' -o 'LogLevel=ERROR' -o 'ControlMaster=no' -o 'ControlPath=none' -- "$address" "$command"
  fi
  exec ssh -F ssh_config -l core -p 2222 -o 'BatchMode=yes' -o 'StrictHostKeyChecking=yes' -o 'UpdateHostKeys=no' -o 'ConnectTimeout=10' -o 'ServerAliveInterval=10' -o 'ServerAliveCountMax=3' -o 'ForwardAgent=no' -o 'ClearAllForwardings=yes' -o 'PermitLocalCommand=no' -o 'RequestTTY=no' -o 'LogLevel=ERROR' -o 'ControlMaster=no' -o 'ControlPath=none' -- "$address" "$command"
}

by_hand() {
  printf '%s' "ssh -F ssh_config -l core -p 2222 $address"
}

# Sets the line of what ssh said that matches.
telling() {
  words=$(grep -E -i -e "$1" "$scratch/said" | tr -d '\r' | grep -v '^@' | sed -n 1p)
  [ -n "$words" ]
}

# Why ssh itself failed: sets reason, words and try_this.
why_ssh_failed() {
  if [ "$code" -eq 124 ]; then
    reason=timeout words='no answer in time' try_this='Is the node up, and does a firewall let you through?'
    return
  fi
  if telling 'HOST IDENTIFICATION HAS CHANGED|REVOKED HOST KEY|host key .*revoked'; then
    reason=host-key-changed
    try_this='Reinstalled, or somebody in between? When the new key is right: ssh-keygen -R HOST'
    return
  fi
  if telling 'No [^ ]+ host key is known|Host key verification failed'; then
    reason=host-key-unknown
    try_this='Record the key by logging in once, after comparing the fingerprint: '"$(by_hand)"''
    return
  fi
  if telling 'Permission denied|Too many authentication failures'; then
    reason=authentication
    try_this='`'"$(by_hand)"'` must get in without a question; a key with a passphrase: ssh-add'
    return
  fi
  if telling 'Connection refused'; then
    reason=refused
    try_this='Is sshd running on the node, on this port? Choose the port with --ssh-port.'
    return
  fi
  if telling 'timed out|Timeout, server'; then
    reason=timeout
    try_this='Is the node up, and does a firewall let you through?'
    return
  fi
  if telling 'Could not resolve hostname|No route to host|Network is unreachable'; then
    reason=unreachable
    try_this='Is the node up, and is there a way to it from here? Choose the address with --node-address.'
    return
  fi
  if telling 'Unable to negotiate|no matching .* found'; then
    reason=configuration
    try_this='Allow one of those in ssh_config (KexAlgorithms, HostKeyAlgorithms, Ciphers, MACs), or in sshd_config.'
    return
  fi
  if telling 'banner line contains invalid|Bad remote protocol version|Protocol major versions differ'; then
    reason=unreachable
    try_this='What answers there does not speak SSH 2. Choose the port of sshd: --ssh-port'
    return
  fi
  if telling 'Bad configuration option|Bad owner or permissions|terminating, [0-9]+ bad'; then
    reason=configuration
    try_this='Correct ssh_config.'
    return
  fi
  reason=connection-lost words=$(sed '/^ *$/d' "$scratch/said" | sed -n '$p')
  try_this="See what this says: $(by_hand)"
}

# Asks the node one question: FILE. Sets code and end: kept, missing, refused, failed or lost.
question() {
  command_of "$1.$how"
  began=$(date +%s)
  reach </dev/null >"$scratch/answer" 2>"$scratch/said" &
  running=$!
  wait "$running"
  code=$?
  running=''
  took=$((($(date +%s) - began) * 1000))
  kept=null
  classify
  case $kind.$end in
  save.kept) keep "$1" ;;
  answer.kept | lines.kept | lines.failed) if grep -q . "$scratch/answer"; then keep "$1"; fi ;;
  esac
  printf '%s        { "argv": %s, "code": %s, "stderr": %s, "file": %s, "durationMs": %s }' \
    "$record_comma" "$argv" "$code" "$(json_text <"$scratch/said")" "$kept" "$took" >>"$scratch/commands"
  record_comma=$newline
}

classify() {
  end=failed sudo=no
  case $command in
  *' sudo '*) sudo=yes ;;
  esac
  case $code in
  0) end=kept ;;
  124 | 255) end=lost ;;
  127)
    end=missing
    if [ "$sudo" = yes ] && grep -q -w sudo "$scratch/said"; then end=refused; fi
    ;;
  1)
    if [ "$sudo" = no ]; then return; fi
    if grep -E -i -q '^sudo(-rs)?: .*(command not found|No such file)' "$scratch/said"; then
      end=missing
    elif grep -v '^sudo: unable to resolve host ' "$scratch/said" | grep -E -i -q '^([^ ]*/)?sudo(-rs)?: |^Sorry, |is not in the sudoers file|may not run sudo'; then
      end=refused
    fi
    ;;
  esac
}

# Half a save is kept too when it ended well: who reads it looks for the end of each table. What a talkative profile
# prints before each answer goes.
keep() {
  if [ "$noise" -gt 0 ] && sed "$noise"q "$scratch/answer" | cmp -s - "$scratch/noise"; then
    sed "1,$noise"d "$scratch/answer" >"$work/nodes/$node/$1"
  else
    mv "$scratch/answer" "$work/nodes/$node/$1"
  fi
  kept="\"$1\""
}

# Why there is nothing to judge the node by.
no_save() {
  if [ -n "$failed_words" ]; then
    reason=command-failed words=$failed_words try_this='Run it on the node, and see why.'
  elif [ "$was_refused" = yes ]; then
    reason=no-sudo words='sudo does not allow it' try_this='Add to /etc/sudoers.d/svcdoctor: USER ALL=(root) NOPASSWD: /usr/sbin/iptables-nft-save -c, /usr/sbin/iptables-legacy-save -c, /usr/sbin/ip6tables-nft-save -c, /usr/sbin/ip6tables-legacy-save -c, /usr/sbin/iptables-save -c, /usr/sbin/ip6tables-save -c, /usr/sbin/nft -j list tables, /usr/sbin/nft -j list table ip kube-proxy, /usr/sbin/nft -j list table ip6 kube-proxy'
  else
    reason=no-iptables-save words='there is no iptables-save on the node'
    try_this='Install iptables on the node; without it the rules can only be read where kube-proxy runs.'
  fi
}

# Asks for saves: FILE... False when the connection is lost.
ask_saves() {
  for save in "$@"; do
    question "$save"
    case $save.$end in
    *.lost)
      why_ssh_failed
      return 1
      ;;
    iptables*.kept) has_save=yes ;;
    iptables*.failed) failed_words="$save ended with $code: $(sed -n 1p "$scratch/said")" ;;
    iptables*.refused) was_refused=yes ;;
    esac
    case $save.$end in
    *.missing | *.refused) ;;
    ip6*) has_variant6=yes ;;
    *) has_variant4=yes ;;
    esac
  done
}

# Logs in: the addresses are tried in order, as long as another one may do better. Sets address, how and noise.
log_in() {
  first_reason='' how=root noise=0
  for address in "$@"; do
    question who
    if [ "$end" != lost ]; then
      uid=$(sed -n '$p' "$scratch/answer")
      case $code.$uid in
      0.0) ;;
      0.*[!0-9]* | 0. | [!0]*)
        reason=command-failed words="the login does not run commands: \`id -u\` ended with $code: $uid"
        try_this='Log in as a user with a POSIX shell: --ssh-user'
        return 1
        ;;
      *) how=sudo ;;
      esac
      noise=$(($(wc -l <"$scratch/answer") - 1))
      sed '$d' "$scratch/answer" >"$scratch/noise"
      return 0
    fi
    why_ssh_failed
    words="$address: $words"
    if [ -z "$first_reason" ]; then
      first_reason=$reason first_words=$words first_try=$try_this
    fi
    case $reason in
    refused | unreachable | timeout | host-key-unknown) ;;
    *) return 1 ;;
    esac
  done
  if [ -z "$first_reason" ]; then
    first_reason=no-address first_words='the node has no address of type InternalIP or Hostname'
    first_try='Choose another one: --node-address Hostname'
  fi
  reason=$first_reason words=$first_words try_this=$first_try
  return 1
}

is_supported() {
  [ "$system" = system=windows ] || return 0
  reason=unsupported-system words='the node runs Windows, where kube-proxy writes no iptables rules'
  try_this='Leave it out with --node, or accept it with --allow-partial.'
  return 1
}

read_saves() {
  has_save='' has_variant4='' has_variant6='' failed_words='' was_refused=''
  ask_saves iptables-nft-save iptables-legacy-save ip6tables-nft-save ip6tables-legacy-save || return 1
  # Plain names only where no back end has a name of its own.
  [ -n "$has_variant4" ] || ask_saves iptables-save || return 1
  [ -n "$has_variant6" ] || ask_saves ip6tables-save || return 1
  # None of these is needed to judge rules, so that none costs a node.
  for extra in ip-addr.json sysctl iptables-version nft.json; do
    question "$extra"
  done
  if grep -q '"family": *"ip", *"name": *"kube-proxy"' "$work/nodes/$node/nft.json" 2>/dev/null; then
    question nft-ip.json
  fi
  if grep -q '"family": *"ip6", *"name": *"kube-proxy"' "$work/nodes/$node/nft.json" 2>/dev/null; then
    question nft-ip6.json
  fi
  if [ -z "$has_save" ]; then
    no_save
    return 1
  fi
}

# One node, in a process of its own: NODE SYSTEM ADDRESS... What cannot be read is said in its entry of snapshot.json.
read_node() {
  node=$1 system=$2
  shift 2
  scratch=$notes/$node.d
  running='' record_comma=''
  mkdir "$work/nodes/$node" "$scratch" || exit 1
  trap 'if [ -n "$running" ]; then kill "$running" 2>/dev/null; fi; exit 143' INT TERM HUP
  : >"$scratch/commands"
  node_began=$(now)
  failure=null
  if ! is_supported || ! log_in "$@" || ! read_saves; then
    failure="{ \"reason\": \"$reason\", \"message\": $(json_words "$words"), \"tryThis\": $(json_words "$try_this") }"
    say "node $node was not read: $(printf '%s' "$words" | tr -d '\000-\037\177')"
  fi
  {
    printf '    { "name": "%s", "via": "ssh", "client": "%s",\n' "$node" 'ssh, by script'
    printf '      "startedAt": "%s", "finishedAt": "%s", "failure": %s, "commands": [' "$node_began" "$(now)" "$failure"
    cat "$scratch/commands"
    printf ' ] }'
  } >"$notes/$node.entry"
  [ "$failure" = null ]
}

is_wanted() {
  true
}

# A batch of nodes at a time. A node that was not read, or whose reader died, makes the result incomplete.
read_nodes() {
  ask get nodes -o jsonpath='{range .items[*]}{.metadata.name}{" system="}{.status.nodeInfo.operatingSystem}{" "}{range .status.addresses[?(@.type=="InternalIP")]}{.address}{" "}{end}{range .status.addresses[?(@.type=="Hostname")]}{.address}{" "}{end}{"\n"}{end}' >"$notes/nodes" 2>"$notes/said" || fail "cannot list nodes: $(said)"
  names='' batch=0
  while read -r node system addresses; do
    case $node in
    '' | *[!A-Za-z0-9._-]* | [!A-Za-z0-9_]*) continue ;;
    esac
    is_wanted "$node" || continue
    names="$names $node"
    # Words of the API that are no addresses never reach a command line.
    set --
    for address in $addresses; do
      case $address in
      -* | *[!A-Za-z0-9.:_-]*) ;;
      *) set -- "$@" "$address" ;;
      esac
    done
    (read_node "$node" "$system" "$@") &
    jobs="$jobs $!"
    batch=$((batch + 1))
    if [ "$batch" -ge 8 ]; then
      await
      batch=0
    fi
  done <"$notes/nodes"
  await
  [ -n "$names" ] || fail 'there is no such node'
}

await() {
  for job in $jobs; do
    wait "$job" || status=3
  done
  jobs=''
}

# null for nothing.
json_or_null() {
  if [ -n "$1" ]; then json_words "$1"; else printf null; fi
}

write_manifest() {
  context=$(ask config current-context 2>/dev/null)
  # Without a user's name and password.
  server=$(ask config view --minify -o 'jsonpath={.clusters[0].cluster.server}' 2>/dev/null | sed 's,//[^/]*@,//,')
  {
    printf '{\n  "formatVersion": 1,\n  "tool": "kubectl-svcdoctor",\n  "toolVersion": "%s",\n' 1.2.3
    printf '  "startedAt": "%s",\n  "finishedAt": "%s",\n' "$started" "$(now)"
    printf '  "context": %s,\n  "server": %s,\n' "$(json_or_null "$context")" "$(json_or_null "$server")"
    printf '  "scope": { "namespace": %s, "services": %s, "selector": %s },\n' "$namespace_json" "$services" null
    printf '  "parts": ['
    cat "$notes/parts"
    printf '\n  ],\n  "again": { "readAt": "%s", "error": %s, "changed": [\n' "$asked" "$(json_or_null "$again_error")"
    sed '$!s/$/,/' "$notes/changed"
    printf '  ] },\n  "nodes": ['
    entry_comma=''
    for node in $names; do
      # A reader that died left no entry: then the node has no save either, which is said as such.
      if [ -f "$notes/$node.entry" ]; then
        printf '%s\n' "$entry_comma"
        cat "$notes/$node.entry"
        entry_comma=,
      fi
    done
    printf '\n  ]\n}\n'
  } >"$work/snapshot.json" || fail "cannot write $work/snapshot.json"
}

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
# What changed just before has reached the nodes then.
sleep 3
read_nodes
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
printf '%s\n' "$folder"
stop "$status"
