import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { CliError } from '../cli/errors.ts';
import { rbacObjects, type RbacRequest } from '../collect/cluster/permissions.ts';

export default class Rbac extends BaseCommand {
  static override readonly description = `print the least privileges check needs, as manifests for kubectl apply

What is read of nodes goes over SSH and needs no privilege in the cluster. Port-forwards in kube-system are for asking the
cluster DNS and each kube-proxy themselves.`;
  static override readonly args = {
    subject: Args.string({
      ignoreStdin: true,
      required: true,
      description: 'user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME',
    }),
  };
  static override readonly examples = [
    '<%= config.bin %> rbac user:jane | kubectl apply -f -',
    '<%= config.bin %> rbac serviceaccount:ops:doctor --namespace shop',
  ];
  static override readonly flags = {
    namespace: Flags.string({
      char: 'n',
      multiple: true,
      multipleNonGreedy: true,
      description: 'only for Services of this namespace, repeatable (default: all namespaces)',
      helpGroup: 'SELECTION',
    }),
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Rbac);
    const { renderManifests } = await import('../render/yaml.ts');
    const objects = rbacObjects({ namespaces: flags.namespace ?? null, subject: subjectOf(args.subject) });
    this.print(renderManifests(objects));
  }
}

/** @throws CliError */
function subjectOf(text: string): RbacRequest['subject'] {
  const [, kind, rest = ''] = /^(user|group|serviceaccount):(.+)$/i.exec(text) ?? [];
  const word = kind?.toLowerCase();
  if (word === 'user') return { kind: 'User', name: rest };
  if (word === 'group') return { kind: 'Group', name: rest };
  const [, namespace, name] = /^([^:]+):([^:]+)$/.exec(rest) ?? [];
  if (word === 'serviceaccount' && namespace !== undefined && name !== undefined) {
    return { kind: 'ServiceAccount', name, namespace };
  }
  throw new CliError(
    `"${text}" is no subject`,
    'Write user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME, as kubectl auth whoami shows it.',
  );
}
