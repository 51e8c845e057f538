import { delimiter, join, resolve } from 'node:path';
import { ClusterError } from './cluster-error.ts';
import type { ClusterEnvironment, ClusterFlags } from './flags.ts';
import type { JsonRecord } from './json-value.ts';
import { readKubeconfigFile } from './kubeconfig-file.ts';
import type { Kubeconfig } from './kubeconfig-file.ts';

/** The merged configuration, and where it was looked for. */
export interface LoadedKubeconfig {
  readonly config: Kubeconfig;
  /** Files that were read. */
  readonly read: readonly string[];
  /** Files that were looked for and do not exist. */
  readonly missing: readonly string[];
}

/**
 * Reads the files that kubectl would read and merges them as it does: `--kubeconfig` alone, else the list in
 * $KUBECONFIG, else `~/.kube/config`.
 * @throws ClusterError when a file cannot be read or understood, or when that of `--kubeconfig` does not exist
 */
export async function loadKubeconfig(flags: ClusterFlags, environment: ClusterEnvironment): Promise<LoadedKubeconfig> {
  const paths = configPaths(flags, environment);
  const files = await Promise.all(paths.map(async (path) => ({ path, config: await readKubeconfigFile(path) })));
  const missing = files.filter(({ config }) => config === null).map(({ path }) => path);
  if (flags.kubeconfig !== undefined && flags.kubeconfig !== '' && missing.length > 0) {
    throw new ClusterError(`stat ${flags.kubeconfig}: no such file or directory`, 'Check the path after --kubeconfig.');
  }
  const found = files.flatMap(({ path, config }) => (config === null ? [] : [{ path, config }]));
  return {
    config: mergeKubeconfigs(found.map(({ config }) => config)),
    read: found.map(({ path }) => path),
    missing,
  };
}

function configPaths(flags: ClusterFlags, environment: ClusterEnvironment): string[] {
  if (flags.kubeconfig !== undefined && flags.kubeconfig !== '') {
    return [resolve(environment.workingDirectory, flags.kubeconfig)];
  }
  const listed = environment.variables['KUBECONFIG'] ?? '';
  if (listed === '') return [join(environment.homeDirectory, '.kube', 'config')];
  const names = listed.split(delimiter).filter((name) => name !== '');
  return [...new Set(names)].map((name) => resolve(environment.workingDirectory, name));
}

/** First file to have a name wins, with its whole entry; so does the first current-context that is not empty. */
export function mergeKubeconfigs(files: readonly Kubeconfig[]): Kubeconfig {
  return {
    clusters: firstWins(files.map((file) => file.clusters)),
    users: firstWins(files.map((file) => file.users)),
    contexts: firstWins(files.map((file) => file.contexts)),
    currentContext: files.find((file) => file.currentContext !== '')?.currentContext ?? '',
  };
}

function firstWins(maps: readonly ReadonlyMap<string, JsonRecord>[]): Map<string, JsonRecord> {
  const merged = new Map<string, JsonRecord>();
  for (const map of maps) {
    for (const [name, value] of map) if (!merged.has(name)) merged.set(name, value);
  }
  return merged;
}
