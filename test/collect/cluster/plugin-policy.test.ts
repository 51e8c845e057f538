import { afterAll, describe, expect, it } from 'vitest';
import { checkPluginPolicy } from '../../../src/collect/cluster/plugin-policy.ts';
import { failureOf, scratchFolder } from './lab.ts';

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const login = scratch.write('bin/login', '', 0o700);
scratch.write('bin/other', '', 0o700);

const HEAD = 'apiVersion: kubectl.config.k8s.io/v1beta1\nkind: Preference\n';

function check(kuberc: string, command: string, variables: Record<string, string> = {}): Promise<void> {
  scratch.write('home/.kube/kuberc', kuberc);
  return checkPluginPolicy(command, scratch.environment({ PATH: `${scratch.root}/bin`, ...variables }));
}

describe('the kuberc', () => {
  it.each([
    ['', 'login'],
    [HEAD, 'login'],
    [`${HEAD}credentialPluginPolicy: AllowAll`, 'login'],
    [`${HEAD}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{name: login}]`, 'login'],
    [`${HEAD}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: login}]`, login],
    [`${HEAD}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: ${login}}]`, 'login'],
  ])('%j lets %s run', async (kuberc, command) => {
    await expect(check(kuberc, command)).resolves.toBeUndefined();
  });

  it.each([
    [`${HEAD}credentialPluginPolicy: DenyAll`, 'policy set to "DenyAll"'],
    [`${HEAD}---\n${HEAD}credentialPluginPolicy: DenyAll`, 'policy set to "DenyAll"'],
    [`${HEAD}credentialPluginPolicy: Odd`, 'policy set to "Odd"'],
    [`${HEAD}credentialPluginAllowlist: [{command: login}]`, 'policy set to ""'],
    [`${HEAD}credentialPluginPolicy: Allowlist`, 'it is not in credentialPluginAllowlist'],
    [`${HEAD}credentialPluginPolicy: Allowlist\ncredentialPluginAllowlist: [{command: other}, {}]`, 'it is not in'],
  ])('%j refuses', async (kuberc, why) => {
    const error = await failureOf(check(kuberc, 'login'));
    expect(error.message).toContain(`getting credentials: plugin "login" not allowed: ${why}`);
  });

  it('that is broken is an error, not a permission', async () => {
    const error = await failureOf(check(`${HEAD}credentialPluginPolicy: DenyAll\n  x: [`, 'login'));
    expect(error.message).toContain('error loading kuberc');
  });

  it('that is switched off, or another, counts as such', async () => {
    await expect(check(`${HEAD}credentialPluginPolicy: DenyAll`, 'login', { KUBERC: 'off' })).resolves.toBeUndefined();
    scratch.write('mine', `${HEAD}credentialPluginPolicy: DenyAll`);
    expect((await failureOf(check(HEAD, 'login', { KUBERC: 'mine' }))).message).toContain('not allowed');
  });
});
