import { Args, Flags } from '@oclif/core';
import { BaseCommand } from '../cli/base-command.ts';
import { CliError } from '../cli/errors.ts';
import { NODES, viaFlags } from '../cli/flags.ts';
import {
  PERMISSIONS,
  PORT_PERMISSIONS,
  rbacObjects,
  type RbacRequest,
  WAY_PERMISSIONS,
} from '../collect/cluster/permissions.ts';

export default class Rbac extends BaseCommand {
  static override readonly description = `print the least privileges check needs, as manifests for kubectl apply

What --via kube-proxy and --via debug-pod need is as good as root on the nodes: exec where host pods run. SSH needs nothing of
the cluster. Port-forwards in kube-system are for asking the cluster DNS and each kube-proxy themselves.`;
  static override readonly args = {
    subject: Args.string({
      ignoreStdin: true,
      required: true,
      description: 'user:NAME, group:NAME or serviceaccount:NAMESPACE:NAME',
    }),
  };
  static override readonly examples = [
    '<%= config.bin %> rbac user:jane | kubectl apply -f -',
    '<%= config.bin %> rbac serviceaccount:ops:doctor --namespace shop --via ssh',
    '<%= config.bin %> rbac group:on-call --via debug-pod --debug-namespace svcdoctor',
  ];
  static override readonly flags = {
    namespace: Flags.string({
      char: 'n',
      multiple: true,
      multipleNonGreedy: true,
      description: 'only for Services of this namespace, repeatable (default: all namespaces)',
      helpGroup: 'SELECTION',
    }),
    via: Flags.string({
      options: Object.keys(WAY_PERMISSIONS),
      default: 'kube-proxy',
      description: 'how nodes will be read',
      helpGroup: NODES,
    }),
    'debug-namespace': viaFlags['debug-namespace'],
  };

  override async run(): Promise<void> {
    const { args, flags } = await this.parse(Rbac);
    const { renderManifests } = await import('../render/yaml.ts');
    const way = isWay(flags.via) ? WAY_PERMISSIONS[flags.via] : [];
    const objects = rbacObjects({
      namespaces: flags.namespace ?? null,
      subject: subjectOf(args.subject),
      permissions: [...PERMISSIONS, ...PORT_PERMISSIONS, ...way],
      debugNamespace: flags['debug-namespace'],
    });
    this.print(renderManifests(objects));
  }
}

function isWay(via: string): via is keyof typeof WAY_PERMISSIONS {
  return Object.hasOwn(WAY_PERMISSIONS, via);
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
