import { type CorefilePlugin, IMPORT, parseCorefile } from '../../model/corefile.ts';

/**
 * What is kept of a Corefile. Other plugins may have passwords and keys in their lines (etcd, route53, azure), and
 * nothing of them matters but that they are there.
 */
const KEPT: ReadonlySet<string> = new Set(['kubernetes', IMPORT, 'cache', 'template']);

/** Options that decide which names are answered, and how. */
const OPTIONS: ReadonlySet<string> = new Set([
  'pods',
  'ttl',
  'namespaces',
  'labels',
  'namespace_labels',
  'noendpoints',
  'endpoint_pod_names',
  'ignore',
  'fallthrough',
  // Of `cache`: kubeadm has it leave the cluster's own names alone.
  'disable',
]);

/** The same configuration with the names of its plugins and the settings that matter; null: it cannot be read. */
export function pruneCorefile(text: string): string | null {
  const blocks = parseCorefile(text);
  if (blocks === null) return null;
  const lines = blocks.flatMap(({ keys, plugins }) =>
    keys[0] === IMPORT ? [keys.join(' ')] : [`${keys.join(' ')} {`, ...plugins.flatMap(pluginLines), '}'],
  );
  return `${lines.join('\n')}\n`;
}

function pluginLines({ name, args, options }: CorefilePlugin): readonly string[] {
  if (!KEPT.has(name)) return [`    ${name}`];
  const head = `    ${[name, ...args].join(' ')}`;
  const kept = options.map(optionLine);
  return kept.length === 0 ? [head] : [`${head} {`, ...kept, '    }'];
}

function optionLine([name = '', ...args]: readonly string[]): string {
  return `        ${(OPTIONS.has(name) ? [name, ...args] : [name]).join(' ')}`;
}
