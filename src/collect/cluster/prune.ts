import { isRecord } from './json-value.ts';
import { PRUNINGS, type Pruning } from './pruning.ts';

/** An API object without what {@link PRUNINGS} leaves out; anything else as it is. */
export type Prune = (object: unknown) => unknown;

/** A pruning as a tree of keys. */
interface Branch {
  readonly below: Map<string, Branch>;
  fate: 'kept' | 'dropped' | 'inherited';
  dropKeys: RegExp | null;
}

function compile(pruning: Pruning): Prune {
  const root = branch();
  for (const path of pruning.keep) at(root, path).fate = 'kept';
  for (const path of pruning.drop) at(root, path).fate = 'dropped';
  if (pruning.dropKeys !== undefined) {
    at(root, pruning.dropKeys.of).dropKeys = new RegExp(pruning.dropKeys.matching, 'i');
  }
  const { dropTexts } = pruning;
  const isDropped = dropTexts === undefined ? (): boolean => false : textTest(new RegExp(dropTexts));
  return (object) => (isRecord(object) ? prune(object, root, false, isDropped) : object);
}

function branch(): Branch {
  return { below: new Map(), fate: 'inherited', dropKeys: null };
}

function at(root: Branch, path: string): Branch {
  let here = root;
  for (const key of path.split(' ').filter((word) => word !== '')) {
    const next = here.below.get(key) ?? branch();
    here.below.set(key, next);
    here = next;
  }
  return here;
}

function textTest(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value);
}

/** undefined: nothing of it stays. */
function prune(
  value: unknown,
  here: Branch | undefined,
  inherited: boolean,
  isDropped: (value: unknown) => boolean,
): unknown {
  if (here?.fate === 'dropped' || isDropped(value)) return undefined;
  const isKept = inherited || here?.fate === 'kept';
  if (here === undefined || (here.below.size === 0 && here.dropKeys === null)) return isKept ? value : undefined;
  if (Array.isArray(value)) return value.map((item: unknown) => prune(item, here, inherited, isDropped) ?? {});
  if (!isRecord(value)) return isKept ? value : undefined;
  const kept: [string, unknown][] = [];
  for (const [key, field] of Object.entries(value)) {
    if (here.dropKeys?.test(key) === true) continue;
    const rest = prune(field, here.below.get(key), isKept, isDropped);
    if (rest !== undefined) kept.push([key, rest]);
  }
  return Object.fromEntries(kept);
}

export const pruneObject = compile(PRUNINGS.object);
export const pruneNode = compile(PRUNINGS.node);
export const prunePod = compile(PRUNINGS.pod);
export const pruneKubeProxyPod = compile(PRUNINGS['kube-proxy-pod']);
export const pruneDaemonSet = compile(PRUNINGS['daemon-set']);
export const pruneConfigMap = compile(PRUNINGS['config-map']);
