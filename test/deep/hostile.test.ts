/**
 * Guards as test/wide/hostile.test.ts, for ten minutes: a server under a hostile crowd neither loses a request nor grows.
 *
 * Relies on: a build. `TRACEHOUND_HOSTILE_SECONDS` says how long (default 600); the seed is the commit's name.
 */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { hostile } from '../lab/hostile.ts';

const seconds = Number(process.env.TRACEHOUND_HOSTILE_SECONDS ?? 600);
const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname });
const seed = Number.parseInt(commit.slice(0, 7), 16);

it(`a stored log accounts for every request of a hostile crowd, once (seed ${seed}, ${seconds} s)`, async () => {
  const { faults, figures } = await hostile({ seed, seconds, print: console.log });
  console.log(JSON.stringify(figures));
  expect(faults).toEqual([]);
});
