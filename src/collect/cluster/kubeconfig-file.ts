import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { ClusterError } from './cluster-error.ts';
import { isRecord, listOf, recordOf, textOf } from './json-value.ts';
import type { JsonRecord } from './json-value.ts';

/** One kubeconfig file, or several merged; relative paths in it are absolute already. */
export interface Kubeconfig {
  readonly clusters: ReadonlyMap<string, JsonRecord>;
  readonly users: ReadonlyMap<string, JsonRecord>;
  readonly contexts: ReadonlyMap<string, JsonRecord>;
  /** '' when not set. */
  readonly currentContext: string;
}

const EMPTY: Kubeconfig = { clusters: new Map(), users: new Map(), contexts: new Map(), currentContext: '' };

/**
 * Reads one file. An empty file is a valid, empty configuration.
 * @returns null when the file does not exist
 * @throws ClusterError when it cannot be read or understood, with file and line
 */
export async function readKubeconfigFile(path: string): Promise<Kubeconfig | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isRecord(error) && error['code'] === 'ENOENT') return null;
    throw new ClusterError(`error loading config file "${path}": ${wordsOf(error)}`, `ls -l ${path}`, { cause: error });
  }
  return toKubeconfig(parse(path, text), path);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function parse(path: string, text: string): unknown {
  const counter = new LineCounter();
  // A kubeconfig is YAML 1.1 to kubectl: merge keys count. Aliases are bounded by the library.
  const document = parseDocument(text, { lineCounter: counter, merge: true, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = counter.linePos(error.pos[0]);
    throw malformed(path, `line ${line}, column ${col}: ${error.message}`);
  }
  try {
    return document.toJS();
  } catch (error) {
    throw malformed(path, wordsOf(error));
  }
}

function malformed(path: string, what: string): ClusterError {
  return new ClusterError(
    `error loading config file "${path}": ${what}`,
    `Mend the file; \`kubectl config view --kubeconfig=${path}\` reads it the same way.`,
  );
}

function toKubeconfig(value: unknown, path: string): Kubeconfig {
  if (value === null || value === undefined) return EMPTY;
  if (!isRecord(value)) throw malformed(path, 'expected a mapping with `kind: Config`');
  const kind = textOf(value['kind']);
  if (kind !== '' && kind !== 'Config') throw malformed(path, `expected \`kind: Config\`, found \`kind: ${kind}\``);
  const from = dirname(path);
  return {
    clusters: entries(path, value['clusters'], 'cluster', (cluster) =>
      absolute(cluster, from, ['certificate-authority']),
    ),
    users: entries(path, value['users'], 'user', (user) => absoluteUser(user, from)),
    contexts: entries(path, value['contexts'], 'context', (context) => context),
    currentContext: textOf(value['current-context']),
  };
}

function entries(
  path: string,
  list: unknown,
  key: string,
  change: (value: JsonRecord) => JsonRecord,
): Map<string, JsonRecord> {
  const found = new Map<string, JsonRecord>();
  for (const entry of listOf(list)) {
    const name = textOf(recordOf(entry)['name']);
    // Between files the first wins; within one it is a mistake, to kubectl too.
    if (found.has(name)) throw malformed(path, `duplicate ${key} name "${name}"`);
    found.set(name, change(recordOf(recordOf(entry)[key])));
  }
  return found;
}

function absolute(record: JsonRecord, from: string, keys: readonly string[]): JsonRecord {
  const changed: Record<string, unknown> = { ...record };
  for (const key of keys) {
    const path = textOf(record[key]);
    if (path !== '' && !isAbsolute(path)) changed[key] = resolve(from, path);
  }
  return changed;
}

function absoluteUser(user: JsonRecord, from: string): JsonRecord {
  const changed = absolute(user, from, ['client-certificate', 'client-key', 'tokenFile']);
  const exec = changed['exec'];
  if (!isRecord(exec)) return changed;
  // A bare name is looked for in PATH, anything with a separator is a path.
  const command = textOf(exec['command']);
  const isPath = command.includes('/') || (process.platform === 'win32' && command.includes('\\'));
  return { ...changed, exec: isPath ? absolute(exec, from, ['command']) : exec };
}
