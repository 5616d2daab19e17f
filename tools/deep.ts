/**
 * Runs what takes long, and writes down what came of it: `npm run test:deep`, or `npm run test:deep -- worlds lives` for
 * some parts. The results stand in `test/deep/results.md`, the latest of each part, with commit and machine.
 *
 * Relies on: a build, vitest, git. Refuses: to write that something passed which was run on changed files without saying so.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { count, type Line, type Skip } from './tally.ts';

const root = join(import.meta.dirname, '..');
const results = join(root, 'test', 'deep', 'results.md');

interface Part {
  readonly what: string;
  /** Arguments of `vitest run`. */
  readonly run: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const PARTS: Readonly<Record<string, Part>> = {
  worlds: {
    what: '1,000 simulated worlds of 400 steps from the commit’s seed, the checkers after every step',
    run: ['--config', 'test/sim/vitest.config.ts', 'test/sim/sim.test.ts'],
    env: { TRACEHOUND_WORLDS: '1000' },
  },
  lives: {
    what: '50 seeds × 6 recorded lives of 2,000 steps, equal to the byte on both builds of the core',
    run: ['--config', 'test/deep/vitest.config.ts', 'test/deep/lives.test.ts'],
    env: {},
  },
  bytes: {
    what: 'every byte of a log and of its checkpoint changed, one after the other: the verifier says so each time',
    run: ['test/src/verify/attacks.test.ts'],
    env: { TRACEHOUND_EVERY_BYTE: '1' },
  },
  hostile: {
    what: 'ten minutes of a hostile crowd against a real server: the log accounts for every request, heap and log stay small',
    run: ['--config', 'test/deep/vitest.config.ts', 'test/deep/hostile.test.ts'],
    env: {},
  },
};

const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/** The commit that is looked at; a plus where files have changed since, apart from the results themselves. */
function commit(): string {
  const changed = git('status', '--porcelain', '--', '.', ':!test/deep/results.md') !== '';
  return `${git('rev-parse', '--short=10', 'HEAD')}${changed ? ' + changes' : ''}`;
}

function machine(): string {
  const all = cpus();
  return `${all[0]?.model.trim() ?? 'unknown'} × ${all.length}, Node ${process.versions.node}`;
}

/** Runs a part; its row of the table. */
function row(name: string, { what, run, env }: Part): { readonly text: string; readonly failed: number } {
  const folder = mkdtempSync(join(tmpdir(), 'tracehound-deep-'));
  const tally = join(folder, 'tally');
  const began = performance.now();
  const looked = commit();
  const { status } = spawnSync(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...run], {
    cwd: root,
    env: { ...process.env, ...env, TRACEHOUND_TALLY: tally },
    stdio: 'inherit',
  });
  const lines = readFileSync(tally, 'utf8').split('\n').filter(Boolean);
  rmSync(folder, { recursive: true });
  const skips = JSON.parse(readFileSync(join(root, 'test/skips.json'), 'utf8')) as Skip[];
  const { passed, failed, skipped, complaints } = count(
    lines.map((line) => JSON.parse(line) as Line),
    status ?? 1,
    skips,
  );
  for (const complaint of complaints) console.error(complaint);
  const seconds = Math.round((performance.now() - began) / 1_000);
  const cells = [
    name,
    what,
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
    `${seconds} s`,
    looked,
    machine(),
  ];
  return { text: `| ${cells.join(' | ')} |`, failed };
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in PARTS));
if (unknown.length > 0) throw new RangeError(`deep: unknown part, expected ${Object.keys(PARTS).join(' | ')}`);

let failures = 0;
for (const name of asked.length > 0 ? asked : Object.keys(PARTS)) {
  const { text, failed } = row(name, PARTS[name]!);
  failures += failed;
  // Written after each part: what follows may be interrupted.
  const before = readFileSync(results, 'utf8').trimEnd().split('\n');
  writeFileSync(results, `${[...before.filter((line) => !line.startsWith(`| ${name} |`)), text].join('\n')}\n`);
}
console.log(failures === 0 ? 'deep: every part passed' : `deep: ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
