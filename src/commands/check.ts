import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { gather, type Evidence, type EvidenceFlags } from '../cli/evidence.ts';
import {
  clusterFlags,
  colorFlag,
  fromFlag,
  resultFlags,
  selectionFlags,
  settleFlag,
  sshFlags,
  viaFlags,
} from '../cli/flags.ts';
import { formatOf, FORMATS, renderReport, terminalWidth, wantsColor } from '../cli/output.ts';
import { checkSettings } from '../cli/result-settings.ts';
import { parseWanted } from '../cli/selection.ts';
import type { AnalyzeOptions } from '../analyze/analyze.ts';
import type { Look } from '../analyze/second-look.ts';
import { settle } from '../cli/settle.ts';
import type { Report } from '../model/report.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { neutral } from '../render/neutral.ts';
import { VERSION } from '../version.ts';

export default class Check extends BaseCommand {
  static override readonly description = `judge Services: do kube-proxy's rules on every node match what the API asks for?

Reads Services, EndpointSlices and Nodes, then each node's iptables rules (in its kube-proxy pod, a pod made for it, or over SSH), and reports every mismatch with the raw rule as proof.
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
    ...settleFlag('wait before what was found is looked at a second time'),
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
      this.stop,
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
    const report =
      flags.from === undefined && flags.settle !== 0
        ? await this.lookAgain(snapshot, options)
        : analyze(snapshot, options);
    const text = await renderReport(report, formatOf(flags.output), {
      color: wantsColor(flags.color, process.stdout.isTTY, process.env),
      width: terminalWidth(process.stdout),
      program: this.program,
    });
    this.print(text);
    process.exitCode = report.verdict.exitCode;
  }

  /** What is found in a live cluster may be a change on its way to the nodes: only what is still there counts. */
  private async lookAgain(snapshot: Snapshot, options: AnalyzeOptions): Promise<Report> {
    const { flags } = await this.parse(Check);
    const { changesBetween, dueAgain, eitherOf, NO_CHANGES, settleTime, thirdLook } =
      await import('../analyze/second-look.ts');
    const { analyze } = await import('../analyze/analyze.ts');
    const first = { snapshot, report: analyze(snapshot, { ...options, changes: NO_CHANGES }) };
    const due = dueAgain(first.report);
    if (due === null) return first.report;
    await settle(flags.settle ?? settleTime(snapshot.cluster, due.services), this.stop.signal);
    const second = await this.look(due.nodes, first, options);
    if (second === null) return analyze(snapshot, options);
    const changes = changesBetween(first, second);
    const further = thirdLook(second, changes);
    if (further === null) return analyze(snapshot, { ...options, changes });
    await settle(further.waitMs, this.stop.signal);
    const third = await this.look(further.nodes, second, options);
    const later = third === null ? NO_CHANGES : changesBetween(second, third);
    return analyze(snapshot, { ...options, changes: eitherOf(changes, later) });
  }

  /** One more look, at some nodes only; null: nobody answered. */
  private async look(nodes: readonly string[], before: Look, options: AnalyzeOptions): Promise<Look | null> {
    const { completedBy, NO_CHANGES } = await import('../analyze/second-look.ts');
    const { analyze } = await import('../analyze/analyze.ts');
    const { argv, flags } = await this.parse(Check);
    const names = argv.map((word) => parseWanted(String(word)).name);
    const reading = await this.gatherAgain({ ...flags, node: nodes }, names);
    if (reading === null) return null;
    const snapshot = completedBy(reading.snapshot, before.snapshot);
    return { snapshot, report: analyze(snapshot, { ...options, nodes, changes: NO_CHANGES }) };
  }

  /** What was found is not lost when nobody answers the second time. */
  private async gatherAgain(flags: EvidenceFlags, names: readonly string[]): Promise<Evidence | null> {
    const { ClusterError } = await import('../collect/cluster/index.ts');
    try {
      return await gather(flags, names, this.stop);
    } catch (error) {
      if (this.stop.signal.aborted || !(error instanceof ClusterError)) throw error;
      this.say(neutral(`warning: what was found could not be looked at a second time: ${error.message}`));
      return null;
    }
  }
}
