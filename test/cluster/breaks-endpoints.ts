/** What can go wrong in the chain of an endpoint. */
import type { Break } from './breaks.ts';
import { endpointRules } from './chains.ts';
import { HOSTNAMES_PODS, NO_POD_IP } from './topology.ts';

const [, second, last] = HOSTNAMES_PODS;

function dnatTo(destination: string): string[] {
  return [
    '-p',
    'tcp',
    '-m',
    'comment',
    '--comment',
    'default/hostnames:http',
    '-m',
    'tcp',
    '-j',
    'DNAT',
    '--to-destination',
    destination,
  ];
}

export const endpointBreaks: readonly Break[] = [
  {
    name: 'sep-dnat-deleted',
    description: `the chain of the second endpoint, ${second.ip}, loses its DNAT: it returns, and the next balancing rule takes its share`,
    apply: async ({ rules }) => rules.remove((await endpointRules(rules, 1)).dnat),
  },
  {
    name: 'sep-dnat-deleted-last',
    description: `the chain of the last endpoint, ${last.ip}, loses its DNAT: nothing catches its third of the connections`,
    apply: async ({ rules }) => rules.remove((await endpointRules(rules, 2)).dnat),
  },
  {
    name: 'sep-wrong-address',
    description: `the second endpoint's DNAT leads to ${NO_POD_IP}, which nobody has`,
    apply: async ({ rules }) =>
      rules.replace((await endpointRules(rules, 1)).dnat, dnatTo(`${NO_POD_IP}:${second.port}`)),
  },
  {
    name: 'sep-wrong-port',
    description: `the second endpoint's DNAT leads to port ${second.port + 1}, where nobody listens`,
    apply: async ({ rules }) =>
      rules.replace((await endpointRules(rules, 1)).dnat, dnatTo(`${second.ip}:${second.port + 1}`)),
  },
  {
    name: 'sep-hairpin-missing',
    description: 'the second endpoint is not masqueraded when it reaches itself through the Service',
    apply: async ({ rules }) => rules.remove((await endpointRules(rules, 1)).mark),
  },
];
