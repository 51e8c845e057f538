import { analyze, type AnalyzeOptions } from '../analyze/analyze.ts';
import {
  changesBetween,
  completedBy,
  dueAgain,
  eitherOf,
  type Look,
  NO_CHANGES,
  settleTime,
  thirdLook,
} from '../analyze/second-look.ts';
import { ClusterError } from '../collect/cluster/index.ts';
import type { Report } from '../model/report.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { neutral } from '../render/neutral.ts';
import { settle } from './settle.ts';

/** How more looks at a live cluster are taken. */
export interface LookAgainRequest {
  readonly options: AnalyzeOptions;
  /** Milliseconds before the second look; undefined: as long as kube-proxy may take. */
  readonly settleMs: number | undefined;
  readonly signal: AbortSignal;
  /** Reads the cluster and these nodes. */
  readonly read: (nodes: readonly string[]) => Promise<Snapshot>;
  /** One line for people. */
  readonly say: (line: string) => void;
}

/** What is found in a live cluster may be a change on its way to the nodes: only what is still there counts. */
export async function lookAgain(snapshot: Snapshot, request: LookAgainRequest): Promise<Report> {
  const { options, settleMs, signal } = request;
  const first = { snapshot, report: analyze(snapshot, { ...options, changes: NO_CHANGES }) };
  const due = dueAgain(first.report);
  if (due === null) return first.report;
  await settle(settleMs ?? settleTime(snapshot.cluster, due.services), signal);
  const second = await look(due.nodes, first, request);
  if (second === null) return analyze(snapshot, options);
  const changes = changesBetween(first, second);
  const further = thirdLook(second, changes);
  if (further === null) return analyze(snapshot, { ...options, changes });
  await settle(further.waitMs, signal);
  const third = await look(further.nodes, second, request);
  const later = third === null ? NO_CHANGES : changesBetween(second, third);
  return analyze(snapshot, { ...options, changes: eitherOf(changes, later) });
}

/** One more look, at some nodes only; null: nobody answered. What was found before is not lost then. */
async function look(
  nodes: readonly string[],
  before: Look,
  { options, signal, read, say }: LookAgainRequest,
): Promise<Look | null> {
  try {
    const snapshot = completedBy(await read(nodes), before.snapshot);
    return { snapshot, report: analyze(snapshot, { ...options, nodes, changes: NO_CHANGES }) };
  } catch (error) {
    if (signal.aborted || !(error instanceof ClusterError)) throw error;
    say(neutral(`warning: what was found could not be looked at a second time: ${error.message}`));
    return null;
  }
}
