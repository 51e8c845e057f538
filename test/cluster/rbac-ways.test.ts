/** Nodes read with exactly the privileges `rbac --via` prints, and with each of them taken away: what is missing is named. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  PERMISSIONS,
  PORT_PERMISSIONS,
  rbacObjects,
  WAY_PERMISSIONS,
  type Permission,
} from '../../src/collect/cluster/permissions.ts';
import { labUnavailable, startLab, type Lab } from './lab.ts';
import { Svcdoctor, type Outcome } from './svcdoctor.ts';

const USER = 'jane';
const NAMESPACE = 'svcdoctor';
const READING = [...PERMISSIONS, ...PORT_PERMISSIONS];
const WAYS = ['kube-proxy', 'debug-pod'] as const;

const unavailable = labUnavailable();

const CASES = WAYS.flatMap((via) =>
  WAY_PERMISSIONS[via].map((permission) => {
    const { verb, resource } = permission;
    return { via, permission, name: `${verb} ${resource.plural} for --via ${via}` };
  }),
);

describe.skipIf(unavailable !== null)(
  `least privileges of each way${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;
    let doctor: Svcdoctor;

    beforeAll(async () => {
      lab = await startLab({ full: true });
      doctor = new Svcdoctor(lab);
      doctor.kubectl(['create', 'namespace', NAMESPACE]);
    }, 900_000);

    afterAll(async () => {
      await lab?.down();
    });

    function grant(permissions: readonly Permission[]): void {
      const subject = { kind: 'User', name: USER } as const;
      const items = rbacObjects({ namespaces: ['default'], subject, permissions, debugNamespace: NAMESPACE });
      for (const place of [[], ['-n', 'kube-system'], ['-n', 'default'], ['-n', NAMESPACE]]) {
        const kinds = place.length === 0 ? 'clusterrole,clusterrolebinding' : 'role,rolebinding';
        doctor.kubectl(['delete', kinds, 'svcdoctor', 'svcdoctor-pods', ...place, '--ignore-not-found']);
      }
      doctor.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    }

    /** The authorizer may take a moment to know a new role. */
    async function until(wanted: (outcome: Outcome) => boolean, ...argv: readonly string[]): Promise<Outcome> {
      const run = async (): Promise<Outcome> => doctor.run(...argv, '--debug-namespace', NAMESPACE, '--as', USER);
      let outcome = await run();
      for (let attempt = 0; attempt < 5 && !wanted(outcome); attempt++) outcome = await run();
      return outcome;
    }

    it.each(WAYS)('are enough for --via %s', { timeout: 120_000 }, async (via) => {
      grant([...READING, ...WAY_PERMISSIONS[via]]);
      const outcome = await until(({ status }) => status === 0, 'check', 'hostnames', '--via', via);
      expect(outcome.stdout).toContain('3 of 3 nodes');
      expect(outcome.status).toBe(0);
      expect(doctor.ownPods()).toEqual([]);
    });

    it('are enough to clean up where pods may be made', { timeout: 120_000 }, async () => {
      grant([...READING, ...WAY_PERMISSIONS['debug-pod']]);
      const { stdout } = await until(({ status }) => status === 0, 'collect', '--cleanup');
      expect(stdout).toBe(`no pod of kubectl-svcdoctor in namespace ${NAMESPACE}, the only one that was looked at\n`);
    });

    it.each(CASES)('without $name, that is said', { timeout: 120_000 }, async ({ via, permission }) => {
      grant([...READING, ...WAY_PERMISSIONS[via].filter((one) => one !== permission)]);
      const isForCleanup = permission.verb === 'list';
      const argv = isForCleanup ? ['collect', '--cleanup'] : ['check', 'hostnames', '--via', via, '-o', 'json'];
      const named = `cannot ${permission.verb} resource \\"${permission.resource.plural}\\"`;
      const said = ({ stdout, stderr }: Outcome): string => `${stdout}${JSON.stringify(stderr)}`;
      const outcome = await until((one) => said(one).includes(named), ...argv);
      expect(said(outcome)).toContain(named);
      expect(outcome.status).toBe(isForCleanup ? 2 : 3);
      expect(doctor.ownPods()).toEqual([]);
    });
  },
);
