/**
 * Asks an advisory source whether it knows something grave of what the lockfile pins: `npm run audit`. These are development
 * tools only, because the package installs nothing; one that is attacked could still change what is built.
 *
 * Where no source can be reached, that is said, and it counts as a skipped test: nobody looked, so nothing passed.
 *
 * Relies on: `npm audit`. Refuses: to fail because a network is missing.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Judged {
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly sentence: string;
}

interface Answer {
  readonly statusCode?: number;
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity?: string }>>;
}

const GRAVE = ['high', 'critical'];

/** What `npm audit --json` has said. */
export function judged(said: string): Judged {
  let answer: Answer = {};
  try {
    answer = JSON.parse(said) as Answer;
  } catch {
    // No answer at all: as good as none of use.
  }
  const { vulnerabilities, statusCode } = answer;
  if (vulnerabilities === undefined) {
    const why = statusCode === undefined ? 'no answer' : `an answer of ${statusCode}`;
    return { state: 'skipped', sentence: `no advisory source is reachable here (${why}): nobody has looked` };
  }
  const known = Object.entries(vulnerabilities).filter(([, { severity }]) => GRAVE.includes(severity ?? ''));
  if (known.length === 0) return { state: 'passed', sentence: 'no known advisory of high severity' };
  const names = known.map(([name, { severity }]) => `${name} (${severity})`);
  return { state: 'failed', sentence: `known advisories: ${names.join(', ')}` };
}

if (import.meta.main) {
  const args = ['audit', '--audit-level=high', '--json', '--fetch-retries=1', '--fetch-timeout=30000'];
  const { stdout } = spawnSync('npm', args, { cwd: join(import.meta.dirname, '..'), encoding: 'utf8' });
  const { state, sentence } = judged(stdout ?? '');
  console.log(`audit: ${sentence}`);
  const tally = process.env.TRACEHOUND_TALLY;
  const line = { file: 'tools/audit.ts', name: 'the lockfile pins nothing with a known advisory', state };
  if (tally !== undefined) appendFileSync(tally, `${JSON.stringify(line)}\n`);
  process.exitCode = state === 'failed' ? 1 : 0;
}
