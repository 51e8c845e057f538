/** Words a shell would not take as a command's name. Only the first word needs this. */
const RESERVED = new Set(
  (
    'if then else elif fi do done case esac while until for in select function time coproc ' +
    'repeat foreach end nocorrect switch begin and or not'
  ).split(' '),
);

/** Characters that no shell in use as a login shell gives a meaning to. */
const PLAIN = /^[A-Za-z0-9_./:,-]+$/;
const PLAIN_ARGUMENT = /^[A-Za-z0-9_./:,-][A-Za-z0-9_./:,=-]*$/;

/**
 * One command line for the shell on the other side of SSH, which always is there: the only place where argv becomes a
 * string. Words that need no quoting have none, so that a `ForceCommand` script can compare them.
 * @throws TypeError for a NUL, which no argument of a process can hold
 */
export function quoteForPosixShell(argv: readonly string[]): string {
  return argv.map(quoteWord).join(' ');
}

function quoteWord(word: string, index: number): string {
  if (word.includes('\0')) throw new TypeError('an argument cannot hold a NUL character');
  const isPlain = index === 0 ? PLAIN.test(word) && !RESERVED.has(word) : PLAIN_ARGUMENT.test(word);
  return isPlain ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
