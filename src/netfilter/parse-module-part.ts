import { rememberPiece } from './parse-intern.ts';
import { parseModule, unrecognised, type ParsedModule } from './parse-match.ts';
import * as rule from './parse-reader.ts';
import type { RuleReader } from './parse-reader.ts';
import { unquote } from './save-scan.ts';

const COMMENT = 'comment';
const COMMENT_OPTION = '--comment';

export function isComment(reader: RuleReader, option: number): boolean {
  const { text, words } = reader;
  if (option + 3 >= words.count) return false;
  const module = words.starts[option + 1] ?? 0;
  const name = words.starts[option + 2] ?? 0;
  return (
    (words.ends[option + 1] ?? 0) - module === COMMENT.length &&
    (words.ends[option + 2] ?? 0) - name === COMMENT_OPTION.length &&
    text.startsWith(COMMENT, module) &&
    text.startsWith(COMMENT_OPTION, name)
  );
}

/** The value is taken whatever it looks like: iptables prints the comment `-j` without quotes. */
export function readComment(reader: RuleReader, option: number): number {
  const comment = unquote(rule.wordAt(reader, option + 3));
  const at = rule.countOf(reader);
  if (reader.comment === null) {
    reader.comment = comment;
    reader.commentAt = at;
  } else {
    reader.comments ??= [{ text: reader.comment, at: reader.commentAt }];
    reader.comments.push({ text: comment, at });
    reader.comment = `${reader.comment} ${comment}`;
  }
  return option + 4;
}

export function readModule(reader: RuleReader, at: number, option: number): number {
  const { words, intern } = reader;
  let to = option + 2;
  while (to < words.count && !rule.beginsPart(words, to)) to++;
  if (option + 1 >= words.count || option > at) return rule.readStray(reader, at);
  const text = rule.sliceOf(reader, at, to);
  const known = intern.pieces.get(text);
  if (known !== undefined) {
    rule.addPiece(reader, known);
    return to;
  }
  return addModule(reader, option, to, text);
}

/** `-p tcp --dport 80`: options of the protocol's module without its `-m`, as people write them. */
export function readImplicitModule(reader: RuleReader, at: number): number {
  const protocol = rule.matchesOf(reader).find((match) => match.kind === 'protocol');
  let to = at + 1;
  while (to < reader.words.count && !rule.beginsPart(reader.words, to)) to++;
  const module = protocol?.kind === 'protocol' ? protocol.protocol : '';
  const parsed = parseModule(module, rule.wordsOf(reader, at, to), reader.family);
  if (parsed === 'missing' || parsed.reason !== null) return rule.readStray(reader, at);
  rule.addOwn(reader, parsed.matches);
  return to;
}

/** No module has more options that take a free text; the bound keeps a hostile line from costing its square. */
const MOST_TRIES = 4;

/**
 * The end of the module's words was guessed: the next `-x`. If an option then lacks its value, that `-x` was the value
 * (a log prefix, a name). Such a piece is not remembered, so the guess never meets it again.
 */
function addModule(reader: RuleReader, option: number, guess: number, text: string): number {
  const module = rule.wordAt(reader, option + 1);
  let to = guess;
  let parsed = parseModule(module, rule.wordsOf(reader, option + 2, to), reader.family);
  for (let tries = 0; parsed === 'missing' && to < reader.words.count && tries < MOST_TRIES; tries++) {
    to++;
    while (to < reader.words.count && !rule.beginsPart(reader.words, to)) to++;
    parsed = parseModule(module, rule.wordsOf(reader, option + 2, to), reader.family);
  }
  if (parsed === 'missing') {
    to = guess;
    parsed = unrecognised(module, rule.wordsOf(reader, option + 2, to), `an option of match ${module} lacks its value`);
  }
  addParsed(reader, parsed, to === guess ? text : null);
  return to;
}

function addParsed(reader: RuleReader, parsed: ParsedModule, text: string | null): void {
  const piece = { matches: parsed.matches, header: false };
  if (parsed.reason !== null) {
    rule.fail(reader, parsed.reason);
    rule.addOwn(reader, parsed.matches);
  } else if (text === null) rule.addOwn(reader, parsed.matches);
  else {
    rememberPiece(reader.intern, text, piece);
    rule.addPiece(reader, piece);
  }
}
