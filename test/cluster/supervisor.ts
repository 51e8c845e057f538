/**
 * Process 1 of a lab: `guard.ts` starts it in namespaces of its own. Its network namespace is the cluster's control
 * plane. When it ends, in whatever way, the kernel ends everything in the lab and forgets its networks and mounts.
 */
import type { Server } from 'node:net';
import { Cluster } from './cluster.ts';
import type { Handlers } from './control.ts';
import { serveControl } from './control.ts';
import type { LabEndpoints } from './directory.ts';
import { createLayout } from './layout.ts';
import type { Layout } from './layout.ts';
import type { GuardMessage, SupervisorMessage } from './messages.ts';
import { Ports } from './ports.ts';
import { mountPrivately } from './privacy.ts';
import { writeClientConfig } from './ssh.ts';

type Start = Extract<GuardMessage, { kind: 'start' }>;

const ports = new Ports();

process.on('disconnect', () => process.exit(1));
process.on('unhandledRejection', (error) => fail(error));
process.on('message', (message: GuardMessage, handle: unknown) => {
  if (message.kind === 'listener') ports.receive(message.service, message.port, handle as Server);
  else void start(message).catch(fail);
});

function tell(message: SupervisorMessage): void {
  if (message.kind === 'log') console.log(message.line);
  process.send?.(message);
}

/** The error reaches who waits for the lab before the lab is gone. */
function fail(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  console.error(text);
  const message: SupervisorMessage = { kind: 'failed', error: error instanceof Error ? error.message : text };
  process.send?.(message, () => process.exit(1));
}

async function start({ dir, options, programs }: Start): Promise<void> {
  await mountPrivately();
  const layout = createLayout(dir);
  const cluster = new Cluster(options, layout, programs, ports, (line) => tell({ kind: 'log', line }));
  // A lab without its API server is no lab: it ends, loudly.
  cluster.controlPlane.onUnexpectedEnd = (name) => fail(new Error(`${name} ended by itself\n${cluster.lastWords()}`));
  await cluster.start().catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${cluster.lastWords()}`);
  });
  describePorts(layout, cluster);
  serveControl(layout.controlSocket, handlers(cluster));
  const endpoints: LabEndpoints = {
    kubeconfig: layout.kubeconfig,
    sshConfig: layout.sshConfig,
    controlSocket: layout.controlSocket,
    kubectl: `${programs.kubernetes}/kubectl`,
  };
  tell({ kind: 'ready', endpoints });
}

function describePorts(layout: Layout, cluster: Cluster): void {
  cluster.controlPlane.writeKubeconfig(layout.kubeconfig, 'admin', `https://127.0.0.1:${ports.numberOf('api')}`);
  writeClientConfig(layout, (node) => ports.numberOf(node));
}

function handlers(cluster: Cluster): Handlers {
  return {
    status: async () => cluster.status(),
    break: ({ name, node }) => cluster.break(name, node),
    heal: () => cluster.heal(),
    connect: (request) => cluster.connect(request),
    exec: ({ node, argv, input }) => cluster.exec(node, argv, input),
    record: () => cluster.record(),
    down: async () => {
      setTimeout(() => process.exit(0), 50);
      return null;
    },
  };
}
