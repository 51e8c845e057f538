import { Args, Flags } from '@oclif/core';
import { BaseCommand, EXIT } from '../cli/base-command.ts';
import { CliError } from '../cli/errors.ts';
import { gather, type EvidenceFlags } from '../cli/evidence.ts';
import { clusterFlags, colorFlag, NODES, selectionFlags, settleFlag, sshFlags, viaFlags } from '../cli/flags.ts';
import { parseWanted } from '../cli/selection.ts';

export default class Collect extends BaseCommand {
  static override readonly description = `save the evidence, to judge it later or elsewhere: check --from FILE

Writes what check would read, raw: API objects and each node's saved rules. Nothing is judged.
With --print-script it asks nobody, and prints a shell script that gathers the same with kubectl and ssh alone.
Exit code: 0 complete, 2 could not run, 3 a node could not be read.`;
  static override readonly strict = false;
  static override readonly args = {
    service: Args.string({
      ignoreStdin: true,
      description: 'hostnames or svc/hostnames; several are allowed; none: all of the namespace',
    }),
  };
  static override readonly examples = [
    '<%= config.bin %> collect hostnames --file evidence.tgz',
    '<%= config.bin %> collect --all-namespaces --file evidence',
    '<%= config.bin %> collect --cleanup',
    '<%= config.bin %> collect hostnames --print-script > collect.sh',
  ];
  static override readonly flags = {
    file: Flags.string({
      char: 'f',
      description: 'folder to make, or a .tar.gz or .tgz file (required without --print-script and --cleanup)',
      helpGroup: 'RESULT',
    }),
    'print-script': Flags.boolean({
      description: 'print a script for places where no new tool may run',
      helpGroup: 'RESULT',
    }),
    cleanup: Flags.boolean({
      description: 'collect nothing, but remove the pods that earlier runs left in the cluster, those of others too',
      exclusive: ['file', 'print-script'],
      helpGroup: NODES,
    }),
    'allow-partial': Flags.boolean({ description: 'exit 0 although a node could not be read', helpGroup: 'RESULT' }),
    ...settleFlag('wait between API and nodes, so that what changed just before has reached them'),
    ...selectionFlags,
    ...colorFlag,
    ...viaFlags,
    ...sshFlags,
    ...clusterFlags,
  };

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(Collect);
    if (flags.cleanup) return this.cleanUp(flags);
    const names = argv.map((word) => parseWanted(String(word)).name);
    if (flags['print-script']) {
      const { scriptOf } = await import('../cli/script.ts');
      this.print(scriptOf(flags, names, flags.file));
      return;
    }
    const { file } = flags;
    if (file === undefined)
      throw new CliError('nothing says where to save it', 'Name a folder or an archive: --file evidence.tgz');
    const { requireWritable, writeSnapshot } = await import('../collect/snapshot-dir/index.ts');
    await requireWritable(file);
    const { settleTime } = await import('../analyze/second-look.ts');
    const { snapshot } = await gather(flags, names, this.stop, (cluster) => flags.settle ?? settleTime(cluster));
    if (this.stop.signal.aborted) throw this.stop.signal.reason;
    await writeSnapshot(snapshot, file);
    const { neutral } = await import('../render/neutral.ts');
    const failed = (snapshot.manifest?.nodes ?? []).filter((node) => node.failure !== null);
    for (const node of failed) this.say(neutral(`node ${node.name} was not read: ${node.failure?.message ?? ''}`));
    const read = snapshot.nodes.length - failed.length;
    this.print(`${file}: ${read} of ${snapshot.nodes.length} nodes\n`);
    if (failed.length > 0 && !flags['allow-partial']) process.exitCode = 3;
  }

  /** Removes what earlier runs left in the cluster. */
  private async cleanUp(flags: EvidenceFlags): Promise<void> {
    const { neutral } = await import('../render/neutral.ts');
    const { cleanUpCluster } = await import('../cli/clean-up.ts');
    const { lines, problems } = await cleanUpCluster(flags, this.stop.signal);
    for (const line of lines) this.print(`${neutral(line)}\n`);
    for (const problem of problems) this.say(neutral(problem));
    if (problems.length > 0) process.exitCode = EXIT.incomplete;
  }
}
