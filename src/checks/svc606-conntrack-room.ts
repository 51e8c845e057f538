import { numberOf } from '../model/sysctls.ts';
import { defineCheck, judged } from './check.ts';

/** Above this the table may be full at the next peak. */
const NEARLY = 0.9;

export default defineCheck({
  id: 'SVC606',
  slug: 'conntrack-room',
  severity: 'error',
  invariant: null,
  scope: 'node',
  title: 'the table of tracked connections has room',
  docs: {
    why: `Every connection to a Service is translated, and so tracked. When the table is full the kernel drops the first packet of each new connection, of Services and of all else ("nf_conntrack: table full, dropping packet" in the kernel's log), unless it finds an entry it may give up.`,
    causes: [
      `Many short connections: entries stay for a minute or two after the end, those of established connections for days without traffic.`,
      `The limit is small: kube-proxy sets it by the number of processors (conntrack.maxPerCore), where it may.`,
      `A scan, an attack, or a client that connects without end.`,
    ],
    fix: [
      `See who fills it: conntrack -L | awk '{print $4, $5}' | sort | uniq -c | sort -n | tail`,
      `Raise net.netfilter.nf_conntrack_max, or kube-proxy's conntrack.min and conntrack.maxPerCore.`,
    ],
    ignoreWhen: `When it was a peak: the number is that of one moment.`,
  },
  applies: ({ condition, hasProxyRules }) => condition.sysctls !== null && hasProxyRules,
  judge: ({ condition: { sysctls }, node }) => {
    const count = sysctls === null ? null : numberOf(sysctls, 'net/netfilter/nf_conntrack_count');
    const max = sysctls === null ? null : numberOf(sysctls, 'net/netfilter/nf_conntrack_max');
    // A limit of 0 is none.
    if (count === null || max === null || max === 0 || count < max * NEARLY) return judged([]);
    const isFull = count >= max;
    return judged([
      {
        title: isFull ? 'the table of tracked connections is full' : 'the table of tracked connections is nearly full',
        cause: isFull ? 'full' : 'nearly',
        expected: [`less than ${Math.round(NEARLY * 100)} % of net.netfilter.nf_conntrack_max in use`],
        proof: [],
        found: `${count} of ${max} entries are in use`,
        confidence: isFull ? 'likely' : 'certain',
        felt: isFull
          ? {
              words:
                'New connections through the node are dropped, of all Services and of all else, as long as the table is full.',
              now: true,
            }
          : {
              words: 'None fails now; when the table is full, new connections through the node are dropped.',
              now: false,
            },
        fix: [`sysctl -w net.netfilter.nf_conntrack_max=${max * 2}   # on ${node}, after a look at what fills it`],
      },
    ]);
  },
  hits: () => true,
});
