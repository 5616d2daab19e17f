/**
 * Guards the audit of the lockfile: a grave advisory fails, and where nobody could be asked nothing counts as passed. The answers
 * are those of npm 11.
 */
import { expect, it } from 'vitest';
import { judged } from '../../tools/audit.ts';
import { count, type Skip } from '../../tools/tally.ts';
import skips from '../skips.json' with { type: 'json' };

const answer = (severities: Record<string, string>): string => {
  const vulnerabilities = Object.entries(severities).map(([name, severity]) => [name, { name, severity }]);
  return JSON.stringify({ auditReportVersion: 2, vulnerabilities: Object.fromEntries(vulnerabilities), metadata: {} });
};

it.each(['high', 'critical'])('an advisory of severity %s fails, by its name', (severity) => {
  const { state, sentence } = judged(answer({ harmless: 'low', broken: severity }));
  expect(state).toBe('failed');
  expect(sentence).toContain(`broken (${severity})`);
  expect(sentence).not.toContain('harmless');
});

it('none, or slight ones, pass', () => {
  for (const slight of [{}, { a: 'low', b: 'moderate', c: 'info' }])
    expect(judged(answer(slight)).state).toBe('passed');
});

it.each([
  ['405', '{"message":"405 Method Not Allowed","method":"POST","statusCode":405,"error":{"summary":"","detail":""}}'],
  ['no answer', '{"message":"request failed, reason: connect ECONNREFUSED","error":{"summary":"","detail":""}}'],
  ['no answer', ''],
  ['no answer', 'npm error code ENOTFOUND'],
])('a source that cannot be reached is said, and nothing passed: %s', (why, said) => {
  const { state, sentence } = judged(said);
  expect(state).toBe('skipped');
  expect(sentence).toContain(why);
  const line = { file: 'tools/audit.ts', name: 'the lockfile pins nothing with a known advisory', state };
  expect(count([line], 0, skips as Skip[])).toMatchObject({ passed: 0, failed: 0, skipped: 1 });
});
