import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { gather } from '../cli/evidence.ts';
import { clusterFlags, colorFlag, fromFlag, resultFlags, selectionFlags, sshFlags, viaFlags } from '../cli/flags.ts';
import { formatOf, FORMATS, renderReport, terminalWidth, wantsColor } from '../cli/output.ts';
import { checkSettings } from '../cli/result-settings.ts';
import { parseWanted } from '../cli/selection.ts';
import type { AnalyzeOptions } from '../analyze/analyze.ts';
import type { Look } from '../analyze/second-look.ts';
import { durationFlag } from '../cli/duration.ts';
import { settle } from '../cli/settle.ts';
import type { Report } from '../model/report.ts';
import { VERSION } from '../version.ts';

/** kube-proxy writes at most once a second by default (minSyncPeriod), and a sync takes up to a second or two. */
const DEFAULT_SETTLE_MS = 3000;

export default class Check extends BaseCommand {
  static override readonly description = `judge Services: do kube-proxy's rules on every node match what the API asks for?

Reads Services, EndpointSlices and Nodes, then each node's iptables rules over SSH, and reports every mismatch with the raw rule as proof.
Exit code: 0 nothing found, 1 findings, 2 could not run, 3 incomplete.`;
  static override readonly strict = false;
  static override readonly args = {
    service: Args.string({
      ignoreStdin: true,
      description: 'hostnames, hostnames:http or svc/hostnames; several are allowed; none: all of the namespace',
    }),
  };
  static override readonly examples = [
    '<%= config.bin %> check hostnames',
    '<%= config.bin %> check hostnames:http --namespace shop --output markdown',
    '<%= config.bin %> check --all-namespaces --node rain-kubernetes-2',
    '<%= config.bin %> check hostnames --from evidence.tgz',
  ];
  static override readonly flags = {
    ...selectionFlags,
    ...fromFlag,
    settle: durationFlag({
      description: 'wait before what was found is looked at a second time (default 3s; 0: report at once)',
      helpGroup: 'RESULT',
    }),
    output: Flags.string({
      char: 'o',
      options: [...FORMATS],
      default: 'table',
      description: 'form of the result',
      helpGroup: 'RESULT',
    }),
    ...resultFlags,
    ...colorFlag,
    ...viaFlags,
    ...sshFlags,
    ...clusterFlags,
  };

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Check);
    const wanted = argv.map((word) => parseWanted(String(word)));
    const settings = checkSettings(flags);
    const { snapshot, namespace } = await gather(
      flags,
      wanted.map((service) => service.name),
      this.stop.signal,
    );
    const { analyze } = await import('../analyze/analyze.ts');
    const options = {
      ...settings,
      namespace,
      wanted,
      selector: flags.selector ?? null,
      nodes: flags.node ?? null,
      toolVersion: VERSION,
    };
    const first = { snapshot, report: analyze(snapshot, options) };
    const report = flags.from === undefined ? await this.lookAgain(first, options) : first.report;
    const text = await renderReport(report, formatOf(flags.output), {
      color: wantsColor(flags.color, process.stdout.isTTY, process.env),
      width: terminalWidth(process.stdout),
      program: this.program,
    });
    this.print(text);
    process.exitCode = report.verdict.exitCode;
  }

  /** What is found in a live cluster may be a change on its way to the nodes: only what is still there counts. */
  private async lookAgain(first: Look, options: AnalyzeOptions): Promise<Report> {
    const { argv, flags } = await this.parse(Check);
    const { changesBetween, completedBy, nodesToLookAtAgain } = await import('../analyze/second-look.ts');
    const { analyze } = await import('../analyze/analyze.ts');
    const node = nodesToLookAtAgain(first.report);
    if (node.length === 0 || flags.settle === 0) return first.report;
    await settle(flags.settle ?? DEFAULT_SETTLE_MS, this.stop.signal);
    const names = argv.map((word) => parseWanted(String(word)).name);
    const reading = await gather({ ...flags, node }, names, this.stop.signal);
    const snapshot = completedBy(reading.snapshot, first.snapshot);
    const second = { snapshot, report: analyze(snapshot, { ...options, nodes: node }) };
    const changes = changesBetween(first, second);
    return changes.size === 0 ? first.report : analyze(first.snapshot, { ...options, changes });
  }
}
