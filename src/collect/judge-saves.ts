import type { CommandRecord, NodeFailure } from '../model/snapshot.ts';
import { type NodeCommand, SUDOERS_LINE } from './node-commands.ts';

/** What sudo remarks on a host that DNS does not know, and then does its work. */
export const NO_NAME = 'sudo: unable to resolve host ';

/** Extended regular expressions, without regard to case: sudo did not find the program. */
export const SUDO_FOUND_NOTHING = '^sudo(-rs)?: .*(command not found|No such file)';

/** The same: sudo did not run it. */
export const SUDO_REFUSED = '^([^ ]*/)?sudo(-rs)?: |^Sorry, |is not in the sudoers file|may not run sudo';

/** A command with what came of it. */
export interface Answer {
  readonly command: NodeCommand;
  readonly record: CommandRecord;
  readonly text: string;
  /** Why the text cannot be all of it; null: it is, or it is not known. */
  readonly missingPart: string | null;
}

/** Neither `env` nor `sudo` found the program. */
export function isMissing(record: CommandRecord): boolean {
  const words = record.stderr;
  if (record.code === 127) return !isWithoutSudo(record);
  return record.code === 1 && new RegExp(SUDO_FOUND_NOTHING, 'im').test(words);
}

/** `sudo` did not run the program. It ends with 1 then, as a save may: but its messages begin with its name. */
export function isRefused(record: CommandRecord): boolean {
  if (isWithoutSudo(record)) return true;
  if (record.code !== 1 || !record.argv.includes('sudo') || isMissing(record)) return false;
  const said = linesSaid(record).join('\n');
  return new RegExp(SUDO_REFUSED, 'im').test(said);
}

function isWithoutSudo(record: CommandRecord): boolean {
  return record.code === 127 && record.argv.includes('sudo') && /\bsudo\b/.test(record.stderr);
}

/** Whether the saves are enough to judge a node: at least one of IPv4, and each that was read is whole. */
export function judgeSaves(saves: readonly Answer[]): NodeFailure | null {
  const short = saves.find((answer) => answer.missingPart !== null);
  if (short !== undefined) return truncated(short);
  const ipv4 = saves.filter((answer) => answer.command.argv[0]?.startsWith('iptables') === true);
  if (ipv4.some((answer) => answer.record.file !== null)) return null;
  const failed = ipv4.find((answer) => !isMissing(answer.record) && !isRefused(answer.record));
  if (failed !== undefined) return commandFailed(failed);
  const refused = ipv4.find((answer) => isRefused(answer.record));
  return refused === undefined ? noProgram(ipv4) : noSudo(refused);
}

function truncated(answer: Answer): NodeFailure {
  return {
    reason: 'truncated',
    message: `${nameOf(answer)} was cut off twice: ${answer.missingPart ?? ''}`,
    tryThis: 'Run it again; if it happens each time, save the rules on the node and check them with --from.',
  };
}

function commandFailed(answer: Answer): NodeFailure {
  const { code } = answer.record;
  const end = code === null ? 'was ended by a signal' : `ended with ${code}`;
  return {
    reason: 'command-failed',
    message: `${nameOf(answer)} ${end}${said(answer)}`,
    tryThis: `See what this says on the node: ${answer.record.argv.join(' ')}`,
  };
}

function noSudo(answer: Answer): NodeFailure {
  const isAbsent = isWithoutSudo(answer.record);
  return {
    reason: 'no-sudo',
    message: isAbsent ? 'the user is not root, and there is no sudo' : `sudo does not allow it${said(answer)}`,
    tryThis: isAbsent ? 'Log in as root: --ssh-user root' : `Add to /etc/sudoers.d/svcdoctor: ${SUDOERS_LINE}`,
  };
}

function noProgram(ipv4: readonly Answer[]): NodeFailure {
  return {
    reason: 'no-iptables-save',
    message: `there is no ${ipv4.map(nameOf).join(', ')} on the node`,
    tryThis: 'Install iptables on the node; without it the rules can only be read where kube-proxy runs.',
  };
}

function nameOf(answer: Answer): string {
  return answer.command.argv[0] ?? '';
}

function said(answer: Answer): string {
  const [line] = linesSaid(answer.record);
  return line === undefined ? '' : `: ${line.slice(0, 300)}`;
}

/** Lines of stderr that can be a reason; the remarks of iptables are none. */
function linesSaid(record: CommandRecord): readonly string[] {
  const lines = record.stderr.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith(NO_NAME));
}
