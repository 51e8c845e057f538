/** Puts a name to a text that is no save, so that the reader of the message sees at once what went wrong. */
export function describeForeign(line: string): string {
  const text = line.trimStart();
  const known = KNOWN.find(([test]) => test(text));
  return known === undefined ? 'this is not the output of iptables-save' : known[1];
}

type Test = (text: string) => boolean;

const starts =
  (...prefixes: readonly string[]): Test =>
  (text) =>
    prefixes.some((prefix) => text.startsWith(prefix));

const includes =
  (...parts: readonly string[]): Test =>
  (text) =>
    parts.some((part) => text.toLowerCase().includes(part));

const KNOWN: readonly (readonly [Test, string])[] = [
  [starts('\u001f\u008b', '\u001f\ufffd'), 'this is gzip data'],
  [starts('PK\u0003\u0004'), 'this is a zip archive'],
  [starts('\u0089PNG', '\ufffdPNG'), 'this is a picture'],
  [starts('<'), 'this is HTML or XML'],
  [starts('{', '"'), 'this is JSON'],
  [starts('-P ', '-N '), 'this is the output of iptables -S, not of iptables-save'],
  [
    starts('-I ', '-D ', '-R ', '-X', '-F', '-E '),
    'this is input for iptables-restore, not the output of iptables-save',
  ],
  [starts('-A '), 'a rule stands outside of any table'],
  [starts(':'), 'a chain is declared outside of any table'],
  [starts('Chain '), 'this is the output of iptables -L, not of iptables-save'],
  [starts('table '), 'this is the output of nft, not of iptables-save'],
  [includes('[sudo]', 'sudo:', 'password'), 'this is a message of sudo'],
  [includes('permission denied', 'operation not permitted'), 'permission to read the rules was denied'],
  [includes('not found', 'no such file'), 'this is an error message: a command or file was not found'],
  [includes('error'), 'this is an error message'],
];
