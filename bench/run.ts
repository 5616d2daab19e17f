/**
 * `npm run bench [-- names …] [--small] [--strict]`: measures, prints one table, keeps the results of whole runs.
 *
 * Relies on: a build. Refuses: to fail because a machine is slow — a budget that is missed prints `short`, and only
 * `--strict` makes that an exit code.
 */
import { writeFileSync } from 'node:fs';
import { core } from './core.ts';
import { edge } from './edge.ts';
import { flood } from './flood.ts';
import { intercept } from './intercept.ts';
import type { Benchmark, Figure, Size } from './measure.ts';
import { memory } from './memory.ts';
import { judge, machine, page, type Report, readBudgets, table } from './report.ts';
import { size } from './size.ts';
import { start } from './start.ts';
import { threats } from './threats.ts';
import { verify } from './verify.ts';

const BENCHMARKS: Readonly<Record<string, Benchmark>> = {
  size,
  start,
  core,
  intercept,
  threats,
  memory,
  flood,
  verify,
  edge,
};

function readArguments(given: readonly string[]): { names: string[]; size: Size; strict: boolean } {
  const names: string[] = [];
  let size: Size = 'full';
  let strict = false;
  for (const argument of given) {
    if (argument === '--small') size = 'small';
    else if (argument === '--strict') strict = true;
    else if (argument in BENCHMARKS) names.push(argument);
    else {
      const known = [...Object.keys(BENCHMARKS), '--small', '--strict'].join(', ');
      console.error(`bench: unknown argument, expected ${known}, got ${argument}`);
      process.exit(2);
    }
  }
  return { names: names.length === 0 ? Object.keys(BENCHMARKS) : names, size, strict };
}

const asked = readArguments(process.argv.slice(2));
const began = performance.now();
const progress = (line: string): void => {
  console.error(`${`${Math.round((performance.now() - began) / 1_000)} s`.padStart(6)}  ${line}`);
};

const figures: Figure[] = [];
for (const name of asked.names) {
  progress(name);
  figures.push(...(await BENCHMARKS[name]!({ size: asked.size, progress })));
}

const report: Report = {
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  machine: machine(),
  size: asked.size,
  benchmarks: asked.names,
  rows: judge(figures, readBudgets()),
};
console.log(table(report));
// A run of some benchmarks, or a small one, must not replace what is known of all.
if (asked.size === 'full' && asked.names.length === Object.keys(BENCHMARKS).length) {
  const results = new URL('./results/', import.meta.url);
  writeFileSync(new URL(`${report.date}-${report.node}.json`, results), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(new URL('latest.md', results), page(report));
}
if (asked.strict && report.rows.some(({ verdict }) => verdict === 'short')) process.exit(1);
