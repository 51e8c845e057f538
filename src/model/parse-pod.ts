import { parseIp } from './address.ts';
import { readBoolean, readNumber, readObject, readObjects, readText, type JsonObject } from './decode.ts';
import { readParsed, readProtocol } from './parse-address-list.ts';
import { isDeleting, type Metadata } from './parse-metadata.ts';
import type { PodFacts } from './service.ts';

export function parsePod(item: JsonObject, metadata: Metadata): PodFacts {
  const { reader } = metadata;
  const spec = readObject(reader, item, '', 'spec');
  const status = readObject(reader, item, '', 'status');
  const ready = readReady(status, metadata);
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    node: readText(reader, spec, 'spec', 'nodeName'),
    phase: readText(reader, status, 'status', 'phase'),
    ready: ready.is,
    readySince: ready.since,
    deleting: isDeleting(metadata),
    ips: readIps(status, metadata),
    hostNetwork: readBoolean(reader, spec, 'spec', 'hostNetwork') ?? false,
    labels: metadata.labels,
    containerPorts: readContainerPorts(spec, metadata),
  };
}

function readReady(
  status: JsonObject,
  { reader }: Metadata,
): { readonly is: boolean; readonly since: PodFacts['readySince'] } {
  for (const { value, path } of readObjects(reader, status, 'status', 'conditions')) {
    if (value['type'] !== 'Ready' || value['status'] !== 'True') continue;
    return { is: true, since: readText(reader, value, path, 'lastTransitionTime') };
  }
  return { is: false, since: null };
}

function readIps(status: JsonObject, { reader }: Metadata): PodFacts['ips'] {
  const list = readObjects(reader, status, 'status', 'podIPs').map(({ value, path }) =>
    readText(reader, value, path, 'ip'),
  );
  const texts = list.filter((text) => text !== null && text !== '');
  if (texts.length > 0) return readParsed(reader, texts, 'status.podIPs', parseIp, 'an IP');
  const single = readText(reader, status, 'status', 'podIP') ?? '';
  return single === '' ? [] : readParsed(reader, [single], 'status.podIP', parseIp, 'an IP');
}

/** Ports of the containers, and of init containers that stay (sidecars): a named targetPort may mean either. */
function readContainerPorts(spec: JsonObject, { reader }: Metadata): PodFacts['containerPorts'] {
  const sidecars = readObjects(reader, spec, 'spec', 'initContainers').filter(
    ({ value }) => value['restartPolicy'] === 'Always',
  );
  const containers = [...readObjects(reader, spec, 'spec', 'containers'), ...sidecars];
  return containers.flatMap((container) =>
    readObjects(reader, container.value, container.path, 'ports').flatMap(({ value, path }) => {
      const port = readNumber(reader, value, path, 'containerPort', 1, 65_535);
      const protocol = readProtocol(reader, value, path);
      if (port === null || protocol === null) return [];
      return [{ name: readText(reader, value, path, 'name') ?? '', port, protocol }];
    }),
  );
}
