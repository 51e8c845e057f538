import { Args } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { CliError } from '../cli/errors.ts';

export default class Explain extends BaseCommand {
  static override readonly description = 'print the page of a check, or the list of all checks';
  static override readonly args = {
    code: Args.string({ ignoreStdin: true, description: 'SVC321, or endpoint-chain' }),
  };
  static override readonly examples = ['<%= config.bin %> explain', '<%= config.bin %> explain SVC321'];

  override async run(): Promise<void> {
    const { args } = await this.parse(Explain);
    const { CHECKS } = await import('../checks/index.ts');
    const { checkList, checkPage } = await import('../render/check-page.ts');
    if (args.code === undefined) {
      this.print(checkList(CHECKS));
      return;
    }
    const wanted = args.code.toLowerCase();
    const check = CHECKS.find((candidate) => candidate.id.toLowerCase() === wanted || candidate.slug === wanted);
    if (check === undefined)
      throw new CliError(`there is no check "${args.code}"`, `All checks: ${this.program} explain`);
    const { EXAMPLES } = await import('../checks/examples.ts');
    this.print(checkPage(check, EXAMPLES[check.id] ?? ''));
  }
}
