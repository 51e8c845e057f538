/** How long the kernel's own tool takes to print a rule set, in a network namespace that lives only for the measurement. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type SaveTime =
  | { readonly status: 'measured'; readonly program: string; readonly ms: number }
  | { readonly status: 'not measured'; readonly because: string };

/** Loading a large rule set into the nft back end takes minutes; there is an end to patience. */
const PATIENCE_SECONDS = 900;

export function timeOfSave(text: string): SaveTime {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { status: 'not measured', because: 'needs Linux and root' };
  const folder = mkdtempSync(join(tmpdir(), 'svcdoctor-kernel-'));
  try {
    // The counters of nfacct rules would have to be made first; without them the rules print as fast.
    writeFileSync(join(folder, 'rules'), text.replaceAll(/-m nfacct --nfacct-name {2}\S+ /g, ''));
    return (
      measure('nft', folder) ??
      measure('legacy', folder) ?? { status: 'not measured', because: 'the rules could not be loaded' }
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** null: not loaded within patience. */
function measure(backend: 'nft' | 'legacy', folder: string): SaveTime | null {
  const save = `iptables-${backend}-save`;
  const script = `
    set -e
    timeout ${PATIENCE_SECONDS} iptables-${backend}-restore < rules
    for i in 1 2 3; do
      start=$(date +%s%N); ${save} > saved; end=$(date +%s%N)
      echo $((end - start))
    done
    grep -c '^-A' saved >&2`;
  const { status, stdout } = spawnSync('unshare', ['--net', 'sh', '-c', script], { cwd: folder, encoding: 'utf8' });
  if (status !== 0) return null;
  const best = Math.min(...stdout.trim().split('\n').map(Number));
  return { status: 'measured', program: save, ms: best / 1e6 };
}
