import { jsonErrorPosition } from './json-error.ts';
import { decodeSave } from './decode-save.ts';
import { SnapshotError } from './snapshot-error.ts';

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws SnapshotError with file, line and column when the bytes are not JSON */
export function readJson(path: string, bytes: Buffer): unknown {
  const text = decodeSave(bytes);
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch (error) {
    const { line, column } = jsonErrorPosition(text) ?? { line: 1, column: 1 };
    const what = text.trim() === '' ? 'the file is empty' : 'this is not JSON';
    throw new SnapshotError(`${path}, line ${line}, column ${column}: ${what}`, `Save it again: ${howToSave(path)}`, {
      cause: error,
    });
  }
}

/** The command that makes a file of the `cluster` folder by hand. */
export function howToSave(path: string): string {
  const name = /^cluster\/(.+)\.json$/.exec(path)?.[1];
  if (name === undefined) return `svcdoctor collect writes ${path}`;
  if (name === 'version') return `kubectl get --raw /version > ${path}`;
  if (name === 'kube-proxy')
    return `kubectl -n kube-system get configmap/kube-proxy daemonset/kube-proxy -o json > ${path}`;
  return `kubectl get ${name}${name === 'nodes' || name === 'namespaces' ? '' : ' -A'} -o json > ${path}`;
}
