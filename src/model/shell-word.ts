/** A name of the cluster's as one word of a command that a person may paste: anything but a plain name is quoted for a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
