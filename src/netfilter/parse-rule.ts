import { fragmentMatch } from './parse-header.ts';
import { readAddress, readNamed } from './parse-header-part.ts';
import { isComment, readComment, readImplicitModule, readModule } from './parse-module-part.ts';
import { addPiece, readStray, resetReader, type RuleReader } from './parse-reader.ts';
import { BANG, LONG_OPTION, SHORT_OPTION } from './save-scan.ts';

/** What `-j` and `-g` mean in the table at hand. Takes all words from `option` on. */
export type ReadTarget = (reader: RuleReader, option: number) => void;

const LETTER_D = 100;
const LETTER_F = 102;
const LETTER_G = 103;
const LETTER_I = 105;
const LETTER_J = 106;
const LETTER_M = 109;
const LETTER_O = 111;
const LETTER_P = 112;
const LETTER_S = 115;

/** Reads the scanned words of one rule, those behind `-A CHAIN`. */
export function readRule(reader: RuleReader, readTarget: ReadTarget): void {
  resetReader(reader);
  for (let at = 0; at < reader.words.count;) at = readPart(reader, at, readTarget);
}

/** Reads the part that begins with word `at` and returns the word after it. */
function readPart(reader: RuleReader, at: number, readTarget: ReadTarget): number {
  const { text, words } = reader;
  const option = words.kinds[at] === BANG ? at + 1 : at;
  const kind = option < words.count ? words.kinds[option] : BANG;
  if (kind === LONG_OPTION) return readImplicitModule(reader, at);
  if (kind !== SHORT_OPTION) return readStray(reader, at);
  switch (text.charCodeAt((words.starts[option] ?? 0) + 1)) {
    case LETTER_S:
    case LETTER_D:
      return readAddress(reader, at, option);
    case LETTER_M:
      return isComment(reader, option) ? readComment(reader, option) : readModule(reader, at, option);
    case LETTER_P:
    case LETTER_I:
    case LETTER_O:
      return readNamed(reader, at, option);
    case LETTER_F:
      addPiece(reader, { matches: [fragmentMatch(option > at)], header: true });
      return option + 1;
    case LETTER_J:
    case LETTER_G:
      if (option > at) return readStray(reader, at);
      readTarget(reader, option);
      return words.count;
    default:
      return readStray(reader, at);
  }
}
