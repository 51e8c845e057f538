/** `npm run lab -- …`: a real cluster on this machine, to look at, to break and to heal. */
import { parseArgs } from 'node:util';
import { DEBUG_IMAGE } from './images.ts';
import { fillZoo } from './zoo/fill.ts';
import { recordZoo } from './zoo/record-zoo.ts';
import { BREAKS, attachLab, runningLabs, startLab, tally } from './lab.ts';
import type { Lab, LabOptions } from './lab.ts';

const USAGE = `usage: npm run lab -- COMMAND

  up         bring the cluster up
             [--kube-proxy 1.37.2] [--backend nft|legacy] [--masquerade-all] [--mark-bit N] [--cluster-cidr CIDR|none]
             [--kube-proxy-flag=--nodeport-addresses=primary]…
             [--full: nodes with kubelet and containerd, kube-proxy as a DaemonSet, DNS, a scheduler]
  status     what runs, and what is broken
  breaks     the list of what can be broken
  break NAME [--node rain-kubernetes-2]
  heal       put everything right
  connect FROM IP:PORT [--count 50] [--via NODE]
             open connections and count who answers; FROM is pod/NAME, node/NAME or external
  exec [--node NODE] -- COMMAND…
             run a command on a node, or beside the control plane
  record DIR write a snapshot folder
  zoo        fill it with a Service of every kind, in the namespace zoo
  record-zoo [WORLD…]
             bring up each world of the zoo in turn, and record it for the tests
  down       end it; nothing is left

Each command but breaks takes --name NAME; several clusters can be up, and never meet.`;

const FLAGS = {
  'kube-proxy': { type: 'string' },
  backend: { type: 'string' },
  full: { type: 'boolean' },
  'masquerade-all': { type: 'boolean' },
  'mark-bit': { type: 'string' },
  'cluster-cidr': { type: 'string' },
  'kube-proxy-flag': { type: 'string', multiple: true },
  name: { type: 'string', default: 'default' },
  node: { type: 'string' },
  count: { type: 'string', default: '50' },
  via: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

function parse() {
  return parseArgs({ options: FLAGS, allowPositionals: true });
}

type Flags = ReturnType<typeof parse>['values'];

try {
  const { values, positionals } = parse();
  process.exitCode = await perform(values, positionals);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}

async function perform(flags: Flags, [command, ...args]: readonly string[]): Promise<number> {
  if (flags.help || command === undefined) return say(USAGE);
  switch (command) {
    case 'up':
      return up(flags);
    case 'breaks':
      return say(BREAKS.map(explain).join('\n'));
    case 'status':
      return status();
    case 'break':
      return breakNode(attachLab(flags.name), args[0] ?? '', flags);
    case 'heal':
      return heal(attachLab(flags.name));
    case 'connect':
      return connect(attachLab(flags.name), args, flags);
    case 'exec':
      return exec(attachLab(flags.name), args, flags);
    case 'record':
      await attachLab(flags.name).record(args[0] ?? '.');
      return 0;
    case 'zoo':
      await fillZoo(attachLab(flags.name));
      return 0;
    case 'record-zoo':
      await recordZoo(args, console.error);
      return 0;
    case 'down':
      await attachLab(flags.name).down();
      return 0;
    default:
      throw new Error(`no command ${command}\n${USAGE}`);
  }
}

function say(text: string): number {
  console.log(text);
  return 0;
}

async function up(flags: Flags): Promise<number> {
  if (runningLabs().some(({ record }) => record.name === flags.name))
    throw new Error(`a lab named ${flags.name} is up already`);
  const started = Date.now();
  const lab = await startLab({ ...labOptions(flags), stay: true, log: (line) => console.error(line) });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  return say(welcome(lab, seconds));
}

function labOptions(flags: Flags): Partial<LabOptions> {
  const { backend } = flags;
  if (backend !== undefined && backend !== 'nft' && backend !== 'legacy') throw new Error('--backend is nft or legacy');
  return {
    name: flags.name,
    kubeProxyFlags: flags['kube-proxy-flag'] ?? [],
    ...(flags['kube-proxy'] === undefined ? {} : { kubeProxy: flags['kube-proxy'] }),
    ...(backend === undefined ? {} : { backend }),
    ...(flags.full === undefined ? {} : { full: flags.full }),
    ...(flags['masquerade-all'] === undefined ? {} : { masqueradeAll: flags['masquerade-all'] }),
    ...(flags['mark-bit'] === undefined ? {} : { markBit: Number(flags['mark-bit']) }),
    ...(flags['cluster-cidr'] === undefined
      ? {}
      : { clusterCidr: flags['cluster-cidr'] === 'none' ? null : flags['cluster-cidr'] }),
  };
}

function welcome(lab: Lab, seconds: string): string {
  const { kubeProxy, backend, full, name } = lab.options;
  const more = name === 'default' ? '' : ` --name ${name}`;
  return `
The cluster is up after ${seconds} s: ${lab.nodes.map((node) => node.name).join(', ')}; kube-proxy ${kubeProxy}, iptables (${backend}).

  export KUBECONFIG=${lab.kubeconfig}
  kubectl get services,endpointslices,nodes        (the matching kubectl: ${lab.kubectl})
  ssh -F ${lab.sshConfig} rain-kubernetes-2

${full ? inPods(backend) : ''}
  ./bin/run.js check hostnames --ssh-config ${lab.sshConfig}

Break something, look again, and put it right:

  npm run lab -- break sep-dnat-deleted${more}
  npm run lab -- connect external 172.31.0.12:30000${more}
  npm run lab -- heal${more}

Breaks (npm run lab -- breaks explains them):
${columns(BREAKS.filter((one) => lab.options.full || !one.full).map((one) => one.name))}

It stays until: npm run lab -- down${more}`;
}

/** What works only where there are kubelets. */
function inPods(backend: string): string {
  return `  kubectl -n kube-system exec daemonset/kube-proxy -- iptables-${backend}-save
  kubectl debug node/rain-kubernetes-2 -it --profile=netadmin --image=${DEBUG_IMAGE} --image-pull-policy=Never
`;
}

function explain({ name, description, full }: (typeof BREAKS)[number]): string {
  return `${name.padEnd(24)} ${full ? '(--full only) ' : ''}${description}`;
}

function columns(names: readonly string[]): string {
  const lines: string[] = [];
  for (let index = 0; index < names.length; index += 4) {
    lines.push(
      `  ${names
        .slice(index, index + 4)
        .map((name) => name.padEnd(25))
        .join('')}`.trimEnd(),
    );
  }
  return lines.join('\n');
}

async function status(): Promise<number> {
  const labs = runningLabs();
  if (labs.length === 0) return say('no lab is up');
  for (const { record } of labs) {
    const lab = attachLab(record.name);
    const { kubeProxyVersion, backend, upSeconds, nodes } = await lab.status();
    console.log(
      `${record.name}: up for ${upSeconds} s, kube-proxy ${kubeProxyVersion}, iptables (${backend}), KUBECONFIG=${lab.kubeconfig}`,
    );
    for (const node of nodes) {
      const agents = node.kubelet === undefined ? '' : `, kubelet ${node.kubelet}, containerd ${node.containerd}`;
      const state = `kube-proxy ${node.kubeProxy}, sshd ${node.sshd}${agents}`;
      console.log(
        `  ${node.name}  ${node.ip}  ${state}${node.breaks.length > 0 ? `  broken: ${node.breaks.join(', ')}` : ''}`,
      );
    }
  }
  return 0;
}

async function breakNode(lab: Lab, name: string, { node }: Flags): Promise<number> {
  const done = await lab.break(name, node === undefined ? {} : { node });
  return say([`${done.node}:`, ...done.did.map((line) => `  ${line}`)].join('\n'));
}

async function heal(lab: Lab): Promise<number> {
  const { healed, seconds } = await lab.heal();
  return say(
    `healed in ${seconds} s: ${healed.join(', ') || 'nothing was broken; kube-proxy was started again everywhere'}`,
  );
}

async function connect(lab: Lab, [from, to]: readonly string[], flags: Flags): Promise<number> {
  if (from === undefined || to === undefined) throw new Error('connect FROM IP:PORT');
  const via = flags.via === undefined ? {} : { via: flags.via };
  const connections = await lab.connect({ from, to, count: Number(flags.count), ...via });
  const sources = new Set(connections.flatMap((one) => (one.kind === 'answered' ? [one.source ?? '?'] : [])));
  for (const [what, count] of Object.entries(tally(connections)).sort())
    console.log(`${String(count).padStart(4)}  ${what}`);
  return say(`      client addresses seen by the pods: ${[...sources].sort().join(', ') || 'none'}`);
}

async function exec(lab: Lab, argv: readonly string[], { node }: Flags): Promise<number> {
  const { stdout, stderr, code } = await lab.exec(node, argv);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  return code;
}
