/**
 * What kube-proxy itself says of its failures: in klog's form (`E1125 23:24:13.733420     974 proxier.go:1390] "…" err="…"`),
 * perhaps behind the time that `kubectl logs --timestamps` puts before each line. What follows an entry without a header
 * of its own belongs to it.
 */
export interface ProxyLog {
  /** Each entry of severity E or F on one line, without its header, in order. */
  readonly errors: readonly string[];
}

const HEADER = /^(?:\d{4}-\d\d-\d\dT\S+ )?([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\] /;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\S+ /;

/** kube-proxy 1.31 and later says it at each start, whatever becomes of it. */
const NO_FAILURE = /Kube-proxy configuration may be incomplete or incorrect/;

/** Longer entries hold whole rule sets. */
const LONGEST = 400;

export function parseProxyLog(text: string): ProxyLog {
  const entries = errorEntries(text).map(([first = '', ...more]) => {
    return shortened([first.replace(HEADER, ''), ...more.map((line) => line.replace(TIMESTAMP, ''))].join(' '));
  });
  return { errors: entries.filter((entry) => !NO_FAILURE.test(entry)) };
}

/** Entries of severity E and F, line by line. */
function errorEntries(text: string): readonly (readonly string[])[] {
  const entries: string[][] = [];
  let isError = false;
  for (const line of text.split('\n')) {
    const severity = HEADER.exec(line)?.[1];
    if (severity !== undefined) {
      isError = severity === 'E' || severity === 'F';
      if (isError) entries.push([line]);
    } else if (isError) entries.at(-1)?.push(line);
  }
  return entries;
}

/** The last of many repeat the others; more lines of one are a whole rule set. */
const KEPT_ENTRIES = 20;
const KEPT_LINES = 6;

/** The lines of a log that are kept of it: the last entries of severity E and F, as they are. */
export function errorLinesOf(text: string): string {
  const entries = errorEntries(text).slice(-KEPT_ENTRIES);
  const lines = entries.flatMap((entry) => entry.slice(0, KEPT_LINES)).filter((line) => line !== '');
  return lines.map((line) => `${line}\n`).join('');
}

function shortened(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

/** The last entry about rules that could not be written; null: there is none. */
export function writeFailureOf({ errors }: ProxyLog): string | null {
  return errors.findLast((entry) => WRITE_FAILURE.test(entry)) ?? null;
}

/** Words of kube-proxy's iptables and nftables modes, 1.20 to 1.37. */
const WRITE_FAILURE =
  /Failed to execute ip6?tables-restore|Failed to ensure (?:that )?\S*chain|Failed to ensure that|nftables sync failed|holding the xtables lock/i;

/** What iptables says of a match or target its kernel does not know. */
const NO_MODULE =
  /Extension ([\w-]+) revision \d+ not supported, missing kernel module|Couldn't load (?:match|target) [`'"]?([\w-]+)/;

/** The last entry that tells of a module the kernel lacks, with its name: `statistic` for xt_statistic. */
export function missingModuleOf({ errors }: ProxyLog): { readonly module: string; readonly entry: string } | null {
  const entry = errors.findLast((one) => NO_MODULE.test(one));
  if (entry === undefined) return null;
  const [, extension, part] = NO_MODULE.exec(entry) ?? [];
  return { module: extension ?? part ?? '', entry };
}
