/**
 * Runs worlds and lets the checkers look after every step. CI takes the commit as seed, so each commit explores new
 * ground and can be replayed from its name; seeds that failed once are replayed for good.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Checkers } from './checkers';
import { World } from './world';

const STEPS = 400;
const WORLDS = Number(process.env.TRACEHOUND_WORLDS ?? 40);

/** The first 32 bits of the commit's name; a fixed number where there is no repository. */
function commitSeed(): number {
  try {
    const name = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return Number.parseInt(name.slice(0, 8), 16);
  } catch {
    return 0x7472_6163;
  }
}

const given = process.env.TRACEHOUND_SEED;
const first = commitSeed();
const failedOnce = readFileSync(join(import.meta.dirname, 'seeds.txt'), 'utf8')
  .split('\n')
  .filter((line) => /^\d+$/.test(line))
  .map(Number);
const seeds = given ? [Number(given)] : [...failedOnce, ...Array.from({ length: WORLDS }, (_, i) => (first + i) >>> 0)];

test.each(seeds)('world %i keeps every promise', async (seed) => {
  const world = new World(seed);
  const checkers = new Checkers(world);
  let step = 0;
  try {
    for (; step < STEPS; step++) {
      world.pass();
      checkers.after(world.step(), step);
    }
    await checkers.close();
  } catch (error) {
    (error as Error).message =
      `seed ${seed}, step ${step} (${JSON.stringify(world.nature)}): ${(error as Error).message}`;
    throw error;
  }
  expect(world.ground.th.watcher.snapshot().status).toBe('closed');
});
