/** A recording of the zoo, judged as `check --all-namespaces` does. */
import { analyze } from '../../src/analyze/analyze.ts';
import { readSnapshot } from '../../src/collect/snapshot-dir/index.ts';
import type { Report } from '../../src/model/report.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { DEFAULT_OPTIONS } from '../options.ts';

/** Services of the zoo that cannot work, whatever kube-proxy does. */
export const TRULY_WRONG = [
  ['SVC206', 'zoo/dual-one-sided:http'],
  ['SVC206', 'zoo/lb-without-endpoints:http'],
  ['SVC206', 'zoo/nobody:http'],
  ['SVC206', 'zoo/none-ready:http'],
  ['SVC208', 'zoo/lb-pending:http'],
];

const EVERYTHING = { ...DEFAULT_OPTIONS, namespace: null } as const;

export async function readWorld(file: string): Promise<Snapshot> {
  return (await readSnapshot(file)).snapshot;
}

export function judge(snapshot: Snapshot): Report {
  return analyze(snapshot, EVERYTHING);
}

/** What was not judged: `Service port, invariant, node: reason`. */
export function openQuestions(report: Report): string[] {
  return report.servicePorts.flatMap((port) =>
    Object.entries(port.invariants).flatMap(([invariant, { nodes }]) =>
      nodes
        .filter(({ state }) => state === 'undetermined')
        .map((node) => `${port.id}, ${invariant}, ${node.name}: ${node.because}`),
    ),
  );
}
