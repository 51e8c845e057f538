/** Whole screens: command line, stdout, stderr and exit code of the built program. */
import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { expectGolden } from '../golden.ts';
import { dropLines, run, withRecording } from './run.ts';

const RECORDING = 'hostnames-1.37-iptables-nft';

interface Case {
  readonly name: string;
  readonly argv: readonly string[];
  readonly recording?: string;
  readonly change?: (folder: string) => void;
}

function save(folder: string, number: number): string {
  return join(folder, `nodes/rain-kubernetes-${number}/iptables-nft-save`);
}

const deletedDnat = (folder: string): void => dropLines(save(folder, 2), '--to-destination 10.168.1.12:9376');

const CASES: readonly Case[] = [
  { name: 'check-healthy', argv: ['check', 'hostnames'] },
  { name: 'check-all', argv: ['check'] },
  { name: 'check-wide', argv: ['check', 'hostnames', '-o', 'wide'] },
  { name: 'check-broken', argv: ['check', 'hostnames'], change: deletedDnat },
  { name: 'check-broken-markdown', argv: ['check', 'hostnames', '-o', 'markdown'], change: deletedDnat },
  { name: 'check-broken-json', argv: ['check', 'hostnames', '-o', 'json'], change: deletedDnat },
  { name: 'check-broken-yaml', argv: ['check', 'hostnames:http', '-o', 'yaml'], change: deletedDnat },
  { name: 'check-broken-name', argv: ['check', '-A', '-o', 'name'], change: deletedDnat },
  {
    name: 'check-last-third',
    argv: ['check', 'svc/hostnames'],
    change: (folder) => dropLines(save(folder, 1), '--to-destination 10.168.2.21:9376'),
  },
  {
    name: 'check-many-nodes',
    argv: ['check', 'hostnames'],
    change: (folder) => [1, 2, 3].forEach((number) => dropLines(save(folder, number), '-A KUBE-NODEPORTS', '30000')),
  },
  { name: 'check-truncated', argv: ['check', 'hostnames'], change: (folder) => truncateSync(save(folder, 3), 3000) },
  {
    name: 'check-node-missing',
    argv: ['check', 'hostnames'],
    change: (folder) => rmSync(join(folder, 'nodes/rain-kubernetes-3'), { recursive: true }),
  },
  {
    name: 'check-not-a-save',
    argv: ['check', 'hostnames', '--allow-partial'],
    change: (folder) => writeFileSync(save(folder, 2), 'bash: iptables-nft-save: command not found\n'),
  },
  {
    name: 'check-escapes',
    argv: ['check', 'hostnames'],
    change: (folder) => {
      deletedDnat(folder);
      dropLines(save(folder, 2), '-A KUBE-SEP-G7HB53TC4RAEG2Q6', 'KUBE-MARK-MASQ');
      writeFileSync(
        join(folder, 'nodes/rain-kubernetes-1/iptables-legacy-save'),
        '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT --odd \u001b[2J\u001b[31mboo\nCOMMIT\n',
      );
    },
  },
  { name: 'check-nftables', argv: ['check', 'hostnames'], recording: 'hostnames-1.37-nftables' },
  { name: 'check-unknown-service', argv: ['check', 'hostname'] },
  { name: 'check-unknown-port', argv: ['check', 'hostnames:https'] },
  { name: 'check-bad-name', argv: ['check', 'a/b/c'] },
  {
    name: 'check-bad-json',
    argv: ['check', 'hostnames'],
    change: (folder) => writeFileSync(join(folder, 'cluster/services.json'), '{\n "items": [\n'),
  },
  {
    name: 'check-no-services',
    argv: ['check', 'hostnames'],
    change: (folder) => rmSync(join(folder, 'cluster/services.json')),
  },
  { name: 'rules-diff', argv: ['rules', 'hostnames', '--node', 'rain-kubernetes-2'], change: deletedDnat },
  {
    name: 'rules-expected',
    argv: ['rules', 'hostnames', '--expected', '--node', 'rain-kubernetes-2'],
    change: deletedDnat,
  },
  {
    name: 'rules-actual',
    argv: ['rules', 'hostnames', '--actual', '--node', 'rain-kubernetes-2'],
    change: deletedDnat,
  },
];

const PLAIN: readonly { readonly name: string; readonly argv: readonly string[] }[] = [
  { name: 'help', argv: ['--help'] },
  { name: 'check-help', argv: ['check', '--help'] },
  { name: 'rbac-namespace', argv: ['rbac', 'serviceaccount:ops:doctor', '--namespace', 'shop'] },
  {
    name: 'rbac-debug-pod',
    argv: ['rbac', 'group:on-call', '-n', 'shop', '--via', 'debug-pod', '--debug-namespace', 'doctor'],
  },
  { name: 'rbac-not-a-subject', argv: ['rbac', 'jane'] },
  { name: 'explain', argv: ['explain'] },
  { name: 'explain-one', argv: ['explain', 'svc321'] },
  { name: 'explain-unknown', argv: ['explain', 'SVC999'] },
  { name: 'usage-error', argv: ['check', '--no-such-flag'] },
  { name: 'no-cluster', argv: ['check', 'hostnames'] },
];

function screen(argv: readonly string[], from: string | null): string {
  const { stdout, stderr, status } = run(from === null ? argv : [...argv, '--from', from]);
  const line = ['kubectl-svcdoctor', ...argv, ...(from === null ? [] : ['--from', 'RECORDING'])].join(' ');
  const shown = (text: string): string =>
    (from === null ? text : text.replaceAll(from, 'RECORDING')).replaceAll(/linux-x64 node-v\S+/g, 'PLATFORM');
  return `\`\`\`console\n$ ${line}\n\`\`\`\n\nstdout\n\n\`\`\`text\n${shown(stdout)}\`\`\`\n\nstderr\n\n\`\`\`text\n${shown(stderr)}\`\`\`\n\nexit code ${status}\n`;
}

describe('screens', () => {
  it.each(CASES)('$name', ({ name, argv, recording = RECORDING, change = () => {} }) => {
    expectGolden(
      `test/golden/${name}.md`,
      withRecording(recording, change, (folder) => screen(argv, folder)),
    );
  });

  it.each(PLAIN)('$name', ({ name, argv }) => {
    expectGolden(`test/golden/${name}.md`, screen(argv, null));
  });
});
