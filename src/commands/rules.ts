import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { gather } from '../cli/evidence.ts';
import { clusterFlags, colorFlag, fromFlag, selectionFlags, sshFlags, viaFlags } from '../cli/flags.ts';
import { terminalWidth, wantsColor } from '../cli/output.ts';
import { parseWanted } from '../cli/selection.ts';

export default class Rules extends BaseCommand {
  static override readonly description = `print a Service's rules as iptables-save would: those kube-proxy should have written, those it has, or the difference

Exit code: 0 printed, 2 could not run, 3 a node could not be read.`;
  static override readonly args = {
    service: Args.string({
      ignoreStdin: true,
      required: true,
      description: 'hostnames, hostnames:http or svc/hostnames',
    }),
  };
  static override readonly examples = [
    '<%= config.bin %> rules hostnames --node rain-kubernetes-2 --diff',
    '<%= config.bin %> rules hostnames --expected --from evidence.tgz',
  ];
  static override readonly flags = {
    expected: Flags.boolean({
      description: 'only the rules kube-proxy should have written',
      helpGroup: 'RESULT',
      exclusive: ['actual', 'diff'],
    }),
    actual: Flags.boolean({
      description: 'only the rules that are there',
      helpGroup: 'RESULT',
      exclusive: ['expected', 'diff'],
    }),
    diff: Flags.boolean({
      description: 'the difference: - expected and missing, + there and not expected (default)',
      helpGroup: 'RESULT',
    }),
    ...selectionFlags,
    ...fromFlag,
    ...colorFlag,
    ...viaFlags,
    ...sshFlags,
    ...clusterFlags,
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Rules);
    const wanted = parseWanted(args.service);
    const { snapshot, namespace } = await gather(flags, [wanted.name], this.stop);
    const { rulesOf } = await import('../analyze/rules-of.ts');
    const { renderRules } = await import('../render/rules.ts');
    const sheets = rulesOf(snapshot, { namespace, wanted: [wanted], selector: null }, flags.node ?? null);
    const what = flags.expected ? 'expected' : flags.actual ? 'actual' : 'diff';
    const color = wantsColor(flags.color, process.stdout.isTTY, process.env);
    this.print(renderRules(sheets, what, { color, width: terminalWidth(process.stdout) }));
    if (sheets.some((sheet) => sheet.status === 'unjudged')) process.exitCode = 3;
  }
}
