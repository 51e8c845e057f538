import type { Coverage, Finding, ServicePortResult, ServiceSummary, Severity, Verdict } from '../model/report.ts';
import { INVARIANTS } from '../model/report.ts';

/** Least severity that makes the exit code 1. */
export type FailOn = 'error' | 'warning' | 'never';

export interface VerdictOptions {
  readonly failOn: FailOn;
  readonly strict: boolean;
  readonly allowPartial: boolean;
}

export interface Judged {
  readonly services: readonly ServiceSummary[];
  readonly servicePorts: readonly ServicePortResult[];
  readonly findings: readonly Finding[];
  readonly coverage: Coverage;
}

/** The answer in one sentence, and the exit code: 0 nothing, 1 findings, 3 incomplete. */
export function verdictOf(judged: Judged, options: VerdictOptions): Verdict {
  const count = (severity: Severity): number =>
    judged.findings.filter((finding) => finding.severity === severity).length;
  const [errors, warnings, infos] = [count('error'), count('warning'), count('info')];
  const failing = options.failOn !== 'never' && (errors > 0 || (options.failOn === 'warning' && warnings > 0));
  const open = isIncomplete(judged);
  const outcome = errors + warnings > 0 ? 'findings' : open ? 'incomplete' : 'healthy';
  return {
    outcome,
    exitCode: exitCode(failing, open, options),
    errors,
    warnings,
    infos,
    summary: summary(judged, outcome),
  };
}

function exitCode(failing: boolean, open: boolean, options: VerdictOptions): number {
  if (failing || (open && options.strict)) return 1;
  return open && !options.allowPartial ? 3 : 0;
}

/** Something that was asked for could not be looked at, or not be judged. */
function isIncomplete({ servicePorts, coverage }: Judged): boolean {
  return (
    coverage.nodes.some((node) => node.reason !== undefined) ||
    servicePorts.some((port) => INVARIANTS.some((invariant) => port.invariants[invariant].state === 'undetermined'))
  );
}

function summary(judged: Judged, outcome: Verdict['outcome']): string {
  const subject = subjectOf(judged.services);
  const owner = ownerOf(judged.coverage);
  switch (outcome) {
    case 'healthy':
      return healthy(judged, subject);
    case 'findings':
      return broken(judged, subject);
    case 'incomplete':
      if (owner !== null) return `${subject}: Services are served by ${owner} here, not by kube-proxy.`;
      return `${subject} could not be judged completely: ${incomplete(judged)}.`;
  }
}

/** The one who serves Services on every node that was read; null: kube-proxy does, or they differ. */
function ownerOf({ nodes }: Coverage): string | null {
  const owners = new Set(nodes.filter((node) => node.read).map((node) => node.owner ?? null));
  const [owner = null] = owners;
  return owners.size === 1 ? owner : null;
}

function subjectOf(services: readonly ServiceSummary[]): string {
  const [first] = services;
  if (services.length === 1 && first !== undefined) return `${first.namespace}/${first.name}`;
  return `${services.length} Services`;
}

function healthy(judged: Judged, subject: string): string {
  const be = judged.services.length === 1 ? 'is' : 'are';
  if (judged.services.length === 0) return 'There is no Service to judge.';
  if (judged.servicePorts.length === 0)
    return `${subject} ${judged.services.length === 1 ? 'has' : 'have'} no rules on nodes: ${reasons(judged.services)}.${dnsWords(judged)}`;
  const read = judged.coverage.nodes.length;
  return `${subject} ${be} healthy: kube-proxy's rules on ${read} of ${read} nodes are what the API asks for.`;
}

/** Of Services without rules there is nothing to judge but DNS: whether that was looked at is part of the answer. */
function dnsWords({ services, coverage: { dns, missing } }: Judged): string {
  if (services.every((service) => service.dns === 'ok')) return ' The cluster DNS answers as it should.';
  if (services.some((service) => service.dns !== undefined))
    return ' Not all answers of the cluster DNS could be judged.';
  const why = dns?.reason ?? missing.find(({ part }) => part === 'dns')?.reason;
  return ` The cluster DNS was not asked${why === undefined ? '' : `: ${why}`}.`;
}

function reasons(services: readonly ServiceSummary[]): string {
  return [...new Set(services.map((service) => service.withoutRules ?? 'without a usable port'))].join(', ');
}

function broken(judged: Judged, subject: string): string {
  const { findings, coverage, services } = judged;
  const errors = findings.filter((finding) => finding.severity === 'error');
  const nodes = new Set(errors.flatMap((finding) => finding.nodes));
  const open = coverage.nodes.filter((node) => node.reason !== undefined).length;
  const rest = open === 0 ? '' : ` ${open} of ${coverage.nodes.length} nodes could not be judged.`;
  if (errors.length === 0)
    return `${subject}: ${findings.length === 1 ? 'one warning' : `${findings.length} warnings`}, nothing that breaks connections.${rest}`;
  const owner = ownerOf(coverage);
  const by = owner === null ? '' : ` Services are served by ${owner} here, not by kube-proxy.`;
  const who = services.length === 1 ? `${subject} is broken` : brokenServices(judged);
  const where = nodes.size === 0 ? '' : ` on ${nodes.size} of ${coverage.nodes.length} nodes`;
  return `${who}${where}.${by === '' ? rest : by}`;
}

function brokenServices({ services }: Judged): string {
  const failed = services.filter((service) => service.state === 'failed').length;
  return `${failed} of ${services.length} Services ${failed === 1 ? 'is' : 'are'} broken`;
}

function incomplete({ coverage }: Judged): string {
  const open = coverage.nodes.filter((node) => node.reason !== undefined);
  if (open.length === 0) return 'some rules are not understood';
  const unread = open.filter((node) => !node.read).length;
  return unread === open.length
    ? `${unread} of ${coverage.nodes.length} nodes ${unread === 1 ? 'was' : 'were'} not read`
    : `${open.length} of ${coverage.nodes.length} nodes ${open.length === 1 ? 'was' : 'were'} not judged`;
}
