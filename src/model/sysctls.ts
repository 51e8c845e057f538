/** Settings of a node's kernel, by path below /proc/sys: `net/ipv4/conf/eth0.100/forwarding`. */
export type Sysctls = ReadonlyMap<string, string>;

/**
 * Reads lines of `grep -H` over /proc/sys (`/proc/sys/net/ipv4/ip_forward:1`) and of sysctl(8) (`net.ipv4.ip_forward = 1`, a
 * dot in an interface's name being a slash there). Other lines say nothing; a setting that is not in it was not looked at.
 */
export function parseSysctls(text: string): Sysctls {
  const settings = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, path, value] = PATH_LINE.exec(line) ?? [];
    if (path !== undefined && value !== undefined) settings.set(path, value.trim());
    const [, name, said] = NAME_LINE.exec(line) ?? [];
    if (name !== undefined && said !== undefined) settings.set(pathOf(name), said.trim());
  }
  return settings;
}

const PATH_LINE = /^\/proc\/sys\/([^:]+):(.*)$/;
const NAME_LINE = /^([a-z]\w*\.\S+) ?= ?(.*)$/;

function pathOf(name: string): string {
  return name.replaceAll(/[./]/g, (separator) => (separator === '.' ? '/' : '.'));
}

/** A setting as a number; null: not looked at, or none. */
export function numberOf(sysctls: Sysctls, path: string): number | null {
  const text = sysctls.get(path) ?? '';
  return /^\d+$/.test(text) ? Number(text) : null;
}

/**
 * A setting that exists once for each interface, by interface, without `all`, `default` and `lo`; empty: only the
 * general one is known.
 */
export function ofInterfaces(sysctls: Sysctls, family: 'ipv4' | 'ipv6', name: string): ReadonlyMap<string, string> {
  const before = `net/${family}/conf/`;
  const found = [...sysctls].flatMap(([path, value]) => {
    if (!path.startsWith(before) || !path.endsWith(`/${name}`)) return [];
    return [[path.slice(before.length, -name.length - 1), value] as const];
  });
  return new Map(found.filter(([nic]) => nic !== 'all' && nic !== 'default' && nic !== 'lo'));
}
