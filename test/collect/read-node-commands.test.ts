import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { quoteForPosixShell } from '../../src/collect/ssh/quote.ts';
import { commandLine, isAllowed, NODE_COMMANDS, SUDOERS_LINE, WHO_AM_I } from '../../src/collect/node-commands.ts';

const ROOT = { dialect: 'login', isRoot: true } as const;

describe('the list of commands', () => {
  test('is all that is allowed', () => {
    for (const command of NODE_COMMANDS) {
      expect(isAllowed(commandLine(command, ROOT), 'login')).toBe(true);
      expect(isAllowed(commandLine(command, { ...ROOT, isRoot: false }), 'login')).toBe(true);
      // What is about the host's own programs would be about the image's there.
      expect(isAllowed(command.argv, 'container')).toBe(command.isAboutHost !== true);
    }
    const argv = ['iptables-legacy-save', '-t', 'nat'];
    expect(isAllowed(commandLine({ argv, file: null, needsRoot: true, kind: 'save' }, ROOT), 'login')).toBe(false);
    expect(isAllowed(argv, 'container')).toBe(false);
    expect(isAllowed(['iptables-nft-save', '-c'], 'login')).toBe(false);
    expect(isAllowed([...commandLine(WHO_AM_I, ROOT), ';', 'reboot'], 'login')).toBe(false);
    expect(isAllowed([], 'login')).toBe(false);
  });

  test('is documented, with the line for sudoers', () => {
    const docs = readFileSync(new URL('../../docs/ssh.md', import.meta.url), 'utf8');
    expect(docs).toContain(`\n${SUDOERS_LINE}\n`);
    const words = docs.replaceAll(/\s+/g, ' ');
    for (const { argv } of NODE_COMMANDS) expect(words).toContain(quoteForPosixShell(argv));
  });

  test('only reads', () => {
    expect(NODE_COMMANDS.map(({ argv }) => argv.join(' '))).toEqual([
      'id -u',
      'iptables-nft-save -c',
      'iptables-legacy-save -c',
      'ip6tables-nft-save -c',
      'ip6tables-legacy-save -c',
      'iptables-save -c',
      'ip6tables-save -c',
      'ip -j addr',
      'find /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/bridge /proc/sys/net/netfilter ( -name forwarding ' +
        '-o -name rp_filter -o -name route_localnet -o -name bridge-nf-call-iptables -o -name bridge-nf-call-ip6tables ' +
        '-o -name nf_conntrack_max -o -name nf_conntrack_count -o -name nf_conntrack_tcp_be_liberal ) -exec grep -sH  {} +',
      'iptables --version',
      'nft -j list tables',
      'nft -j list table ip kube-proxy',
      'nft -j list table ip6 kube-proxy',
    ]);
  });
});
