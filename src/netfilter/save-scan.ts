/**
 * The words of one rule line, found by one walk over its character codes. Positions only: no text is copied.
 *
 * A quoted word may hold raw newlines (the kernel accepts them in a comment and iptables-save prints them as they are),
 * so a rule can span several lines and what looks like a line of its own inside quotes is none.
 */

/** What a word looks like; the grammar decides what it means. */
export const WORD = 0;
export const SHORT_OPTION = 1;
export const LONG_OPTION = 2;
export const BANG = 3;

/** Reused for every rule of a save, so that scanning allocates nothing. */
export interface RuleWords {
  readonly starts: number[];
  readonly ends: number[];
  readonly kinds: number[];
  count: number;
  /** Newlines inside quoted words: the rule ends that many lines after the line it began on. */
  newlines: number;
}

export function createRuleWords(): RuleWords {
  return { starts: [], ends: [], kinds: [], count: 0, newlines: 0 };
}

/** {@link scanRule}'s answer for a quote that nothing closes. */
export const UNCLOSED = -1;

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const TAB = 9;
const BLANK = 32;
const EXCLAMATION = 33;
const QUOTE = 34;
const APOSTROPHE = 39;
const DASH = 45;
const BACKSLASH = 92;

/** True for what separates words inside a line. */
export function isBlank(code: number): boolean {
  return code === BLANK || code === TAB;
}

/** True where a line ends: at a newline, or at a carriage return right before one or before the end of the text. */
export function isLineEnd(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code === NEWLINE || at >= text.length) return true;
  return code === CARRIAGE_RETURN && (at + 1 === text.length || text.charCodeAt(at + 1) === NEWLINE);
}

/** Fills `words` from `from` to the end of the rule; returns the position of its line end, or {@link UNCLOSED}. */
export function scanRule(text: string, from: number, words: RuleWords): number {
  let at = from;
  let count = 0;
  let previous = WORD;
  words.newlines = 0;
  for (;;) {
    let code = text.charCodeAt(at);
    while (code === BLANK || code === TAB) code = text.charCodeAt(++at);
    if ((code < BLANK || at >= text.length) && isLineEnd(text, at)) break;
    const end = previous === LONG_OPTION ? endOfValue(text, at, code, words) : endOfWord(text, at);
    if (end === UNCLOSED) return UNCLOSED;
    previous = kindOf(text, at, end);
    words.starts[count] = at;
    words.ends[count] = end;
    words.kinds[count] = previous;
    count++;
    at = end;
  }
  words.count = count;
  return at;
}

function endOfWord(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code > BLANK) at++;
    else if (code === BLANK || code === TAB || at >= text.length || isLineEnd(text, at)) return at;
    else at++;
  }
}

/**
 * Only the value of a `--long` option is ever quoted. A chain or interface whose name begins with a quote is printed
 * as it is, and must not swallow the lines after it.
 */
function endOfValue(text: string, from: number, code: number, words: RuleWords): number {
  if (code === QUOTE) {
    const close = closingQuote(text, from + 1, words);
    return close === UNCLOSED ? UNCLOSED : endOfWord(text, close);
  }
  if (code === APOSTROPHE) return endOfApostrophes(text, from);
  return endOfWord(text, from);
}

function closingQuote(text: string, from: number, words: RuleWords): number {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at;
    if (code === NEWLINE) words.newlines++;
    else if (code === BACKSLASH && text.charCodeAt(++at) === NEWLINE) words.newlines++;
  }
  return UNCLOSED;
}

/** Some tools quote with apostrophes; without a partner on the same line it is an ordinary character. */
function endOfApostrophes(text: string, from: number): number {
  for (let at = from + 1; at < text.length && text.charCodeAt(at) !== NEWLINE; at++) {
    if (text.charCodeAt(at) === APOSTROPHE) return endOfWord(text, at);
  }
  return endOfWord(text, from);
}

function kindOf(text: string, start: number, end: number): number {
  const first = text.charCodeAt(start);
  if (first === EXCLAMATION) return end === start + 1 ? BANG : WORD;
  if (first !== DASH || end < start + 2) return WORD;
  if (text.charCodeAt(start + 1) === DASH) return LONG_OPTION;
  return end === start + 2 ? SHORT_OPTION : WORD;
}

/** The text a word stands for: without its quotes, escapes resolved. */
export function unquote(word: string): string {
  const quote = word.charCodeAt(0);
  if ((quote !== QUOTE && quote !== APOSTROPHE) || word.length < 2) return word;
  if (word.charCodeAt(word.length - 1) !== quote) return word;
  const inner = word.slice(1, -1);
  return quote === APOSTROPHE || !inner.includes('\\') ? inner : unescape(inner);
}

function unescape(text: string): string {
  let result = '';
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0 && at + 1 < text.length; at = text.indexOf('\\', from + 1)) {
    result += text.slice(from, at);
    from = at + 1;
  }
  return result + text.slice(from);
}
