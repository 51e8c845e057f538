import { Flags } from '@oclif/core';
import { NODE_ADDRESS_TYPES } from '../collect/node-address.ts';
import { durationFlag } from './duration-flag.ts';

/** Flags of all commands, in kubectl's words. Each has a description: help aligns only those that have one. */

const CLUSTER = 'CLUSTER (as in kubectl)';
export const NODES = 'NODES';
const SELECTION = 'SELECTION';
const RESULT = 'RESULT';

export const clusterFlags = {
  kubeconfig: Flags.string({ description: 'path of the kubeconfig file to use', helpGroup: CLUSTER }),
  context: Flags.string({ description: 'name of the kubeconfig context to use', helpGroup: CLUSTER }),
  cluster: Flags.string({ description: 'name of the kubeconfig cluster to use', helpGroup: CLUSTER }),
  user: Flags.string({ description: 'name of the kubeconfig user to use', helpGroup: CLUSTER }),
  server: Flags.string({ char: 's', description: 'address and port of the API server', helpGroup: CLUSTER }),
  token: Flags.string({ description: 'bearer token for the API server', helpGroup: CLUSTER }),
  'certificate-authority': Flags.string({
    description: 'path of a certificate file for the authority',
    helpGroup: CLUSTER,
  }),
  'client-certificate': Flags.string({ description: 'path of a client certificate file for TLS', helpGroup: CLUSTER }),
  'client-key': Flags.string({ description: 'path of a client key file for TLS', helpGroup: CLUSTER }),
  'insecure-skip-tls-verify': Flags.boolean({
    description: "do not check the server's certificate",
    helpGroup: CLUSTER,
  }),
  'tls-server-name': Flags.string({ description: "name to expect in the server's certificate", helpGroup: CLUSTER }),
  as: Flags.string({ description: 'user to impersonate', helpGroup: CLUSTER }),
  'as-group': Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'group to impersonate, repeatable',
    helpGroup: CLUSTER,
  }),
  'as-uid': Flags.string({ description: 'UID to impersonate', helpGroup: CLUSTER }),
  'as-user-extra': Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'extra KEY=VALUE to impersonate, repeatable',
    helpGroup: CLUSTER,
  }),
  'request-timeout': durationFlag({
    description: 'time for one request to the API server, e.g. 30s; 0: none',
    helpGroup: CLUSTER,
  }),
};

export const selectionFlags = {
  namespace: Flags.string({
    char: 'n',
    description: "namespace of the Services (default: the context's)",
    helpGroup: SELECTION,
    exclusive: ['all-namespaces'],
  }),
  'all-namespaces': Flags.boolean({ char: 'A', description: 'Services of all namespaces', helpGroup: SELECTION }),
  selector: Flags.string({ char: 'l', description: 'Services with these labels', helpGroup: SELECTION }),
  node: Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'only this node, repeatable',
    helpGroup: SELECTION,
  }),
};

export const fromFlag = {
  from: Flags.string({
    description: 'a snapshot (folder, .tar.gz, or - for stdin) instead of the live cluster',
    helpGroup: SELECTION,
  }),
};

export const VIA = ['auto', 'kube-proxy', 'debug-pod', 'ssh'] as const;

export const viaFlags = {
  via: Flags.string({
    options: [...VIA],
    description:
      'read nodes in their kube-proxy pods, in pods made for it, or over SSH (default auto: the first that leads to the node; ssh when a flag about SSH is given)',
    helpGroup: NODES,
  }),
  yes: Flags.boolean({
    char: 'y',
    description: 'make pods without asking, where --via auto needs them',
    helpGroup: NODES,
  }),
  'debug-namespace': Flags.string({
    default: 'default',
    description: 'namespace of the pods that are made',
    helpGroup: NODES,
  }),
  'debug-image': Flags.string({
    description: "image of the pods that are made (default: kube-proxy's own)",
    helpGroup: NODES,
  }),
  'image-pull-secret': Flags.string({ description: 'Secret with the login for that image', helpGroup: NODES }),
  privileged: Flags.boolean({
    description: 'make privileged pods, for nodes where capabilities are not enough',
    helpGroup: NODES,
  }),
  'chroot-host': Flags.boolean({
    description: "run the node's own programs, in its own root (read-only)",
    helpGroup: NODES,
  }),
};

/** `why`: what is waited for. */
export function settleFlag(why: string) {
  return {
    settle: durationFlag({
      description: `${why} (default: kube-proxy's minSyncPeriod and 2s; 0: do not wait)`,
      helpGroup: RESULT,
    }),
  };
}

export const sshFlags = {
  'ssh-user': Flags.string({ description: 'user on the nodes (default: from ssh_config)', helpGroup: NODES }),
  'ssh-key': Flags.string({
    multiple: true,
    multipleNonGreedy: true,
    description: 'private key file, repeatable',
    helpGroup: NODES,
  }),
  'ssh-port': Flags.integer({ description: 'port of sshd on the nodes', min: 1, max: 65_535, helpGroup: NODES }),
  'ssh-config': Flags.string({ description: 'ssh_config file to use instead of your own', helpGroup: NODES }),
  'node-address': Flags.string({
    options: [...NODE_ADDRESS_TYPES],
    description: "type of the Node's address to connect to (default: InternalIP, then Hostname)",
    helpGroup: NODES,
  }),
  'node-timeout': durationFlag({ description: 'time for reading one node (default 30s)', helpGroup: NODES }),
  concurrency: Flags.integer({
    description: 'nodes read at the same time',
    default: 8,
    min: 1,
    max: 256,
    helpGroup: NODES,
  }),
};

export const FAIL_ON = ['error', 'warning', 'never'] as const;

export const resultFlags = {
  'fail-on': Flags.string({
    options: [...FAIL_ON],
    default: 'error',
    description: 'least severity of a finding that makes the exit code 1',
    helpGroup: RESULT,
  }),
  strict: Flags.boolean({ description: 'what could not be judged counts as a finding', helpGroup: RESULT }),
  'allow-partial': Flags.boolean({
    description: 'exit 0 although a node or a check could not be read',
    helpGroup: RESULT,
  }),
  only: Flags.string({
    multiple: true,
    delimiter: ',',
    description: 'only these checks, e.g. SVC321,SVC331',
    helpGroup: RESULT,
  }),
  skip: Flags.string({ multiple: true, delimiter: ',', description: 'all but these checks', helpGroup: RESULT }),
};

export const colorFlag = {
  color: Flags.string({
    options: ['auto', 'always', 'never'],
    default: 'auto',
    description: 'colours on the terminal',
    helpGroup: RESULT,
  }),
  quiet: Flags.boolean({ char: 'q', description: 'no progress on stderr', helpGroup: RESULT }),
};
