import type { Report } from '../model/report.ts';
import { neutral } from './neutral.ts';

/** One line for each broken Service port, `service/NAMESPACE/NAME:PORT`, for scripts; nothing when all is well. */
export function renderName(report: Report): string {
  const broken = report.findings
    .filter((finding) => finding.severity !== 'info')
    .flatMap((finding) => finding.servicePorts);
  return [...new Set(broken)]
    .toSorted()
    .map((id) => `service/${neutral(id)}\n`)
    .join('');
}
