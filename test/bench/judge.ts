/** One judging of a snapshot folder in a process of its own, so that its memory is its own: prints what it took as JSON. */
import v8 from 'node:v8';
import { readSnapshot } from '../../src/collect/snapshot-dir/index.ts';
import { analyze } from '../../src/analyze/analyze.ts';

// As bin/start.js does.
v8.setFlagsFromString('--semi-space-growth-factor=1');

const started = performance.now();
const { snapshot } = await readSnapshot(process.argv[2] ?? '');
const read = performance.now();
// So many nodes whose rules are one text, as `NODES` says.
const names = Array.from({ length: Number(process.argv[3] ?? 1) }, (_, index) => `rain-kubernetes-${index + 1}`);
const [only] = snapshot.nodes;
const nodes = only === undefined || names.length === 1 ? snapshot.nodes : names.map((name) => ({ ...only, name }));
const report = analyze(
  { ...snapshot, nodes },
  {
    namespace: null,
    wanted: [],
    selector: null,
    only: null,
    skip: [],
    nodes: null,
    failOn: 'error',
    strict: false,
    allowPartial: false,
    toolVersion: 'bench',
  },
);
const judged = performance.now();
process.stdout.write(
  JSON.stringify({
    readMs: read - started,
    judgeMs: judged - read,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    outcome: report.verdict.outcome,
    ports: report.servicePorts.length,
    findings: report.findings.length,
  }),
);
