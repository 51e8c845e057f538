import type { Match, Target } from './rules.ts';

/**
 * Equal pieces of a save are one object: of 430,000 rules nearly all share their lists of matches and their targets.
 * Pieces are found by their text; what is unique to a rule (host addresses, DNAT destinations) never comes here.
 */
export interface Intern {
  /** Meaning of one piece, `-m tcp --dport 80`, by its text. */
  readonly pieces: Map<string, Piece>;
  readonly targets: Map<string, Target>;
  /** The empty list, from which every other grows. */
  readonly root: MatchList;
}

/** What one piece of a rule says. Only pieces that were understood to the end are kept. */
export interface Piece {
  readonly matches: readonly Match[];
  /** True for what iptables prints before the comment: `-s -d -i -o -p -f`. */
  readonly header: boolean;
}

/** A list of matches that some rule has, and the lists that rules went on to. */
export interface MatchList {
  readonly matches: readonly Match[];
  /** How many of them are header matches. */
  readonly headers: number;
  readonly next: Map<Piece, MatchList>;
}

/** Beyond this many entries a text is probably unique to its rule, and keeping it would only cost memory. */
const MOST_PIECES = 20_000;
const MOST_LISTS = 2_000;

export function createIntern(): Intern {
  return { pieces: new Map(), targets: new Map(), root: { matches: [], headers: 0, next: new Map() } };
}

export function rememberPiece(intern: Intern, text: string, piece: Piece): void {
  if (intern.pieces.size < MOST_PIECES) intern.pieces.set(text, piece);
}

export function rememberTarget(intern: Intern, text: string, target: Target): void {
  if (intern.targets.size < MOST_PIECES) intern.targets.set(text, target);
}

/** The list that `list` becomes with `piece`. */
export function extendList(list: MatchList, piece: Piece): MatchList {
  const known = list.next.get(piece);
  if (known !== undefined) return known;
  const matches = [...list.matches, ...piece.matches];
  const headers = list.headers + (piece.header ? piece.matches.length : 0);
  const extended = { matches, headers, next: new Map<Piece, MatchList>() };
  if (list.next.size < MOST_LISTS) list.next.set(piece, extended);
  return extended;
}
