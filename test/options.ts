/** `check` without a flag, in the namespace default: what tests ask of the core. */
export const DEFAULT_OPTIONS = {
  namespace: 'default',
  wanted: [],
  selector: null,
  only: null,
  skip: [],
  nodes: null,
  failOn: 'error',
  strict: false,
  allowPartial: false,
  toolVersion: 'test',
} as const;
