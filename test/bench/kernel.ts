/** How long the kernel's own tool takes to print a rule set, in a network namespace that lives only for the measurement. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `atLeast`: the tool had not finished when patience ended, or when it crashed. */
export type SaveTime =
  | { readonly status: 'measured'; readonly program: string; readonly ms: number; readonly atLeast: boolean }
  | { readonly status: 'not measured'; readonly because: string };

/** The nft back end takes minutes for a hundred thousand chains; there is an end to patience. */
const PATIENCE_SECONDS = 180;

export function timeOfSave(text: string, backend: 'nft' | 'legacy'): SaveTime {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { status: 'not measured', because: 'needs Linux and root' };
  const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-kernel-'));
  try {
    // The counters of nfacct rules would have to be made first; without them the rules print as fast.
    writeFileSync(join(folder, 'rules'), text.replaceAll(/-m nfacct --nfacct-name {2}\S+ /g, ''));
    return measure(backend, folder) ?? { status: 'not measured', because: 'the rules could not be loaded' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** null: the rules could not be loaded. */
function measure(backend: 'nft' | 'legacy', folder: string): SaveTime | null {
  const program = `iptables-${backend}-save`;
  const script = `
    timeout ${PATIENCE_SECONDS} iptables-${backend}-restore < rules || exit 1
    start=$(date +%s%N); timeout ${PATIENCE_SECONDS} ${program} > saved; status=$?; end=$(date +%s%N)
    echo $((end - start)) $status`;
  const { status, stdout } = spawnSync('unshare', ['--net', 'sh', '-c', script], { cwd: folder, encoding: 'utf8' });
  const [nanoseconds = Number.NaN, code = 1] = stdout.trim().split(' ').map(Number);
  if (status !== 0) return null;
  return { status: 'measured', program, ms: nanoseconds / 1e6, atLeast: code !== 0 };
}
