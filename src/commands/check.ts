import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { gather } from '../cli/evidence.ts';
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
    const names = wanted.map((service) => service.name);
    const settings = checkSettings(flags);
    const { snapshot, namespace } = await gather(flags, names, this.stop);
    const { analyze } = await import('../analyze/analyze.ts');
    const options = {
      ...settings,
      namespace,
      wanted,
      selector: flags.selector ?? null,
      nodes: flags.node ?? null,
      toolVersion: VERSION,
    };
    const again = {
      options,
      settleMs: flags.settle,
      signal: this.stop.signal,
      read: async (node: readonly string[]) => (await gather({ ...flags, node }, names, this.stop)).snapshot,
      say: (line: string) => this.say(line),
    };
    // A snapshot is looked at once; what only a live run needs is not loaded for it.
    const isFinal = flags.from !== undefined || flags.settle === 0;
    const report = isFinal
      ? analyze(snapshot, options)
      : await import('../cli/look-again.ts').then(async ({ lookAgain }) => lookAgain(snapshot, again));
    const text = await renderReport(report, formatOf(flags.output), {
      color: wantsColor(flags.color, process.stdout.isTTY, process.env),
      width: terminalWidth(process.stdout),
      program: this.program,
    });
    this.print(text);
    process.exitCode = report.verdict.exitCode;
  }
}
