import { stringify } from 'yaml';
import type { Report } from '../model/report.ts';

/** The same tree as JSON. */
export function renderYaml(report: Report): string {
  return stringify(report, { lineWidth: 0, aliasDuplicateObjects: false });
}
