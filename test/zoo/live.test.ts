/** The zoo in a real cluster, asked through the API and over SSH: the recordings of the other tests were made this way. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Report } from '../../src/model/report.ts';
import { labUnavailable, startLab, type Lab } from '../cluster/lab.ts';
import { fillZoo } from '../cluster/zoo/fill.ts';
import { TRULY_WRONG, openQuestions } from './judge.ts';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

const unavailable = labUnavailable();

describe.skipIf(unavailable !== null)(
  `the zoo, live${unavailable === null ? '' : ` (skipped: ${unavailable})`}`,
  () => {
    let lab: Lab;

    beforeAll(async () => {
      lab = await startLab();
      await fillZoo(lab);
    }, 900_000);

    afterAll(async () => {
      await lab?.down();
    });

    function check(...flags: readonly string[]): Report {
      const where = ['--ssh-config', lab.sshConfig, '--kubeconfig', lab.kubeconfig];
      const { stdout, stderr } = spawnSync(process.execPath, [RUN, 'check', ...flags, ...where, '-o', 'json'], {
        encoding: 'utf8',
        maxBuffer: 1e9,
      });
      if (stdout === '') throw new Error(`check printed nothing: ${stderr}`);
      return JSON.parse(stdout) as Report;
    }

    it('has no finding but the Services that are truly wrong, and leaves nothing open', () => {
      const report = check('--all-namespaces');
      const found = report.findings.filter(({ severity }) => severity !== 'info');
      expect(found.map(({ code, servicePorts }) => [code, ...servicePorts])).toEqual(TRULY_WRONG);
      expect(openQuestions(report)).toEqual([]);
    });

    it.each(['plain', 'lb-everything', 'both-local', 'dual', 'affinity-local', 'a'.repeat(63)])(
      'judges %.20s alone as it does among all',
      (name) => {
        const report = check(name, '-n', 'zoo');
        expect(report.verdict).toMatchObject({ outcome: 'healthy', exitCode: 0 });
        expect(openQuestions(report)).toEqual([]);
      },
    );
  },
);
