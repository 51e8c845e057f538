import { basename } from 'node:path';

/**
 * What the user types to call this program: `kubectl svcdoctor` when kubectl runs it as a plugin (it sets KUBECTL_PATH
 * since 1.36, and the file is called kubectl-svcdoctor when it finds it), else the file's own name.
 */
export function programName(script: string | undefined, environment: NodeJS.ProcessEnv): string {
  if (environment['KUBECTL_PATH'] !== undefined) return 'kubectl svcdoctor';
  const parent = environment['_'];
  return parent !== undefined && basename(parent) === 'kubectl' ? 'kubectl svcdoctor' : nameOf(script);
}

function nameOf(script: string | undefined): string {
  const name = basename(script ?? '').replace(/\.[cm]?js$/, '');
  return name === '' || name === 'run' || name === 'dev' ? 'kubectl-svcdoctor' : name;
}
