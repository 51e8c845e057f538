import { addressOrder } from '../node-address.ts';
import { systemRefusal, WINDOWS } from '../node-state.ts';
import { EXTRAS, NFT_TABLES, PLAIN_SAVES, SUDOERS_LINE, VARIANT_SAVES } from '../node-commands.ts';
import { NEXT_ADDRESS } from '../ssh/connect.ts';
import { shellWord } from './json-part.ts';
import { WHO } from './question-part.ts';
import type { ScriptRequest } from './request.ts';

/** The part of the script that reads each node, in a process of its own. */
export function nodePart(request: ScriptRequest): string {
  return `${JUDGING}${reading(request)}${allNodes(request)}`;
}

const JUDGING = `
# Why there is nothing to judge the node by.
no_save() {
  if [ -n "$failed_words" ]; then
    reason=command-failed words=$failed_words try_this='Run it on the node, and see why.'
  elif [ "$was_refused" = yes ]; then
    reason=no-sudo words='sudo does not allow it' try_this=${shellWord(`Add to /etc/sudoers.d/svcdoctor: ${SUDOERS_LINE}`)}
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
`;

function reading({ nodeAddress }: ScriptRequest): string {
  const plain = (isIpv6: boolean): string =>
    PLAIN_SAVES.map(({ file }) => file)
      .filter((file) => file.startsWith('ip6') === isIpv6)
      .join(' ');
  const types = addressOrder(nodeAddress).join(' or ');
  const refusal = systemRefusal({ status: { nodeInfo: { operatingSystem: WINDOWS } } });
  return `
# Logs in: the addresses are tried in order, as long as another one may do better. Sets address, how and noise.
log_in() {
  first_reason='' how=root noise=0
  for address in "$@"; do
    question ${WHO}
    if [ "$end" != lost ]; then
      uid=$(sed -n '$p' "$scratch/answer")
      case $code.$uid in
      0.0) ;;
      0.*[!0-9]* | 0. | [!0]*)
        reason=command-failed words="the login does not run commands: \\\`id -u\\\` ended with $code: $uid"
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
    ${[...NEXT_ADDRESS].join(' | ')}) ;;
    *) return 1 ;;
    esac
  done
  if [ -z "$first_reason" ]; then
    first_reason=no-address first_words=${shellWord(`the node has no address of type ${types}`)}
    first_try='Choose another one: --node-address Hostname'
  fi
  reason=$first_reason words=$first_words try_this=$first_try
  return 1
}

is_supported() {
  [ "$system" = system=${WINDOWS} ] || return 0
  reason=${refusal?.reason ?? ''} words=${shellWord(refusal?.message ?? '')}
  try_this=${shellWord(refusal?.tryThis ?? '')}
  return 1
}

read_saves() {
  has_save='' has_variant4='' has_variant6='' failed_words='' was_refused=''
  ask_saves ${VARIANT_SAVES.map(({ file }) => file).join(' ')} || return 1
  # Plain names only where no back end has a name of its own.
  [ -n "$has_variant4" ] || ask_saves ${plain(false)} || return 1
  [ -n "$has_variant6" ] || ask_saves ${plain(true)} || return 1
  # None of these is needed to judge rules, so that none costs a node.
  for extra in ${EXTRAS.map(({ file }) => file ?? '').join(' ')}; do
    question "$extra"
  done
${NFT_TABLES.map(({ family, command }) => nftTable(family, command.file ?? '')).join('\n')}
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
    failure="{ \\"reason\\": \\"$reason\\", \\"message\\": $(json_words "$words"), \\"tryThis\\": $(json_words "$try_this") }"
    say "node $node was not read: $(printf '%s' "$words" | tr -d '\\000-\\037\\177')"
  fi
  {
    printf '    { "name": "%s", "via": "ssh", "client": "%s",\\n' "$node" 'ssh, by script'
    printf '      "startedAt": "%s", "finishedAt": "%s", "failure": %s, "commands": [' "$node_began" "$(now)" "$failure"
    cat "$scratch/commands"
    printf ' ] }'
  } >"$notes/$node.entry"
  [ "$failure" = null ]
}
`;
}

/** nft writes its list of tables in one line. */
function nftTable(family: string, file: string): string {
  return `  if grep -q '"family": *"${family}", *"name": *"kube-proxy"' "$work/nodes/$node/nft.json" 2>/dev/null; then
    question ${file}
  fi`;
}

function allNodes({ nodes, nodeAddress, concurrency }: ScriptRequest): string {
  const address = addressOrder(nodeAddress).map((type) =>
    type === 'NodeName'
      ? '{.metadata.name}{" "}'
      : `{range .status.addresses[?(@.type=="${type}")]}{.address}{" "}{end}`,
  );
  const path = `{range .items[*]}{.metadata.name}{" system="}{.status.nodeInfo.operatingSystem}{" "}${address.join('')}{"\\n"}{end}`;
  return `
is_wanted() {
${nodes === null ? '  true' : `  case $1 in\n  ${nodes.map(shellWord).join(' | ')}) ;;\n  *) return 1 ;;\n  esac`}
}

# A batch of nodes at a time. A node that was not read, or whose reader died, makes the result incomplete.
read_nodes() {
  ask get nodes -o jsonpath=${shellWord(path)} >"$notes/nodes" 2>"$notes/said" || fail "cannot list nodes: $(said)"
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
    if [ "$batch" -ge ${concurrency} ]; then
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
`;
}
