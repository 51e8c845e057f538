import { stringify } from 'yaml';
import type { Report } from '../model/report.ts';

/** The same tree as JSON. */
export function renderYaml(report: Report): string {
  return plain(report);
}

/** API objects as `kubectl apply -f -` takes them. */
export function renderManifests(objects: readonly object[]): string {
  return objects.map((object) => `---\n${plain(object)}`).join('');
}

/** Neither folded lines nor anchors: people search in it. */
function plain(value: object): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
