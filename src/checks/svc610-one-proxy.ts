import { defineCheck, judged } from './check.ts';

export default defineCheck({
  id: 'SVC610',
  slug: 'one-proxy',
  severity: 'warning',
  invariant: null,
  scope: 'node',
  title: 'one kube-proxy runs on the node',
  docs: {
    why: `Two kube-proxies write the same chains, each by its own settings and its own picture of the API. The rules are those of whichever wrote last, and change without anybody's doing.`,
    causes: [
      `A DaemonSet of kube-proxy was added to a distribution that has its own.`,
      `A second DaemonSet, for a new version or another architecture, also selects this node.`,
    ],
    fix: [`Remove one of them from the node.`],
    ignoreWhen: `While one replaces the other.`,
  },
  applies: ({ condition: { proxy } }) => proxy.pods !== null,
  judge: ({ condition: { proxy } }) => {
    const running = (proxy.pods ?? []).filter(({ isReady, isDeleting }) => isReady && !isDeleting);
    // Of one owner: a rolling update that starts the new one first.
    const owners = new Set(running.map(({ owner, name }) => owner ?? name));
    if (owners.size < 2) return judged([]);
    return judged([
      {
        title: `${owners.size} kube-proxies run on the node`,
        cause: 'two',
        expected: ['one pod of kube-proxy'],
        proof: [],
        found: `pods ${running.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')}`,
        confidence: 'certain',
        felt: { words: 'What connections do changes with whichever of them wrote last.', now: false },
        fix: ['kubectl -n kube-system get daemonsets,pods -o wide | grep kube-proxy'],
      },
    ]);
  },
  hits: () => true,
});
