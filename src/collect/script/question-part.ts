import { NO_NAME, SUDO_FOUND_NOTHING, SUDO_REFUSED } from '../judge-saves.ts';
import { commandLine, NODE_COMMANDS, type NodeCommand } from '../node-commands.ts';
import { quoteForPosixShell } from '../ssh/quote.ts';
import { sshFlags } from '../ssh/settings.ts';
import { MEANINGS } from '../ssh/system-failure.ts';
import { controlPathOption, SYSTEM_OPTIONS } from '../ssh/system-options.ts';
import { shellWord } from './json-part.ts';
import type { ScriptRequest } from './request.ts';

/** The part of the script that asks one node one question, with ssh, and finds out what came of it. */
export function questionPart(request: ScriptRequest): string {
  return `${commands()}${reaching(request)}${meanings()}${ASKING}`;
}

/** What the first question is called: its answer has no file. */
export const WHO = 'who';

/** All that ever runs on a node, made of the list that the program itself is held to. */
function commands(): string {
  const cases = NODE_COMMANDS.flatMap((command) =>
    (command.needsRoot ? ['root', 'sudo'] : ['*']).map((how) => {
      const argv = commandLine(command, { dialect: 'login', isRoot: how !== 'sudo' });
      return [
        `  ${command.file ?? WHO}.${how})`,
        `    command=${shellWord(quoteForPosixShell(argv))}`,
        `    argv=${shellWord(JSON.stringify(argv))} kind=${kindOf(command)} ;;`,
      ].join('\n');
    }),
  );
  return `
# All that ever runs on a node, as root and as a user with sudo. A save counts when it ended well, another answer when
# there is something in it too, of lines each for itself.
command_of() {
  case $1 in
${cases.join('\n')}
  esac
}
`;
}

function kindOf({ file, kind }: NodeCommand): string {
  return file === null ? WHO : kind;
}

function reaching({ ssh, timeoutSeconds }: ScriptRequest): string {
  const flags = sshFlags(ssh).map(shellWord);
  const options = [...SYSTEM_OPTIONS, controlPathOption(null)].map((option) => `-o ${shellWord(option)}`);
  return `
# ssh never asks and never trusts a new host. Where there is a timeout program, no question takes longer than this.
reach() {
  if [ -n "$timeout" ]; then
    exec timeout ${timeoutSeconds} ssh ${[...flags, ...options].join(' ')} -- "$address" "$command"
  fi
  exec ssh ${[...flags, ...options].join(' ')} -- "$address" "$command"
}

by_hand() {
  printf '%s' "ssh ${flags.join(' ').replaceAll(/["$`\\]/g, '\\$&')}${flags.length > 0 ? ' ' : ''}$address"
}
`;
}

/** Why ssh failed, in the words the program itself has for it. */
function meanings(): string {
  const cases = MEANINGS.map(
    ({ pattern, reason, tryThis }) => `  if telling ${shellWord(pattern)}; then
    reason=${reason}
    try_this=${shellWord(tryThis('BY-HAND')).replace('BY-HAND', `'"$(by_hand)"'`)}
    return
  fi`,
  );
  return `
# Sets the line of what ssh said that matches.
telling() {
  words=$(grep -E -i -e "$1" "$scratch/said" | tr -d '\\r' | grep -v '^@' | sed -n 1p)
  [ -n "$words" ]
}

# Why ssh itself failed: sets reason, words and try_this.
why_ssh_failed() {
  if [ "$code" -eq 124 ]; then
    reason=timeout words='no answer in time' try_this='Is the node up, and does a firewall let you through?'
    return
  fi
${cases.join('\n')}
  reason=connection-lost words=$(sed '/^ *$/d' "$scratch/said" | sed -n '$p')
  try_this="See what this says: $(by_hand)"
}
`;
}

const ASKING = `
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
  printf '%s        { "argv": %s, "code": %s, "stderr": %s, "file": %s, "durationMs": %s }' \\
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
    if grep -E -i -q ${shellWord(SUDO_FOUND_NOTHING)} "$scratch/said"; then
      end=missing
    elif grep -v ${shellWord(`^${NO_NAME}`)} "$scratch/said" | grep -E -i -q ${shellWord(SUDO_REFUSED)}; then
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
  kept="\\"$1\\""
}
`;
