/**
 * Figures beside budgets: one table for people, one file for machines.
 *
 * Relies on: `budgets.json`, whose sentences are those of the design. Refuses: to round before it compares.
 */
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { Figure } from './measure.ts';

export interface Budget {
  /** `id` of a figure. */
  readonly figure: string;
  readonly min?: number;
  readonly max?: number;
  /** Where the number comes from. */
  readonly sentence: string;
}

export type Verdict = 'pass' | 'short' | 'none';

export interface Row extends Figure {
  readonly budget?: Budget;
  readonly verdict: Verdict;
}

export interface Report {
  readonly date: string;
  readonly node: string;
  readonly machine: string;
  readonly size: 'full' | 'small';
  readonly benchmarks: readonly string[];
  readonly rows: readonly Row[];
}

export function readBudgets(): Budget[] {
  return JSON.parse(readFileSync(new URL('./budgets.json', import.meta.url), 'utf8')) as Budget[];
}

export function judge(figures: readonly Figure[], budgets: readonly Budget[]): Row[] {
  return figures.map((figure) => {
    const budget = budgets.find((candidate) => candidate.figure === figure.id);
    if (budget === undefined) return { ...figure, verdict: 'none' };
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = budget;
    return { ...figure, budget, verdict: figure.value >= min && figure.value <= max ? 'pass' : 'short' };
  });
}

export function machine(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${all[0]?.model.trim() ?? 'unknown CPU'}, ${all.length} cores, ${memory} GiB, ${process.platform} ${process.arch}`;
}

export const number = (value: number): string => {
  const digits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 100 ? 1 : Math.abs(value) >= 10 ? 2 : 3;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits });
};

function bound({ min, max }: Budget): string {
  if (min !== undefined && max !== undefined) return `${min} … ${max}`;
  return min !== undefined ? `≥ ${min}` : `≤ ${max}`;
}

const cells = (row: Row): [string, string, string, string] => [
  row.note === undefined ? row.what : `${row.what} (${row.note})`,
  `${number(row.value)} ${row.unit}`,
  row.budget === undefined ? '–' : bound(row.budget),
  row.verdict === 'none' ? '–' : row.verdict,
];

const HEAD: readonly string[] = ['what', 'figure', 'budget', ''];

/** Columns for a terminal. */
export function table(report: Report): string {
  const lines = [HEAD, ...report.rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return [...text, '', summary(report)].join('\n');
}

export function summary(report: Report): string {
  const short = report.rows.filter(({ verdict }) => verdict === 'short');
  const passed = report.rows.filter(({ verdict }) => verdict === 'pass').length;
  return `${report.machine} · Node ${report.node} · ${report.date} · ${passed} of ${passed + short.length} budgets hold`;
}

/** The same as a page. */
export function page(report: Report): string {
  const budgeted = report.rows.filter(({ verdict }) => verdict !== 'none');
  const row = (given: Row): string => `| ${cells(given).join(' | ')} |`;
  return [
    '# Benchmarks',
    '',
    `${summary(report)}. Made by \`npm run bench\`; costs are CPU time of the process, comparisons are ratios of rounds`,
    'run alternately. What each row means stands at the head of its file in `bench/`.',
    '',
    '## Budgets',
    '',
    '| what | figure | budget | |',
    '| --- | --- | --- | --- |',
    ...budgeted.map(row),
    '',
    '## Everything',
    '',
    '| what | figure | budget | |',
    '| --- | --- | --- | --- |',
    ...report.rows.map(row),
    '',
  ].join('\n');
}
