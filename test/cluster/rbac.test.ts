/** A check with exactly the privileges `rbac` prints, and with each of them taken away: what is missing is named. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PERMISSIONS, rbacObjects, type Permission } from '../../src/collect/cluster/permissions.ts';
import type { Report } from '../../src/model/report.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const USER = 'jane';

const unavailable = labUnavailable();

interface Answer {
  readonly status: number | null;
  readonly report: Report | null;
  readonly stderr: string;
}

describe.skipIf(unavailable !== null)(
  `least privileges${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await startLab();
    }, 900_000);

    afterAll(async () => {
      await lab?.down();
    });

    function grant(permissions: readonly Permission[], namespaces: readonly string[] | null): void {
      const items = rbacObjects({ namespaces, subject: { kind: 'User', name: USER }, permissions });
      kubectl(['delete', 'clusterrole,clusterrolebinding', 'svcdoctor', '--ignore-not-found']);
      kubectl(['delete', 'role,rolebinding', 'svcdoctor', '-n', 'kube-system', '--ignore-not-found']);
      kubectl(['delete', 'role,rolebinding', 'svcdoctor', '-n', 'default', '--ignore-not-found']);
      kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    }

    function kubectl(args: readonly string[], input = ''): void {
      const { status, stderr } = spawnSync(lab.kubectl, ['--kubeconfig', lab.kubeconfig, ...args], {
        encoding: 'utf8',
        input,
      });
      if (status !== 0) throw new Error(stderr);
    }

    /** The authorizer may take a moment to know a new role. */
    async function check(wanted: (answer: Answer) => boolean, ...what: readonly string[]): Promise<Answer> {
      const where = ['--ssh-config', lab.sshConfig, '--kubeconfig', lab.kubeconfig, '--as', USER];
      const once = (): Answer => {
        const argv = [RUN, 'check', ...what, ...where, '-o', 'json'];
        const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 60_000 });
        return { status, stderr, report: stdout === '' ? null : (JSON.parse(stdout) as Report) };
      };
      let answer = once();
      for (let attempt = 0; attempt < 5 && !wanted(answer); attempt++) answer = once();
      return answer;
    }

    const isComplete = ({ status, report }: Answer): boolean => status === 0 && report?.coverage.missing.length === 0;

    it('are enough for a Service by name, for a namespace and for all of them', async () => {
      grant(PERMISSIONS, null);
      for (const what of [['hostnames'], ['--namespace', 'default'], ['--all-namespaces']]) {
        const { status, report, stderr } = await check(isComplete, ...what);
        expect(stderr).toBe('');
        expect(report?.coverage.missing).toEqual([]);
        expect(status).toBe(0);
      }
    });

    it('of one namespace are enough there, and nowhere else', async () => {
      grant(PERMISSIONS, ['default']);
      expect((await check(isComplete, 'hostnames')).status).toBe(0);
      const everywhere = await check(({ status }) => status === 2, '--all-namespaces');
      expect(everywhere.status).toBe(2);
      expect(everywhere.stderr).toContain(`User "${USER}" cannot list resource "services" in API group ""`);
    });

    it.each(
      PERMISSIONS.map((permission) => ({
        permission,
        name: `${permission.verb} ${permission.resource.plural} in ${permission.where}`,
      })),
    )('without $name, that is said', async ({ permission }) => {
      // Pods of kube-system are those of the Services too when Services of all namespaces are asked about.
      const namespaces = ['default'];
      grant(
        PERMISSIONS.filter((one) => one !== permission),
        namespaces,
      );
      const what = permission.verb === 'list' ? ['--namespace', 'default'] : ['hostnames'];
      const says = ({ stderr, report }: Answer): string =>
        `${stderr} ${report?.coverage.missing.map(({ reason }) => reason).join(' ') ?? ''}`;
      const named = `cannot ${permission.verb} resource "${permission.resource.plural}"`;
      const answer = await check((one) => says(one).includes(named), ...what);
      expect(says(answer)).toContain(named);
      // What is required ends the run; the rest is a gap that is shown beside the result.
      const required = permission.without === 'nothing can be judged' || permission.resource.plural === 'services';
      if (required) expect(answer.status).toBe(2);
      else expect(answer.report?.verdict.outcome).not.toBe('findings');
    });
  },
);
