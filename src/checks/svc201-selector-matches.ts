import { defineCheck, judged } from './check.ts';
import { livingPods, portsWithoutEndpoints, printSelector } from './service-endpoints.ts';

export default defineCheck({
  id: 'SVC201',
  slug: 'selector-matches',
  severity: 'error',
  invariant: null,
  scope: 'service',
  title: "the Service's selector matches pods",
  docs: {
    why: `A Service whose selector matches no pod has no endpoints, and kube-proxy rightly rejects connections to it. It is the most frequent reason of a dead Service.`,
    causes: [
      `The labels of the pods and the selector differ in a letter, or a release changed one of them.`,
      `The pods are in another namespace: a selector works in the Service's own.`,
      `The workload is scaled to zero, or its pods cannot be created.`,
    ],
    fix: [
      `Compare the selector with the labels of the pods that should serve: kubectl get pods --show-labels`,
      `Correct the selector of the Service or the labels in the pod template.`,
    ],
    ignoreWhen: `When the workload is scaled to zero on purpose.`,
  },
  applies: (view) => view.pods !== null && view.service.selector !== null,
  judge: (view) => {
    const { service, pods } = view;
    if (pods === null || service.selector === null || livingPods(pods).length > 0) return judged([]);
    if (!service.headless && portsWithoutEndpoints(view).length === 0) return judged([]);
    const selector = printSelector(service.selector);
    return judged([
      {
        title: `no pod in namespace ${service.namespace} matches the selector ${selector}`,
        cause: selector,
        expected: [`at least one pod with ${selector}`],
        proof: [],
        found:
          pods.length === 0
            ? 'no pod has these labels'
            : `only pods that have finished: ${pods.map((pod) => pod.name).join(', ')}`,
        confidence: 'certain',
        fix: [
          `kubectl -n ${service.namespace} get pods --show-labels`,
          `kubectl -n ${service.namespace} get service ${service.name} -o jsonpath='{.spec.selector}'`,
        ],
      },
    ]);
  },
});
