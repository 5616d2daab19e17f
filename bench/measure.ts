/**
 * What every benchmark measures with: CPU time, medians, quantiles, seeded randomness, and the shape of a figure.
 *
 * Relies on: node:process. Refuses: wall time where CPU time will do. The machine may be shared, so costs are CPU
 * microseconds of the whole process — collecting garbage and compiling count as the price they are — and comparisons
 * are ratios of rounds that were run alternately (A B C A B C …): what slows one round slows its neighbours too.
 */

/** One measured number. `id` is what `budgets.json` calls it. */
export interface Figure {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly note?: string;
}

/** `full` is what results are kept from; `small` runs everything in seconds and proves only that it runs. */
export type Size = 'full' | 'small';

export interface Task {
  readonly size: Size;
  /** Says that long work goes on. */
  progress(line: string): void;
}

export type Benchmark = (task: Task) => Promise<Figure[]>;

/** CPU µs of this process since it began, all threads. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** CPU µs of `work`. */
export function cpuOf(work: () => void): number {
  const before = cpuMicros();
  work();
  return cpuMicros() - before;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which the share `q` of a sorted array lies. */
export function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

/** Medians of `values[i] / others[i]`: neighbours in time are compared, then the median is taken. */
export function medianRatio(values: readonly number[], others: readonly number[]): number {
  return median(values.map((value, round) => value / others[round]!));
}

/** xorshift32: the same numbers on every machine. */
export function randomFrom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** `draws` indexes below `count`, each equally likely. */
export function uniform(count: number, draws: number, seed: number): Uint32Array {
  const random = randomFrom(seed);
  return Uint32Array.from({ length: draws }, () => Math.floor(random() * count));
}

/** `draws` indexes below `count` by Zipf's law with exponent 1: the i-th is asked for 1/i as often as the first. */
export function zipf(count: number, draws: number, seed: number): Uint32Array {
  const sums = new Float64Array(count);
  for (let i = 0, sum = 0; i < count; i++) sums[i] = sum += 1 / (i + 1);
  const random = randomFrom(seed);
  return Uint32Array.from({ length: draws }, () => {
    const target = random() * sums[count - 1]!;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < target) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/** What a series of single calls cost. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** The longest call, µs: the smaller of wall time (which counts being preempted) and CPU time (which counts helpers). */
  readonly worst: number;
}

/** Times each call of `one` alone. Wall µs, with the clock's own cost in them (~0.1 µs). */
export function latencyOf(calls: number, prepare: (call: number) => void, one: () => unknown): Latency {
  const times = new Float64Array(calls);
  let worst = 0;
  let cpu = cpuMicros();
  for (let call = 0; call < calls; call++) {
    prepare(call);
    const began = performance.now();
    one();
    const micros = (performance.now() - began) * 1_000;
    const cpuAfter = cpuMicros();
    times[call] = micros;
    worst = Math.max(worst, Math.min(micros, cpuAfter - cpu));
    cpu = cpuAfter;
  }
  times.sort();
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), p999: quantile(times, 0.999), worst };
}

/** As {@link latencyOf}, for calls that answer with a promise. */
export async function latencyOfAsync(
  calls: number,
  prepare: (call: number) => void,
  one: () => Promise<unknown>,
): Promise<Latency> {
  const times = new Float64Array(calls);
  let worst = 0;
  let cpu = cpuMicros();
  for (let call = 0; call < calls; call++) {
    prepare(call);
    const began = performance.now();
    await one();
    const micros = (performance.now() - began) * 1_000;
    const cpuAfter = cpuMicros();
    times[call] = micros;
    worst = Math.max(worst, Math.min(micros, cpuAfter - cpu));
    cpu = cpuAfter;
  }
  times.sort();
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), p999: quantile(times, 0.999), worst };
}
