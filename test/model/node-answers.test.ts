/** What nodes and kube-proxies answer, real and odd: an answer that is none says nothing. */
import { describe, expect, it } from 'vitest';
import { parseOwnBackend } from '../../src/model/iptables-version.ts';
import { familiesOfProxyTables } from '../../src/model/nft-tables.ts';
import { parseProxyHealth } from '../../src/model/proxy-health.ts';
import { errorLinesOf, missingModuleOf, parseProxyLog, writeFailureOf } from '../../src/model/proxy-log.ts';
import { parseProxyMetrics } from '../../src/model/proxy-metrics.ts';
import { numberOf, ofInterfaces, parseSysctls } from '../../src/model/sysctls.ts';
import { recorded } from '../checks/condition-rows.ts';

describe('sysctl', () => {
  it.each([
    ['/proc/sys/net/ipv4/conf/eth0.100/forwarding:1', 'net/ipv4/conf/eth0.100/forwarding', '1'],
    ['net.ipv4.conf.eth0/100.forwarding = 0', 'net/ipv4/conf/eth0.100/forwarding', '0'],
    ['net.ipv4.ip_forward=1', 'net/ipv4/ip_forward', '1'],
    ['kernel.hostname = a b', 'kernel/hostname', 'a b'],
    ['sysctl: permission denied on key "fs.protected"', '', undefined],
    ['/proc/sys/net/ipv4/conf/all/forwarding', '', undefined],
  ])('%s', (line, path, value) => {
    const settings = parseSysctls(`${line}\n`);
    expect([...settings]).toEqual(value === undefined ? [] : [[path, value]]);
  });

  it('of each interface, and as numbers', () => {
    const settings = parseSysctls(recorded('healthy', 'sysctl'));
    expect([...ofInterfaces(settings, 'ipv4', 'forwarding').keys()]).toEqual(['eth0', 'nowhere', 'pod10', 'pod50']);
    expect(numberOf(settings, 'net/netfilter/nf_conntrack_max')).toBe(262_144);
    expect(numberOf(new Map([['a', '12 34']]), 'a')).toBeNull();
    expect(numberOf(new Map(), 'a')).toBeNull();
  });
});

describe('healthz', () => {
  it('of kube-proxy 1.37', () => {
    const health = parseProxyHealth(recorded('failing', 'kube-proxy-healthz.txt'));
    expect(health).toMatchObject({ status: 503, nodeEligible: true });
    expect([...(health?.families ?? [])].map(([family, { healthy }]) => [family, healthy])).toEqual([
      ['IPv4', false],
      ['IPv6', true],
    ]);
  });

  it("of older ones, in Go's words, with headers", () => {
    const time = '2021-01-01 12:00:00.123456789 +0200 CEST m=+31.2';
    const text = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"lastUpdated": "${time}","currentTime": "${time}"}`;
    expect(parseProxyHealth(text)).toEqual({
      status: 200,
      currentTime: Date.parse('2021-01-01T10:00:00.123Z') / 1000,
      lastUpdated: Date.parse('2021-01-01T10:00:00.123Z') / 1000,
      nodeEligible: null,
      families: new Map(),
    });
  });

  it.each([
    '',
    'HTTP 503\n',
    'HTTP 503\n{"status":"down"}',
    '{"lastUpdated":"","currentTime":""}',
    'HTTP 200\n{"lastUpdated":',
  ])('%j is none', (text) => {
    expect(parseProxyHealth(text)).toBeNull();
  });

  it('of a kube-proxy that has never written', () => {
    const never = '0001-01-01 00:00:00 +0000 UTC';
    expect(parseProxyHealth(`HTTP 503\n{"lastUpdated":"${never}","currentTime":"x"}`)).toMatchObject({
      lastUpdated: null,
      currentTime: null,
    });
  });
});

describe('metrics', () => {
  it('of kube-proxy 1.37, by family', () => {
    const families = parseProxyMetrics(recorded('failing', 'kube-proxy-metrics.txt'))?.families;
    expect(families?.get('IPv4')?.failures).toBeGreaterThan(1);
    expect(families?.get('IPv6')).toMatchObject({ failures: 0 });
    expect(families?.get('IPv4')?.lastQueued).toBeGreaterThan(families?.get('IPv4')?.lastSynced ?? Infinity);
  });

  it('of older ones, without families', () => {
    const text =
      'kubeproxy_sync_proxy_rules_last_timestamp_seconds 1.6e+09\nkubeproxy_sync_proxy_rules_last_queued_timestamp_seconds 0\n';
    expect(parseProxyMetrics(text)?.families).toEqual(
      new Map([['', { lastSynced: 1.6e9, lastQueued: null, failures: 0 }]]),
    );
  });

  it.each([
    '',
    '404 page not found',
    'kubeproxy_sync_proxy_rules_last_timestamp_seconds NaN',
    'process_start_time_seconds 5',
  ])('%j has none', (text) => {
    expect(parseProxyMetrics(text)).toBeNull();
  });
});

describe('log', () => {
  const log = recorded('failing', 'kube-proxy-log.txt');

  it('holds one entry on several lines', () => {
    const { errors } = parseProxyLog(log);
    expect(errors.some((entry) => entry.includes('configuration may be incomplete'))).toBe(false);
    expect(writeFailureOf({ errors })).toMatch(
      /^"Failed to execute iptables-restore" err=< exit status 4: iptables-restore v1\.8\.9 \(nf_tables\): line 57: CHAIN_DEL failed .* > ipFamily="IPv4"$/,
    );
    expect(missingModuleOf({ errors })).toBeNull();
  });

  it('may have times before its lines', () => {
    const timed = log.replaceAll(/^(?=.)/gm, '2026-11-25T23:24:13.733420000Z ');
    expect(parseProxyLog(timed)).toEqual(parseProxyLog(log));
  });

  it('is kept as far as it tells of errors', () => {
    const kept = errorLinesOf(log);
    expect(kept).not.toMatch(/^I\d{4}/m);
    expect(parseProxyLog(kept)).toEqual(parseProxyLog(log));
    const rules = `E1125 23:24:13.733420       1 proxier.go:1667] Failed to execute iptables-restore: exit status 1\nRules:\n${'-A X\n'.repeat(5000)}`;
    expect(errorLinesOf(rules.repeat(50)).split('\n').length).toBeLessThan(200);
  });

  it.each([
    ['Warning: Extension statistic revision 0 not supported, missing kernel module?', 'statistic'],
    ["iptables-restore v1.8.7 (legacy): Couldn't load match `recent':No such file or directory", 'recent'],
    ['iptables-restore: line 86 failed', undefined],
  ])('%s', (words, module) => {
    const { errors } = parseProxyLog(`E1125 23:24:13.733420       1 proxier.go:1] "Failed" err="${words}"\n`);
    expect(missingModuleOf({ errors })?.module).toBe(module);
  });
});

describe('the rest', () => {
  it.each([
    ['iptables v1.8.9 (nf_tables)\n', 'nft'],
    ['iptables v1.8.7 (legacy)\n', 'legacy'],
    ['iptables v1.4.21\n', 'legacy'],
    ['iptables v1.8.9\n', null],
    ['command not found', null],
  ])('%s', (text, backend) => {
    expect(parseOwnBackend(text)).toBe(backend);
  });

  it.each([
    ['{"nftables": [{"metainfo": {}}, {"table": {"family": "ip", "name": "kube-proxy", "handle": 1}}]}', ['ip']],
    ['{"nftables": [{"table": {"family": "ip", "name": "filter"}}, {"chain": {"table": "kube-proxy"}}]}', []],
    ['kube-proxy', []],
    ['["kube-proxy"]', []],
  ])('%s', (text, families) => {
    expect(familiesOfProxyTables(text)).toEqual(families);
  });
});
