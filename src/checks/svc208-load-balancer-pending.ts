import { defineCheck, judged } from './check.ts';

export default defineCheck({
  id: 'SVC208',
  slug: 'load-balancer-pending',
  severity: 'warning',
  invariant: null,
  scope: 'service',
  title: 'the load balancer has an address',
  docs: {
    why: `A Service of type LoadBalancer gets its outer address from a controller of the cloud, or from one like MetalLB, which writes it into the status. Without it kubectl shows <pending>: nobody outside can use the Service by a load-balancer address. Its clusterIP and node ports work all the same.`,
    causes: [
      `No controller for load balancers runs in the cluster.`,
      `loadBalancerClass names a controller that does not run.`,
      `The controller failed: no address left, a quota, an annotation it does not understand. It says so in an event of the Service.`,
    ],
    fix: [`Read the events of the Service, then the log of the controller.`],
    ignoreWhen: `When the Service has just been made, or only its node ports are used.`,
  },
  applies: ({ service }) => service.type === 'LoadBalancer' && !service.deleting,
  judge: ({ service }) => {
    const given = service.loadBalancerIngress.length + service.loadBalancerHostnames.length;
    if (given > 0) return judged([]);
    return judged([
      {
        title: 'the load balancer is pending: the Service has no outer address',
        cause: 'pending',
        expected: ['an ip or hostname in status.loadBalancer.ingress'],
        proof: [],
        found: 'status.loadBalancer.ingress is empty',
        confidence: 'certain',
        fix: [`kubectl -n ${service.namespace} describe service ${service.name}`],
      },
    ]);
  },
});
