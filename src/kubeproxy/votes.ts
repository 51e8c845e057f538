/** Counted opinions: one damaged rule must not outvote the others. */
export interface Votes<T> {
  add(value: T, count?: number): void;
  addAll(others: Votes<T>): void;
  /** Most votes first; equal ones by key, so that the order of nodes and rules does not matter. */
  ranked(): readonly Vote<T>[];
  total(): number;
  /** The value with more votes than any other; null without one. */
  winner(): Vote<T> | null;
}

export interface Vote<T> {
  readonly value: T;
  readonly count: number;
}

/** Values with the same key are the same opinion. */
export function createVotes<T>(keyOf: (value: T) => string): Votes<T> {
  const byKey = new Map<string, Vote<T>>();
  const votes: Votes<T> = {
    add(value, count = 1) {
      const key = keyOf(value);
      const known = byKey.get(key);
      byKey.set(key, { value: known?.value ?? value, count: (known?.count ?? 0) + count });
    },
    addAll(others) {
      for (const { value, count } of others.ranked()) votes.add(value, count);
    },
    ranked() {
      const entries = [...byKey].toSorted(([keyA, a], [keyB, b]) => b.count - a.count || (keyA < keyB ? -1 : 1));
      return entries.map(([, vote]) => vote);
    },
    total: () => [...byKey.values()].reduce((sum, vote) => sum + vote.count, 0),
    winner() {
      const [first, second] = votes.ranked();
      return first === undefined || first.count === second?.count ? null : first;
    },
  };
  return votes;
}
