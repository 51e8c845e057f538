import { CLUSTER_FILES, NODE_FAILURES, NODE_FILES, RULE_SOURCES, SNAPSHOT_FORMAT, WAYS } from '../../model/snapshot.ts';
import type {
  Attempt,
  ClusterPart,
  CommandRecord,
  NodeFailure,
  NodeManifest,
  ObjectChange,
  RecentChange,
  SecondReading,
  SnapshotManifest,
  SnapshotScope,
} from '../../model/snapshot.ts';
import { Field } from './field.ts';
import { isNodeName, MANIFEST } from './layout.ts';
import { isRecord, readJson } from './read-json.ts';
import { SnapshotError } from './snapshot-error.ts';

/**
 * Reads `snapshot.json`. Fields it does not know are left out: a newer program of the same format may add some.
 * @throws SnapshotError with the place in the file for what is not as it should be, and for a newer format
 */
export function readManifest(bytes: Buffer): SnapshotManifest {
  const value = readJson(MANIFEST, bytes);
  const root = new Field(value, MANIFEST, '');
  const version = root.get('formatVersion').number();
  const tool = isRecord(value) && typeof value['toolVersion'] === 'string' ? ` by version ${value['toolVersion']}` : '';
  if (version > SNAPSHOT_FORMAT) {
    throw new SnapshotError(
      `${MANIFEST}: this snapshot has format ${version}, written${tool}; this program reads format ${SNAPSHOT_FORMAT}`,
      'Use a newer svcdoctor to read it.',
    );
  }
  if (version !== SNAPSHOT_FORMAT) throw root.get('formatVersion').wrong(`${SNAPSHOT_FORMAT}`);
  const again = root.get('again').orNull(readAgain);
  return {
    formatVersion: SNAPSHOT_FORMAT,
    tool: root.get('tool').text(),
    toolVersion: root.get('toolVersion').text(),
    startedAt: root.get('startedAt').time(),
    finishedAt: root.get('finishedAt').time(),
    context: root.get('context').orNull((field) => field.text()),
    server: root.get('server').orNull((field) => field.text()),
    scope: readScope(root.get('scope')),
    parts: root.get('parts').list(readClusterPart),
    ...(again === null ? {} : { again }),
    nodes: readNodes(root.get('nodes')),
  };
}

function readScope(field: Field): SnapshotScope {
  return {
    namespace: field.get('namespace').orNull((value) => value.text()),
    services: field.get('services').orNull((value) => value.list((service) => service.text())),
    selector: field.get('selector').orNull((value) => value.text()),
  };
}

function readClusterPart(field: Field): ClusterPart {
  return {
    file: field.get('file').oneOf(CLUSTER_FILES),
    readAt: field.get('readAt').time(),
    resourceVersion: field.get('resourceVersion').orNull((value) => value.text()),
    error: field.get('error').orNull((value) => value.text()),
  };
}

function readAgain(field: Field): SecondReading {
  return {
    readAt: field.get('readAt').time(),
    error: field.get('error').orNull((value) => value.text()),
    changed: field.get('changed').list(readChange),
    // A script that gathers a snapshot does not say.
    recent: field.get('recent').orNull((value) => value.list(readRecent)) ?? [],
  };
}

function readRecent(field: Field): RecentChange {
  return { service: field.get('service').text(), at: field.get('at').time() };
}

function readChange(field: Field): ObjectChange {
  return {
    file: field.get('file').oneOf(RULE_SOURCES),
    namespace: field.get('namespace').text(),
    name: field.get('name').text(),
    service: field.get('service').text(),
    before: field.get('before').orNull((value) => value.text()),
    after: field.get('after').orNull((value) => value.text()),
  };
}

function readNodes(field: Field): NodeManifest[] {
  const seen = new Set<string>();
  return field.list((item) => {
    const node = readNode(item);
    if (!isNodeName(node.name)) throw item.get('name').wrong('the name of a node');
    if (seen.has(node.name)) throw item.get('name').wrong('a node that is not there yet');
    seen.add(node.name);
    return node;
  });
}

function readNode(field: Field): NodeManifest {
  const attempts = field.get('attempts').orNull((value) => value.list(readAttempt));
  return {
    name: field.get('name').text(),
    via: field.get('via').oneOf(WAYS),
    client: field.get('client').text(),
    startedAt: field.get('startedAt').time(),
    finishedAt: field.get('finishedAt').time(),
    failure: field.get('failure').orNull(readFailure),
    ...(attempts === null ? {} : { attempts }),
    commands: field.get('commands').list(readCommand),
  };
}

function readAttempt(field: Field): Attempt {
  return { via: field.get('via').oneOf(WAYS), failure: readFailure(field.get('failure')) };
}

function readFailure(field: Field): NodeFailure {
  return {
    reason: field.get('reason').oneOf(NODE_FAILURES),
    message: field.get('message').text(),
    tryThis: field.get('tryThis').text(),
  };
}

function readCommand(field: Field): CommandRecord {
  return {
    argv: field.get('argv').list((word) => word.text()),
    code: field.get('code').orNull((value) => value.number()),
    stderr: field.get('stderr').text(),
    file: field.get('file').orNull((value) => value.oneOf(NODE_FILES)),
    durationMs: field.get('durationMs').number(),
  };
}
