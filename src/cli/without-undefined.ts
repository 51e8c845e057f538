export type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** A flag that was not given is absent, not undefined. */
export function withoutUndefined<T extends object>(value: T): Defined<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries forgets the keys it was given
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Defined<T>;
}
