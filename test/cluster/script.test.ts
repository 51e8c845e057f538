/** The script of `collect --print-script` in a real cluster: its snapshot is judged as that of `collect` is. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyze } from '../../src/analyze/analyze.ts';
import { readSnapshot } from '../../src/collect/snapshot-dir/index.ts';
import type { Report } from '../../src/model/report.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { DEFAULT_OPTIONS } from '../options.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';
import { findProgram } from './process.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const NODE = 'rain-kubernetes-2';

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(
  `the script that gathers a snapshot${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;
    let healthy: Awaited<ReturnType<typeof judged>> | undefined;
    const scratch = mkdtempSync(join(tmpdir(), 'svcdoctor-script-'));
    /** Folders with the programs the script may use. */
    const tools: Record<string, string> = {};

    beforeAll(async () => {
      lab = await startLab();
      tools['dash'] = `${folderWith('tools', { kubectl: lab.kubectl })}:${process.env['PATH'] ?? ''}`;
      tools['bash'] = tools['dash'];
      tools['busybox'] = busyboxOnly();
      kubectl(['label', 'service', 'hostnames', 'tier=front']);
    }, 900_000);

    afterAll(async () => {
      rmSync(scratch, { recursive: true, force: true });
      await lab?.down();
    });

    function kubectl(argv: readonly string[], input = ''): void {
      const { status, stderr } = spawnSync(lab.kubectl, ['--kubeconfig', lab.kubeconfig, ...argv], {
        encoding: 'utf8',
        input,
      });
      if (status !== 0) throw new Error(stderr);
    }

    function folderWith(name: string, programs: Readonly<Record<string, string>>): string {
      const folder = join(scratch, name);
      mkdirSync(folder);
      for (const [link, target] of Object.entries(programs)) symlinkSync(target, join(folder, link));
      return folder;
    }

    /** Nothing but busybox, kubectl and ssh. */
    function busyboxOnly(): string {
      const busybox = findProgram('busybox') ?? '';
      const applets = spawnSync(busybox, ['--list'], { encoding: 'utf8' }).stdout.trim().split('\n');
      const programs = Object.fromEntries(applets.map((name) => [name, busybox]));
      return folderWith('busybox', { ...programs, kubectl: lab.kubectl, ssh: findProgram('ssh') ?? '' });
    }

    const cluster = (): string[] => ['--kubeconfig', lab.kubeconfig, '--ssh-config', lab.sshConfig];

    function doctor(...argv: readonly string[]): { readonly status: number | null; readonly stdout: string } {
      const { status, stdout, stderr } = spawnSync(process.execPath, [RUN, ...argv], {
        encoding: 'utf8',
        timeout: 60_000,
        maxBuffer: 64 * 1024 * 1024,
      });
      if (stdout === '') throw new Error(`${argv.join(' ')} printed nothing: ${stderr}`);
      return { status, stdout };
    }

    function script(name: string, ...flags: readonly string[]): string {
      const path = join(scratch, `${name}.sh`);
      writeFileSync(path, doctor('collect', '--print-script', ...cluster(), ...flags).stdout);
      return path;
    }

    const SHELLS: Readonly<Record<string, readonly string[]>> = {
      dash: ['dash'],
      bash: ['bash', '--posix'],
      busybox: ['busybox', 'sh'],
    };

    function runIn(shell: string, path: string, folder: string, programs = shell) {
      const [program = '', ...argv] = SHELLS[shell] ?? [];
      return spawnSync(findProgram(program) ?? '', [...argv, path, folder], {
        encoding: 'utf8',
        cwd: scratch,
        timeout: 240_000,
        env: { PATH: tools[programs] ?? '' },
      });
    }

    /** The report of a snapshot, without when, by what and how fast it was read. */
    async function judged(
      from: string,
      names: readonly string[] = [],
    ): Promise<{ readonly status: number; readonly report: Report }> {
      const { snapshot } = await readSnapshot(from);
      const wanted = names.map((name) => ({ name, port: null }));
      const report = analyze(snapshot, { ...DEFAULT_OPTIONS, namespace: namespaceOf(snapshot), wanted });
      // Whoever has kubectl and ssh alone asks no DNS.
      const { dns: _, ...coverage } = report.coverage;
      const nodes = coverage.nodes.map((node) => ({ ...node, client: '', durationMs: 0 }));
      const metadata = { toolVersion: '', source: report.metadata.source };
      return {
        status: report.verdict.exitCode,
        report: { ...report, metadata, coverage: { ...coverage, nodes } },
      };
    }

    function namespaceOf({ manifest }: Snapshot): string | null {
      return manifest === null ? 'default' : manifest.scope.namespace;
    }

    function collected(name: string, ...flags: readonly string[]): string {
      const path = join(scratch, `${name}.tgz`);
      doctor('collect', '-f', path, ...cluster(), ...flags);
      return path;
    }

    it.each(Object.keys(SHELLS))(
      'in %s gives what collect gives, as folder and archive',
      async (shell) => {
        const folder = `healthy-${shell}`;
        const { status, stdout, stderr } = runIn(shell, script(folder), folder);
        expect(stderr).toBe(`${folder}.tar.gz holds the same\n${folder} is complete\n`);
        expect(stdout).toBe(`${folder}\n`);
        expect(status).toBe(0);
        healthy ??= await judged(collected('healthy'));
        const expected = healthy;
        expect(expected.status).toBe(0);
        expect(await judged(join(scratch, folder))).toEqual(expected);
        expect(await judged(join(scratch, `${folder}.tar.gz`))).toEqual(expected);
        const files = readdirSync(join(scratch, folder), { recursive: true, withFileTypes: true });
        for (const entry of files) {
          const { mode } = statSync(join(entry.parentPath, entry.name));
          expect(mode & 0o777).toBe(entry.isDirectory() ? 0o700 : 0o600);
        }
        expect(statSync(join(scratch, `${folder}.tar.gz`)).mode & 0o777).toBe(0o600);
      },
      300_000,
    );

    it.each([
      ['a Service by its name', ['hostnames'], ['hostnames']],
      ['Services by labels', [], ['-l', 'tier=front']],
      ['all namespaces', [], ['--all-namespaces']],
      ['one node', ['hostnames'], ['hostnames', '--node', NODE]],
    ])(
      'for %s gives what collect gives',
      async (title, what, flags) => {
        const folder = title.replaceAll(' ', '-');
        expect(runIn('dash', script(folder, ...flags), folder).status).toBe(0);
        expect(await judged(join(scratch, folder), what)).toEqual(await judged(collected(folder, ...flags), what));
      },
      300_000,
    );

    it('as a user with sudo gives what collect gives', async () => {
      const flags = ['--ssh-user', 'operator'];
      expect(runIn('dash', script('sudo', ...flags), 'sudo').status).toBe(0);
      expect(await judged(join(scratch, 'sudo'))).toEqual(await judged(collected('sudo', ...flags)));
    }, 300_000);

    it('carries a broken rule to the same findings', async () => {
      await lab.break('sep-dnat-deleted');
      try {
        expect(runIn('busybox', script('broken'), 'broken').status).toBe(0);
        const found = await judged(join(scratch, 'broken'), ['hostnames']);
        expect(found.status).toBe(1);
        expect(found).toEqual(await judged(collected('broken'), ['hostnames']));
      } finally {
        await lab.heal();
      }
    }, 300_000);

    it('says which objects changed while it read the nodes', async () => {
      const folder = folderWith('changing', { 'real-kubectl': lab.kubectl });
      const touch = `--kubeconfig '${lab.kubeconfig}' annotate --overwrite service other touched="$$"`;
      const words = [
        '#!/bin/sh',
        `case "$*" in *services*--ignore-not-found*) real-kubectl ${touch} >/dev/null ;; esac`,
        'exec real-kubectl "$@"',
      ];
      writeFileSync(join(folder, 'kubectl'), `${words.join('\n')}\n`, { mode: 0o755 });
      tools['changing'] = `${folder}:${process.env['PATH'] ?? ''}`;
      expect(runIn('dash', script('changed'), 'changed', 'changing').status).toBe(0);
      const { report } = await judged(join(scratch, 'changed'));
      expect(report.coverage.changed).toEqual([{ kind: 'services', namespace: 'default', name: 'other' }]);
    }, 300_000);

    it.each(['dash', 'busybox'])(
      'in %s says which node it could not log in to, and why',
      async (shell) => {
        await lab.break('sshd-down');
        const windows = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'windows-1' } };
        kubectl(['create', '-f', '-'], JSON.stringify(windows));
        const nodeInfo = { status: { nodeInfo: { operatingSystem: 'windows' } } };
        kubectl(['patch', 'node', 'windows-1', '--subresource=status', '-p', JSON.stringify(nodeInfo)]);
        try {
          const folder = `down-${shell}`;
          const { status, stderr } = runIn(shell, script(folder), folder);
          expect(status).toBe(3);
          expect(stderr).toContain(`node ${NODE} was not read: `);
          expect(stderr).toContain('is incomplete');
          const found = await judged(join(scratch, folder), ['hostnames']);
          expect(found.status).toBe(3);
          const expected = await judged(collected(folder), ['hostnames']);
          expect(withoutReasons(found.report)).toEqual(withoutReasons(expected.report));
          expect(JSON.stringify(found.report)).toContain('Connection refused');
          expect(JSON.stringify(found.report)).toContain('the node runs Windows');
        } finally {
          kubectl(['delete', 'node', 'windows-1']);
          await lab.heal();
        }
      },
      300_000,
    );

    it('leaves nothing behind when it is stopped', async () => {
      const config = join(scratch, 'hang');
      const seconds = `${900 + (process.pid % 90)}.${process.pid}`;
      writeFileSync(config, `Host *\n  ProxyCommand sleep ${seconds}\n`);
      const path = join(scratch, 'stopped.sh');
      const argv = ['collect', '--print-script', '--kubeconfig', lab.kubeconfig, '--ssh-config', config];
      writeFileSync(path, doctor(...argv).stdout);
      const child = spawn(findProgram('dash') ?? '', [path, 'stopped'], { cwd: scratch, env: { PATH: tools['dash'] } });
      const ended = once(child, 'exit');
      const sleepers = (): number =>
        spawnSync('pgrep', ['-f', `sleep ${seconds}`], { encoding: 'utf8' })
          .stdout.split('\n')
          .filter(Boolean).length;
      await expect.poll(sleepers, { timeout: 30_000 }).toBeGreaterThan(0);
      child.kill('SIGTERM');
      expect((await ended)[0]).toBe(143);
      await expect.poll(sleepers, { timeout: 10_000 }).toBe(0);
      expect(existsSync(join(scratch, 'stopped'))).toBe(false);
      expect(existsSync(join(scratch, 'stopped.part'))).toBe(false);
    }, 300_000);

    it('does not touch what is there', () => {
      const { status, stderr } = runIn('dash', script('again'), 'tools');
      expect(status).toBe(2);
      expect(stderr).toBe('error: tools exists: give the name of another folder to make\n');
    });

    it('cannot run without the cluster, and says so', () => {
      const path = join(scratch, 'nowhere.sh');
      writeFileSync(path, doctor('collect', '--print-script', '--server', 'http://127.0.0.1:1').stdout);
      const { status, stderr } = runIn('dash', path, 'nowhere');
      expect(status).toBe(2);
      expect(stderr).toContain('error: without services nothing can be judged');
      expect(existsSync(join(scratch, 'nowhere.part'))).toBe(false);
    });
  },
);

/** The words of OpenSSH and of ssh2 for the same failure differ a little. */
function withoutReasons(report: unknown): unknown {
  return JSON.parse(
    JSON.stringify(report, (key, value: unknown) => (['reason', 'tryThis', 'because'].includes(key) ? '' : value)),
  );
}
