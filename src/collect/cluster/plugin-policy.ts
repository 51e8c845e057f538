import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ClusterError } from './cluster-error.ts';
import type { ClusterEnvironment } from './flags.ts';
import { isRecord, listOf, recordOf, textOf } from './json-value.ts';
import type { JsonRecord } from './json-value.ts';

/**
 * Refuses a credential plugin that the person's `kuberc` does not let kubectl run (`credentialPluginPolicy`, kubectl 1.35):
 * who restricts what a kubeconfig may start means every program that reads it.
 * @throws ClusterError when it is refused, or when the kuberc cannot be read
 */
export async function checkPluginPolicy(command: string, environment: ClusterEnvironment): Promise<void> {
  const path = kubercPath(environment);
  const preference = path === null ? null : await readPreference(path);
  if (path === null || preference === null) return;
  const policy = textOf(preference['credentialPluginPolicy']);
  const entries = listOf(preference['credentialPluginAllowlist']);
  if (policy === 'AllowAll' || (policy === '' && entries.length === 0)) return;
  if (policy === 'Allowlist' && (await isListed(command, entries, environment))) return;
  const why = policy === 'Allowlist' ? 'it is not in credentialPluginAllowlist' : `policy set to "${policy}"`;
  throw new ClusterError(
    `Unable to connect to the server: getting credentials: plugin "${command}" not allowed: ${why}`,
    `See credentialPluginPolicy in ${path}.`,
  );
}

/** null: switched off. */
function kubercPath({ variables, homeDirectory, workingDirectory }: ClusterEnvironment): string | null {
  const named = variables['KUBERC'] ?? '';
  if (named === 'off') return null;
  return named === '' ? join(homeDirectory, '.kube', 'kuberc') : resolve(workingDirectory, named);
}

async function readPreference(path: string): Promise<JsonRecord | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isRecord(error) && error['code'] === 'ENOENT') return null;
    throw unreadable(path, error);
  }
  try {
    // One document per version of the format; only newer ones know of the policy.
    const documents = parseAllDocuments(text).map((document) => {
      // Half a document must not pass for one without a policy.
      if (document.errors.length > 0) throw document.errors[0];
      return recordOf(document.toJS());
    });
    return documents.find((document) => 'credentialPluginPolicy' in document) ?? documents[0] ?? null;
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): ClusterError {
  const why = error instanceof Error ? error.message : String(error);
  return new ClusterError(`error loading kuberc "${path}": ${why}`, 'Mend it, or set KUBERC=off.', { cause: error });
}

/** As kubectl compares: the programs that both names lead to. */
async function isListed(
  command: string,
  entries: readonly unknown[],
  environment: ClusterEnvironment,
): Promise<boolean> {
  const wanted = await programOf(command, environment);
  for (const entry of entries) {
    // `name` in 1.35, `command` since.
    const name = textOf(recordOf(entry)['command']) || textOf(recordOf(entry)['name']);
    if (name !== '' && wanted !== null && (await programOf(name, environment)) === wanted) return true;
  }
  return false;
}

async function programOf(name: string, { variables, workingDirectory }: ClusterEnvironment): Promise<string | null> {
  if (name.includes('/') || name.includes('\\')) return resolve(workingDirectory, name);
  for (const folder of (variables['PATH'] ?? '').split(delimiter)) {
    const path = resolve(workingDirectory, folder, name);
    if (folder !== '' && (await isExecutable(path))) return path;
  }
  return null;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
