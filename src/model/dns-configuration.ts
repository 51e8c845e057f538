import { type CorefilePlugin, IMPORT, kubernetesBlock, parseCorefile, type ServerBlock, zoneOf } from './corefile.ts';
import type { DnsConfiguration } from './dns.ts';

/**
 * Plugins that leave the names of Services alone (https://coredns.io/plugins, 1.15). `cache` may give an answer for as long
 * as its records allow; which of them are tried before `kubernetes` is fixed when CoreDNS is built.
 */
const HARMLESS: ReadonlySet<string> = new Set(
  (
    'any autopath bind bufsize cache cancel chaos debug dnstap errors forward grpc header health kubernetes local log ' +
    'loadbalance loop metadata minimal multisocket nomad nsid pprof prometheus proxy proxyproto quic ready reload root ' +
    'timeouts tls trace tsig whoami'
  ).split(' '),
);

/** What may answer for a Service's name, or may not: k3s has a `hosts` for nodes, AKS and k3s import what people add. */
const UNKNOWN: ReadonlySet<string> = new Set(['hosts', IMPORT]);

/** Options of `kubernetes` by which some Services or endpoints have no names. */
const SELECTIVE: ReadonlySet<string> = new Set(['labels', 'namespace_labels', 'noendpoints', 'endpoint', 'kubeconfig']);

/** What a Corefile says about the answers for names of Services in a zone; null: it says nothing that is understood. */
export function configurationOf(corefile: string, zone: string): DnsConfiguration | null {
  const blocks = parseCorefile(corefile);
  const block = blocks === null ? null : kubernetesBlock(blocks);
  if (blocks === null || block === null) return null;
  const plugins = [...imported(block, blocks), ...narrowerBlocks(blocks, block, zone)];
  const options = plugins.filter(({ name }) => name === 'kubernetes').flatMap((plugin) => plugin.options);
  const namespaces = options.filter(([name]) => name === 'namespaces').flatMap(([, ...names]) => names);
  return {
    changing: distinct(plugins.filter((plugin) => changes(plugin, zone)).map(({ name }) => name)),
    unknown: distinct(plugins.filter(({ name }) => UNKNOWN.has(name)).map(({ name }) => name)),
    namespaces: namespaces.length === 0 ? null : namespaces,
    selective: distinct(options.flatMap(([name = '']) => (SELECTIVE.has(name) ? [name] : []))),
    caches: plugins.some((plugin) => plugin.name === 'cache' && cachesZone(plugin, zone)),
    ignoresEmpty: options.some(([name, what]) => name === 'ignore' && what === 'empty_service'),
  };
}

/** `disable success ZONE` and `disable denial ZONE`; without a zone it is for all of the cache's. */
function cachesZone({ options }: CorefilePlugin, zone: string): boolean {
  const isDisabled = (kind: string): boolean =>
    options.some(
      ([name, what, ...zones]) =>
        name === 'disable' && what === kind && (zones.length === 0 || zones.map(zoneOf).includes(zone)),
    );
  return !(isDisabled('success') && isDisabled('denial'));
}

function changes({ name, args }: CorefilePlugin, zone: string): boolean {
  if (HARMLESS.has(name) || UNKNOWN.has(name)) return false;
  // `template CLASS TYPE [ZONE...]`: AKS answers for zones of the cloud with it.
  const zones = name === 'template' ? args.slice(2).map(zoneOf) : [];
  return zones.length === 0 || zones.some((other) => other === '' || isWithin(zone, other) || isWithin(other, zone));
}

/** The block's plugins, with those of snippets it imports in their place. */
function imported(block: ServerBlock, blocks: readonly ServerBlock[]): readonly CorefilePlugin[] {
  return block.plugins.flatMap((plugin): readonly CorefilePlugin[] => {
    if (plugin.name !== IMPORT) return [plugin];
    const snippet = blocks.find(({ keys }) => keys[0] === `(${plugin.args[0]})`);
    return snippet === undefined || snippet === block ? [plugin] : snippet.plugins;
  });
}

/** Blocks for parts of the zone answer in place of the one for all of it; what a file adds between blocks is not known. */
function narrowerBlocks(blocks: readonly ServerBlock[], own: ServerBlock, zone: string): readonly CorefilePlugin[] {
  return blocks
    .filter((block) => block !== own && !block.keys.some((key) => key.startsWith('(')))
    .flatMap(({ keys }): readonly CorefilePlugin[] => {
      if (keys[0] === IMPORT) return [{ name: IMPORT, args: [], options: [] }];
      const narrower = keys.map(zoneOf).find((key) => key !== '' && isWithin(key, zone));
      return narrower === undefined ? [] : [{ name: `a block for ${narrower}`, args: [], options: [] }];
    });
}

function isWithin(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

function distinct(names: readonly string[]): readonly string[] {
  return [...new Set(names)].toSorted();
}
