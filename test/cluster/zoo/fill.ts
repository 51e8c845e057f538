/** Makes the zoo's objects through the API, and waits until kube-proxy has written rules for them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { isSingleStack } from '../options.ts';
import { requireSuccess, run } from '../process.ts';
import type { RunResult } from '../process.ts';
import { waitFor } from '../wait.ts';
import { NAMESPACE, animal, endpointsOf, everywhere, on6 } from './animals.ts';
import type { Animal } from './animals.ts';
import { ANIMALS, CROWD } from './animals-by-kind.ts';

/** Made after all others: a kube-proxy that knows it knows them all. */
const LAST = animal('zz-last', {
  spec: { ipFamilyPolicy: 'RequireDualStack' },
  slices: [everywhere(250), { family: 'IPv6', endpoints: [on6(0, 250)] }],
});

const SAVES = join(import.meta.dirname, '../../fixtures/saves');

/** `crowded` adds a Service of more than a thousand endpoints. */
export async function fillZoo(lab: Lab, { crowded = false }: { readonly crowded?: boolean } = {}): Promise<void> {
  const animals = crowded ? [...ANIMALS, CROWD] : ANIMALS;
  await kubectl(lab, ['create', 'namespace', NAMESPACE]);
  await create(lab, animals);
  await Promise.all(animals.map((one) => patchStatus(lab, one)));
  await create(lab, [LAST]);
  await Promise.all(lab.nodes.map(({ name }) => waitForLast(lab, name)));
}

/** Other programs' rules, as recorded, on every node; without those that need an ipset, which nobody made here. */
export async function addNeighbours(lab: Lab, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const lines = readFileSync(join(SAVES, `${name}.iptables-nft-save`), 'utf8').split('\n');
    const text = lines.filter((line) => !line.includes('--match-set')).join('\n');
    const program = `iptables-${lab.options.backend}-restore`;
    for (const node of lab.nodes) requireSuccess(await lab.exec(node.name, [program, '--noflush'], text));
  }
}

function create(lab: Lab, animals: readonly Animal[]): Promise<RunResult> {
  const items = animals.flatMap((one) => [
    one.service,
    ...one.slices,
    ...(one.slices.length > 0 ? [endpointsOf(one)] : []),
  ]);
  return kubectl(lab, ['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

async function patchStatus(lab: Lab, { name, status }: Animal): Promise<void> {
  if (status === undefined) return;
  const patch = JSON.stringify({ status });
  await kubectl(lab, ['patch', 'service', name, '-n', NAMESPACE, '--subresource=status', '--type=merge', '-p', patch]);
}

async function kubectl(lab: Lab, args: readonly string[], input?: string): Promise<RunResult> {
  const argv = [lab.kubectl, '--kubeconfig', lab.kubeconfig, ...args];
  return requireSuccess(await run(argv, input === undefined ? {} : { input }));
}

/** Both families: each has a proxier of its own. */
async function waitForLast(lab: Lab, node: string): Promise<void> {
  const families = isSingleStack(lab.options) ? ['iptables'] : ['iptables', 'ip6tables'];
  await waitFor(`the zoo's rules on ${node}`, async () => {
    const argvs = families.map((family) => [`${family}-${lab.options.backend}-save`, '-t', 'nat']);
    const saves = await Promise.all(argvs.map(async (argv) => requireSuccess(await lab.exec(node, argv)).stdout));
    return saves.every((text) => /--to-destination (10\.168\.0\.250|\[fd00:10:168::250\]):8080/.test(text));
  });
}
