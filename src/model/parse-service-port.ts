import { familyOf, FAMILIES, type Family } from './address.ts';
import { describe, note, readNumber, readObjects, readText, type JsonObject, type ObjectReader } from './decode.ts';
import { readProtocol } from './parse-address-list.ts';
import { isName } from './parse-metadata.ts';
import type { Service, ServicePort, ServiceSpecPort } from './service.ts';

/** `spec.ports` of a Service. A port that cannot be one, or repeats a name, is set aside: its rules cannot be told. */
export function readServicePorts(reader: ObjectReader, spec: JsonObject): readonly ServiceSpecPort[] {
  const names = new Set<string>();
  return readObjects(reader, spec, 'spec', 'ports').flatMap(({ value, path }) => {
    const port = readServicePort(reader, value, path);
    if (port === null) return [];
    if (names.has(port.name)) {
      note(reader, `${path}.name`, `is ${describe(port.name)} a second time; the port is set aside`);
      return [];
    }
    names.add(port.name);
    return [port];
  });
}

function readServicePort(reader: ObjectReader, value: JsonObject, path: string): ServiceSpecPort | null {
  const name = readText(reader, value, path, 'name') ?? '';
  const protocol = readProtocol(reader, value, path);
  const port = readNumber(reader, value, path, 'port', 1, 65_535);
  if (name !== '' && !isName(name)) {
    note(reader, `${path}.name`, `is ${describe(name)}, which no port can be called; the port is set aside`);
    return null;
  }
  if (protocol === null) return null;
  if (port === null) {
    if (value['port'] === undefined || value['port'] === null) note(reader, `${path}.port`, 'is absent; set aside');
    return null;
  }
  const nodePort = readNumber(reader, value, path, 'nodePort', 0, 65_535) ?? 0;
  return { name, protocol, port, targetPort: readTargetPort(reader, value, path), nodePort };
}

/** IntOrString: kube-proxy never reads it, the endpoints say where traffic goes. */
function readTargetPort(reader: ObjectReader, value: JsonObject, path: string): number | string | null {
  const { targetPort } = value;
  if (targetPort === undefined || targetPort === null) return null;
  if (typeof targetPort === 'number' || typeof targetPort === 'string') return targetPort;
  note(reader, `${path}.targetPort`, `is ${describe(targetPort)}, not a number or a name; set aside`);
  return null;
}

/** A Service's ports in each family it has a cluster IP of: kube-proxy makes no rule in a family without one. */
export function servicePortsOf(service: Service): readonly ServicePort[] {
  if (service.headless || service.type === 'ExternalName') return [];
  return service.ports.flatMap((port) => FAMILIES.flatMap((family) => portInFamily(service, port, family)));
}

function portInFamily(service: Service, port: ServiceSpecPort, family: Family): readonly ServicePort[] {
  const clusterIP = service.clusterIPs.find((ip) => familyOf(ip) === family);
  if (clusterIP === undefined) return [];
  const id = `${service.namespace}/${service.name}`;
  return [
    {
      id: port.name === '' ? id : `${id}:${port.name}`,
      service,
      portName: port.name,
      protocol: port.protocol,
      family,
      clusterIP,
      port: port.port,
      nodePort: port.nodePort,
      externalIPs: service.externalIPs.filter((ip) => familyOf(ip) === family),
      loadBalancerIngress: service.loadBalancerIngress.filter((ingress) => familyOf(ingress.ip) === family),
      sourceRanges: service.sourceRanges.filter((range) => familyOf(range.base) === family),
    },
  ];
}
