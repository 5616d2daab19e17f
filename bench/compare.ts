/**
 * `npm run bench:compare -- --base <checkout> [--rounds 10] [--full] [names …]`: the same rows of two builds in alternating
 * rounds of fresh processes, and whether one is slower beyond doubt.
 *
 * Relies on: a build in both checkouts, each measured by its own `bench/`. Refuses: a verdict from one run. A row is `slower`
 * only when the lower end of the 95 % interval of its ratio lies above the tolerance; the raw rounds are kept.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import type { Benchmark, Figure, Size } from './measure.ts';
import { machine } from './report.ts';

const NAMES = ['size', 'start', 'core', 'intercept', 'threats', 'memory', 'flood', 'verify', 'edge'];
/** What measurement noise of a whole run may not hide: issue and budgets ask for it in these words. */
const TOLERANCE = 1.03;

/** One benchmark of one checkout, in this process; its figures go to standard output. */
async function measure(root: string, name: string, size: Size): Promise<void> {
  const module_ = (await import(pathToFileURL(`${root}/bench/${name}.ts`).href)) as Record<string, Benchmark>;
  const figures = await module_[name]!({ size, progress: () => {} });
  process.stdout.write(`\n${JSON.stringify(figures)}`);
}

function figuresOf(root: string, name: string, size: Size): Figure[] {
  const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--child', root, name, size], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(output.slice(output.lastIndexOf('\n') + 1)) as Figure[];
}

/** Student's t for 95 %, two-sided, by degrees of freedom; beyond the table the normal distribution's. */
const T95 = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131];

export interface Comparison {
  readonly id: string;
  readonly what: string;
  readonly unit: string;
  readonly base: readonly number[];
  readonly here: readonly number[];
  /** Geometric mean of here ÷ base, so turned that above 1 is worse; and its 95 % interval. */
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
}

/** More of these is better. */
const isGain = (figure: Pick<Figure, 'id' | 'unit'>): boolean =>
  /\/ ?(CPU-)?s$|per second/.test(figure.unit) || /\.ratio\.(peer|map)$/.test(figure.id);

export function compare(rows: ReadonlyMap<string, { figure: Figure; base: number[]; here: number[] }>): Comparison[] {
  const compared: Comparison[] = [];
  for (const [id, { figure, base, here }] of rows) {
    const logs = here.map((value, i) => Math.log(value / base[i]!) * (isGain(figure) ? -1 : 1));
    // A row of zeros, or of growth that is sometimes negative, has no ratio.
    if (logs.length < 2 || !logs.every(Number.isFinite)) continue;
    const mean = logs.reduce((sum, log) => sum + log, 0) / logs.length;
    const variance = logs.reduce((sum, log) => sum + (log - mean) ** 2, 0) / (logs.length - 1);
    const reach = (T95[logs.length - 2] ?? 1.96) * Math.sqrt(variance / logs.length);
    const { what, unit } = figure;
    compared.push({
      ...{ id, what, unit, base, here, ratio: Math.exp(mean) },
      ...{ low: Math.exp(mean - reach), high: Math.exp(mean + reach) },
    });
  }
  return compared;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      base: { type: 'string' },
      rounds: { type: 'string', default: '10' },
      full: { type: 'boolean' },
      out: { type: 'string' },
    },
    allowPositionals: true,
  });
  const names = positionals.length === 0 ? NAMES : positionals;
  const rounds = Number(values.rounds);
  const unknown = names.find((name) => !NAMES.includes(name));
  if (values.base === undefined || !(rounds >= 2) || unknown !== undefined) {
    console.error(
      'bench:compare: wrong call, expected --base <checkout> [--rounds ≥ 2] [--full] [--out file] [names …]',
    );
    process.exit(2);
  }
  const roots = { base: resolve(values.base), here: fileURLToPath(new URL('..', import.meta.url)) };
  const size: Size = values.full === true ? 'full' : 'small';
  const rows = new Map<string, { figure: Figure; base: number[]; here: number[] }>();
  for (let round = 0; round < rounds; round++) {
    // Who goes first changes: a machine that grows warmer or busier favours nobody.
    const order = round % 2 === 0 ? (['base', 'here'] as const) : (['here', 'base'] as const);
    for (const name of names) {
      for (const side of order) {
        for (const figure of figuresOf(roots[side], name, size)) {
          const row = rows.get(figure.id) ?? { figure, base: [], here: [] };
          row[side].push(figure.value);
          rows.set(figure.id, row);
        }
      }
      console.error(`round ${round + 1} of ${rounds}: ${name}`);
    }
  }
  const compared = compare(rows);
  const slower = compared.filter(({ low }) => low > TOLERANCE);
  for (const { what, ratio, low, high } of compared) {
    const verdict = low > TOLERANCE ? 'slower' : '';
    console.log(`${ratio.toFixed(3)}  [${low.toFixed(3)}, ${high.toFixed(3)}]  ${what}  ${verdict}`.trimEnd());
  }
  console.log(`\n${compared.length} rows, ${rounds} rounds: ${slower.length} slower than ${TOLERANCE} ×`);
  if (values.out !== undefined) {
    mkdirSync(new URL('./results/rounds/', import.meta.url), { recursive: true });
    const kept = {
      date: new Date().toISOString().slice(0, 10),
      node: process.version,
      machine: machine(),
      size,
      rounds,
    };
    const text = JSON.stringify({ ...kept, tolerance: TOLERANCE, rows: compared });
    writeFileSync(
      new URL(`./results/rounds/${values.out}.json`, import.meta.url),
      `${text.replaceAll('{"id"', '\n{"id"')}\n`,
    );
  }
  process.exitCode = slower.length === 0 ? 0 : 1;
}

const [mode, root, name, size] = process.argv.slice(2);
if (mode === '--child') await measure(root as string, name as string, size as Size);
else if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
