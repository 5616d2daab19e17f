/**
 * Guards "nothing is lost" on a real server under a hostile crowd: the crowd's own ledger equals what the stored log accounts
 * for, as a process reads it that never saw it written, and heap, log and files stay in their bounds. The seed is the commit's
 * name, so each commit meets another crowd; ten minutes of it are in the deep tier.
 */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { hostile } from '../lab/hostile.ts';

const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', cwd: import.meta.dirname });
const seed = Number.parseInt(commit.slice(0, 7), 16);

it(`a stored log accounts for every request of a hostile crowd, once (seed ${seed}, 60 s)`, async () => {
  const { faults, figures } = await hostile({ seed, seconds: 60, print: console.log });
  console.log(JSON.stringify(figures));
  expect(faults).toEqual([]);
}, 240_000);
