import { isBlank, isLineEnd } from './save-scan.ts';

const SPACE = 32;
const COLON = 58;
const BRACKET = 91;
const BRACKET_END = 93;

export function endOfName(text: string, from: number): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code > SPACE) at++;
    else if (isBlank(code) || isLineEnd(text, at)) return at;
    else at++;
  }
}

export function afterBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at++;
  return at;
}

export function afterLineEnd(text: string, end: number): number {
  const newline = text.indexOf('\n', end);
  return newline < 0 ? text.length : newline + 1;
}

/** Behind `[5:300]`; null when there is none. */
export function endOfCounters(text: string, from: number): number | null {
  const colon = endOfDigits(text, from + 1);
  const close = endOfDigits(text, colon + 1);
  if (text.charCodeAt(from) !== BRACKET || colon === from + 1 || close === colon + 1) return null;
  return text.charCodeAt(colon) === COLON && text.charCodeAt(close) === BRACKET_END ? close + 1 : null;
}

export function endOfDigits(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); code >= 48 && code <= 57; code = text.charCodeAt(++at));
  return at;
}
