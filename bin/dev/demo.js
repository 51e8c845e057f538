// Shows both screens on the shipped recording of three nodes: the Service healthy, then with one rule deleted on one node.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const recording = join(root, 'test/fixtures/recordings/hostnames-1.37-iptables-nft');
const run = join(root, 'bin/run.js');
const say = (text) => process.stdout.write(`${text}\n`);

const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-demo-'));
try {
  say('\nA recorded cluster of three nodes, as kube-proxy 1.37 left it:\n');
  check(recording, 0);
  breakOneRule(folder);
  say('\nThe same, after somebody deleted the DNAT rule of one endpoint on rain-kubernetes-2:\n');
  check(folder, 1);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
say(`
Your own cluster, as kubectl sees it:       ./bin/run.js check SERVICE -n NAMESPACE
As a kubectl plugin:                       npm install --global .   then   kubectl svcdoctor check SERVICE
${labHint()}`);

function check(from, expected) {
  say(
    `$ kubectl svcdoctor check hostnames --from ${from === recording ? 'test/fixtures/recordings/hostnames-1.37-iptables-nft' : 'RECORDING'}`,
  );
  const env = { ...process.env, KUBECTL_PATH: 'kubectl', FORCE_COLOR: process.stdout.isTTY ? '1' : '0' };
  const { status } = spawnSync(process.execPath, [run, 'check', 'hostnames', '--from', from], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env,
  });
  say(`(exit code ${status})`);
  if (status !== expected) process.exitCode = 1;
}

function breakOneRule(target) {
  cpSync(recording, target, { recursive: true });
  const save = join(target, 'nodes/rain-kubernetes-2/iptables-nft-save');
  const lines = readFileSync(save, 'utf8').split('\n');
  writeFileSync(save, lines.filter((line) => !line.includes('--to-destination 10.168.1.12:9376')).join('\n'));
}

/** The lab wants root, Linux and Go; say so only where it would work. */
function labHint() {
  const canRun = process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('go', ['version']).status === 0;
  return canRun
    ? 'A real cluster to break, on this machine:  npm run lab -- up --full'
    : 'A real cluster to break needs Linux, root and Go:  npm run lab -- up --full';
}
