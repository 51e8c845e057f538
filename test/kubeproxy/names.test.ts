import { describe, expect, test } from 'vitest';
import { portChains, portHash, sepChain, sepChainsFor } from '../../src/kubeproxy/names.ts';
import { nameFor, nameInHash } from '../../src/kubeproxy/expect-names.ts';
import { ip, makePort, portOf, makeService, settingsOf } from './builders.ts';

/** Names seen on real nodes. */
const PORTS = [
  ['default/hostnames:http', 'TCP', 'AC2ON6IKLZPGXVMV'],
  ['default/kubernetes:https', 'TCP', 'NPX46M4PTMTKRN6Y'],
  ['kube-system/kube-dns:dns', 'UDP', 'TCOU7JCQXEZGVUNU'],
  ['kube-system/kube-dns:dns-tcp', 'TCP', 'ERIFXISQEP7F7OF4'],
  ['ns1/svc1', 'TCP', 'AQI2S6QIMU7PVVRP'],
  ['ns1/svc1:', 'TCP', 'AHZNAGK3SCETOS2T'],
  ['telco/sig:s1', 'SCTP', 'JVW62B7OHSRIKRRK'],
  ['default/web:http', 'TCP', 'CDGGSHYLG3RE2FKL'],
] as const;

const ENDPOINTS = [
  ['default/hostnames:http', 'TCP', '10.168.0.10:9376', 'UCPOTBP5J6CFWVH3'],
  ['default/hostnames:http', 'TCP', '10.168.1.12:9376', 'G7HB53TC4RAEG2Q6'],
  ['default/hostnames:http', 'TCP', '10.168.2.21:9376', '3J5IS7CK5D2CCCRY'],
  ['default/kubernetes:https', 'TCP', '[fd00:10:244::5]:6443', 'XSN5HOB52IGK4KPH'],
  ['kube-system/kube-dns:dns', 'UDP', '10.244.0.3:53', '6E7XQMQ4RAYOWTTM'],
] as const;

describe('chain names', () => {
  test.each(PORTS)('%s %s is %s', (name, protocol, letters) => {
    expect(portHash(name, protocol)).toBe(letters);
  });

  test.each(ENDPOINTS)('%s %s at %s is KUBE-SEP-%s', (name, protocol, destination, letters) => {
    expect(sepChain(name, protocol, destination)).toBe(`KUBE-SEP-${letters}`);
  });

  test('a port has five chains of the same letters', () => {
    expect(portChains('default/web:http', 'TCP')).toEqual({
      svc: 'KUBE-SVC-CDGGSHYLG3RE2FKL',
      svl: 'KUBE-SVL-CDGGSHYLG3RE2FKL',
      ext: 'KUBE-EXT-CDGGSHYLG3RE2FKL',
      xlb: 'KUBE-XLB-CDGGSHYLG3RE2FKL',
      fw: 'KUBE-FW-CDGGSHYLG3RE2FKL',
    });
  });

  test('an unnamed port has two names over all versions, and one in each', () => {
    const ports = [{ name: '', protocol: 'TCP', port: 80, targetPort: null, nodePort: 0 }] as const;
    const port = portOf(makeService({ ports }));
    expect(nameInHash(port)).toEqual(['default/web', 'default/web:']);
    expect(nameFor(port, settingsOf('1.18.2'))).toBe('default/web:');
    expect(nameFor(port, settingsOf('1.19.0'))).toBe('default/web');
    expect(sepChainsFor(port, { ip: ip('10.0.0.1'), port: 80 })).toHaveLength(2);
  });

  test('a named port has one name in all versions', () => {
    expect(nameInHash(makePort())).toEqual(['default/web:http']);
    expect(nameFor(makePort(), settingsOf('1.14'))).toBe('default/web:http');
  });
});
