import { printScript } from '../collect/script/print-script.ts';
import { VERSION } from '../version.ts';
import { CliError } from './errors.ts';
import { DEFAULT_CONCURRENCY, DEFAULT_NODE_TIMEOUT_MS, type EvidenceFlags, requireScope } from './evidence.ts';
import { addressType } from './ssh-settings.ts';

/** Values of the flags of `collect`. */
export interface ScriptFlags extends EvidenceFlags {
  readonly settle?: number | undefined;
}

/** Flags whose values are secrets, or say where one is: a script that goes from hand to hand has none of them. */
const NEVER_WRITTEN = ['token', 'client-certificate', 'client-key', 'ssh-key'] as const;

/** Flags that kubectl knows by the same name. */
const KUBECTL_FLAGS = [
  'kubeconfig',
  'context',
  'cluster',
  'user',
  'server',
  'certificate-authority',
  'tls-server-name',
  'as',
  'as-uid',
] as const;

const DEFAULT_FOLDER = 'evidence';
const DEFAULT_REQUEST_TIMEOUT_MS = 30_000;
/** What `collect` waits where kube-proxy's configuration does not say otherwise. */
const DEFAULT_SETTLE_MS = 3000;

/**
 * The script of `collect --print-script`, with what the flags say built in; nothing is asked of anybody.
 * @throws CliError for what cannot be in a script
 */
export function scriptOf(flags: ScriptFlags, names: readonly string[], file: string | undefined): string {
  requireScope(flags, names);
  const secret = NEVER_WRITTEN.find((name) => flags[name] !== undefined);
  if (secret !== undefined) {
    throw new CliError(
      `--${secret} is not written into a script, which others may read`,
      'Where the script runs, kubeconfig and ssh_config say it: --context NAME, --ssh-config FILE',
    );
  }
  return printScript({
    toolVersion: VERSION,
    kubectlFlags: kubectlFlags(flags),
    namespace: flags.namespace ?? null,
    allNamespaces: flags['all-namespaces'] === true,
    names: names.length === 0 ? null : names,
    selector: flags.selector ?? null,
    nodes: flags.node ?? null,
    nodeAddress: addressType(flags['node-address']),
    ssh: {
      ...(flags['ssh-user'] === undefined ? {} : { user: flags['ssh-user'] }),
      ...(flags['ssh-port'] === undefined ? {} : { port: flags['ssh-port'] }),
      ...(flags['ssh-config'] === undefined ? {} : { config: flags['ssh-config'] }),
    },
    concurrency: flags.concurrency ?? DEFAULT_CONCURRENCY,
    timeoutSeconds: Math.ceil((flags['node-timeout'] ?? DEFAULT_NODE_TIMEOUT_MS) / 1000),
    settleSeconds: Math.ceil((flags.settle ?? DEFAULT_SETTLE_MS) / 1000),
    folder: file?.replace(/\.(tar\.gz|tgz|tar)$/, '') ?? DEFAULT_FOLDER,
  });
}

function kubectlFlags(flags: EvidenceFlags): readonly string[] {
  const plain = KUBECTL_FLAGS.flatMap((name) => {
    const value = flags[name];
    return value === undefined ? [] : [`--${name}=${value}`];
  });
  const timeout = flags['request-timeout'] ?? DEFAULT_REQUEST_TIMEOUT_MS;
  return [
    ...plain,
    ...(flags['as-group'] ?? []).map((group) => `--as-group=${group}`),
    ...(flags['as-user-extra'] ?? []).map((extra) => `--as-user-extra=${extra}`),
    ...(flags['insecure-skip-tls-verify'] === true ? ['--insecure-skip-tls-verify'] : []),
    `--request-timeout=${Math.ceil(timeout / 1000)}s`,
  ];
}
