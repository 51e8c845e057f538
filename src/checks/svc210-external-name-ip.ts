import { parseIp } from '../model/address.ts';
import { defineCheck, judged } from './check.ts';

export default defineCheck({
  id: 'SVC210',
  slug: 'external-name-ip',
  severity: 'error',
  invariant: null,
  scope: 'service',
  title: 'externalName is a name',
  docs: {
    why: `An ExternalName Service is a CNAME in the cluster DNS, and a CNAME leads to a name. An address in spec.externalName is taken for a name made of digits, which nobody can resolve.`,
    causes: [`An IP address was put where a host name belongs.`],
    fix: [
      `For an address outside of the cluster make a Service without a selector, and an EndpointSlice with the address.`,
    ],
    ignoreWhen: `Never.`,
  },
  applies: ({ service }) => service.externalName !== null,
  judge: ({ service }) =>
    judged(
      parseIp(service.externalName ?? '') === null
        ? []
        : [
            {
              title: `externalName ${service.externalName} is an address, which no CNAME can lead to`,
              cause: 'externalName',
              expected: ['a host name'],
              proof: [],
              found: `spec.externalName is ${service.externalName}`,
              confidence: 'certain',
              fix: [
                `kubectl -n ${service.namespace} patch service ${service.name} --type merge -p '{"spec":{"externalName":"HOST.NAME"}}'`,
              ],
            },
          ],
    ),
});
