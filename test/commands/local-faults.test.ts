/** What goes wrong on the machine of the person: output that nobody takes, a full disk, a path that cannot be. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ROOT } from '../golden.ts';
import { dropLines, run, withRecording, type RunOutput } from './run.ts';

const scratch = mkdtempSync(join(tmpdir(), 'svcdoctor-local-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const RECORDING = 'hostnames-1.37-iptables-nft';
const PROGRAM = `'${process.execPath}' '${join(ROOT, 'bin/run.js')}'`;
const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0;

/** A line of shell with the program as `svcdoctor`; `$broken` is a snapshot with a finding. */
function shell(line: string): RunOutput {
  return withRecording(
    RECORDING,
    (folder) =>
      dropLines(join(folder, 'nodes/rain-kubernetes-2/iptables-nft-save'), '--to-destination 10.168.1.12:9376'),
    (folder) => {
      const text = `svcdoctor() { ${PROGRAM} "$@"; }\nbroken='${folder}'\n${line}\n`;
      const { stdout, stderr, status } = spawnSync('bash', ['-c', text], {
        encoding: 'utf8',
        cwd: scratch,
        env: { PATH: process.env['PATH'], HOME: scratch, KUBECONFIG: '/nonexistent' },
      });
      return { stdout, stderr, status };
    },
  );
}

const FULL =
  'error: cannot write the result: ENOSPC: no space left on device, write\nIs the disk full? Write it elsewhere.\n';

describe('the result', () => {
  it.each(['check hostnames --from "$broken"', 'check --help', 'explain', 'rbac user:x'])(
    'of %s that cannot be written is an error, not a finding',
    (command) => {
      const { stderr, status } = shell(`svcdoctor ${command} >/dev/full`);
      expect(stderr).toBe(FULL);
      expect(status).toBe(2);
    },
  );

  it.skipIf(!isRootOnLinux)('that fits into a file only by half is an error', () => {
    mkdirSync(join(scratch, 'small'));
    const mount = 'mount -t tmpfs -o size=4k tmpfs small';
    const line = `unshare -m bash -c '${mount}; svcdoctor check hostnames --from "$broken" -o json >small/report.json'`;
    const { stderr, status } = shell(`export broken; export -f svcdoctor; ${line}`);
    expect(stderr).toBe(FULL);
    expect(status).toBe(2);
  });

  it('may be read only in part: the exit code stays what was judged', () => {
    const { stdout, stderr, status } = shell(
      'svcdoctor check -o json --from "$broken" | head -1; exit ${PIPESTATUS[0]}',
    );
    expect(stdout).toBe('{\n');
    expect(stderr).toBe('');
    expect(status).toBe(1);
  });

  it('may be taken by nobody: the exit code stays what was judged', () => {
    const { stderr, status } = shell('svcdoctor check --from "$broken" | true; exit ${PIPESTATUS[0]}');
    expect(stderr).toBe('');
    expect(status).toBe(1);
    expect(shell('svcdoctor check --from "$broken" >&-').status).toBe(1);
  });

  it('comes although nobody takes the messages', () => {
    expect(shell('svcdoctor check --from "$broken" 2>&-').stdout).toContain('SVC321');
    expect(shell('svcdoctor check --from nothing 2>/dev/full').status).toBe(2);
  });

  it('has no colour and no animation where there is no terminal', () => {
    const { stdout, stderr } = shell('svcdoctor check --from "$broken"');
    expect(stdout + stderr).not.toContain('\u001b');
  });

  it('holds nothing that moves the cursor where TERM is dumb, or colours are not wanted', () => {
    for (const setting of ['TERM=dumb', 'NO_COLOR=1', 'LC_ALL=C']) {
      expect(shell(`${setting} svcdoctor check --from "$broken"`).stdout).not.toContain('\u001b');
    }
  });
});

describe('the file of collect', () => {
  /** No cluster is there to be read: what is said of the file comes first. */
  function refusal(file: string): string {
    const { status, stderr } = run(['collect', '--file', file]);
    expect(status).toBe(2);
    return stderr;
  }

  it('is looked at before the cluster is', () => {
    mkdirSync(join(scratch, 'full'));
    writeFileSync(join(scratch, 'full', 'x'), '');
    writeFileSync(join(scratch, 'file'), '');
    mkdirSync(join(scratch, 'folder.tgz'));
    expect(refusal(join(scratch, 'full'))).toContain('is not empty');
    expect(refusal(join(scratch, 'file'))).toContain('exists and is not a folder');
    expect(refusal(join(scratch, 'folder.tgz'))).toContain('is a folder');
    expect(refusal(join(scratch, 'no', 'evidence.tgz'))).toContain('ENOENT');
    expect(refusal('/proc/evidence')).toMatch(/cannot write|no cluster/);
    expect(refusal(join(scratch, 'new'))).toContain('no cluster to talk to');
  });

  it('must be named', () => {
    const { status, stderr } = run(['collect']);
    expect(status).toBe(2);
    expect(stderr).toBe('error: nothing says where to save it\nName a folder or an archive: --file evidence.tgz\n');
  });

  it.skipIf(!isRootOnLinux)('that does not fit leaves nothing, and an older one as it was', async () => {
    const script = `
      import { writeSnapshot } from '${join(ROOT, 'src/collect/snapshot-dir/index.ts')}';
      const text = Array.from({ length: 20_000 }, () => Math.random()).join('\\\\n');
      const node = { name: 'n1', files: new Map([['iptables-save', text]]) };
      const snapshot = { manifest: null, cluster: new Map(), nodes: [node] };
      for (const path of ['old.tgz', 'new']) await writeSnapshot(snapshot, path).catch((error) => console.log(error.message));
    `;
    const folder = join(scratch, 'tiny');
    mkdirSync(folder);
    const lines = [
      'mount -t tmpfs -o size=64k tmpfs .',
      'cd .',
      'cd "$PWD"',
      'echo old >old.tgz',
      `'${process.execPath}' --input-type=module -e "$SCRIPT"`,
      'cat old.tgz',
      'ls -A',
    ];
    const { stdout, stderr } = spawnSync('unshare', ['-m', 'bash', '-ec', lines.join('\n')], {
      encoding: 'utf8',
      cwd: folder,
      env: { ...process.env, SCRIPT: script },
    });
    expect(stderr).toBe('');
    const [first, second, ...rest] = stdout.trimEnd().split('\n');
    expect(first).toMatch(/^cannot write old\.tgz: ENOSPC/);
    expect(second).toMatch(/^cannot write new: ENOSPC/);
    expect(rest).toEqual(['old', 'old.tgz']);
    expect(readdirSync(folder)).toEqual([]);
    expect(existsSync(join(folder, 'old.tgz'))).toBe(false);
  });
});
