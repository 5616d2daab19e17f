/**
 * Guards that both builds of the core live the same lives: every profile and both modes, from many seeds, end in the same
 * state, root, answers and image on WebAssembly and on the JavaScript made from it. The tests of each commit do this for
 * one seed.
 *
 * Relies on: a build. `TRACEHOUND_LIVES` says how many seeds (default 50); they begin at the commit's name, so each commit
 * looks at new ones.
 */
import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { instantiate } from '../../build/core.js.js';
import { node } from '../../runtimes/node/index';
import type { Runtime } from '../../src/index';
import { LIVES, replay } from '../conformance/index';
import { decided } from '../lab/decided';

const SEEDS = Number(process.env.TRACEHOUND_LIVES ?? 50);
const COUNT = 2_000;
const js: Runtime = { ...node, core: instantiate };

const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
const first = Number.parseInt(commit.slice(0, 7), 16);
const lives = Array.from({ length: SEEDS }, (_, i) => first + i).flatMap((seed) =>
  LIVES.map(([profile, mode]) => ({ seed, profile, mode, count: COUNT })),
);

it.each(lives)('$profile, $mode, seed $seed: ends on both builds in the same bytes', async (life) => {
  const wasm = decided(await replay(node, life));
  expect(wasm).toMatchObject({ verified: true });
  expect(decided(await replay(js, life))).toEqual(wasm);
});
