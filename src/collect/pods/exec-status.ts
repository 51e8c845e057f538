import { at, isRecord, listOf, textOf } from '../cluster/json-value.ts';
import { oneLine } from '../cluster/answer.ts';

/** How a command in a container ended, by the kubelet's Status object on channel 3. */
export type ExecEnd =
  | { readonly kind: 'exited'; readonly code: number; readonly message?: string }
  /** The command did not start, or the kubelet lost it; with the runtime's words. */
  | { readonly kind: 'failed'; readonly message: string };

/** What a shell's `command not found` has: the runtime finds no such program in the image. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/**
 * Reads the last message of an exec: `{"status":"Success"}`, or a Failure with reason NonZeroExitCode and the code as a
 * cause `ExitCode` (k8s.io/apimachinery remotecommand, protocols v4 and v5). A program that the image does not have comes as an
 * InternalError with the words of runc (`executable file not found in $PATH`, `no such file or directory`) or crun. null: not a
 * Status at all.
 */
export function readExecStatus(text: string): ExecEnd | null {
  const status = parse(text);
  if (!isRecord(status)) return null;
  if (status['status'] === 'Success') return { kind: 'exited', code: 0 };
  if (status['status'] !== 'Failure') return null;
  const causes = listOf(at(status, 'details', 'causes'));
  const code = causes.find((cause) => at(cause, 'reason') === 'ExitCode');
  const said = textOf(at(code, 'message'));
  if (/^\d+$/.test(said)) return { kind: 'exited', code: Number(said) };
  const message = oneLine(textOf(status['message']) || textOf(status['reason']) || 'no reason given');
  if (/executable file .*not found|exec: .*no such file or directory/i.test(message)) {
    return { kind: 'exited', code: NOT_FOUND, message };
  }
  if (/exec: .*permission denied/i.test(message)) return { kind: 'exited', code: NOT_EXECUTABLE, message };
  return { kind: 'failed', message };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
