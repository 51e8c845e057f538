import { BaseCommand } from '../cli/base-command.ts';
import { VERSION } from '../version.ts';

export default class Version extends BaseCommand {
  static override readonly description = 'print the version of this program and of the Node.js it runs on';
  static override readonly examples = ['<%= config.bin %> version'];

  override async run(): Promise<void> {
    await this.parse(Version);
    this.print(
      `kubectl-svcdoctor ${VERSION} (Node.js ${process.versions.node}, ${process.platform} ${process.arch})\n`,
    );
  }
}
