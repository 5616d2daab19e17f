/**
 * What the limiter remembers of sources that the table had no room for: a count-min sketch in six generations, which
 * may say too much and never says too little.
 *
 * Relies on: nothing. Refuses: to forget a cost before it is a window old (see GENERATION_TICKS).
 */

export const GENERATIONS = 6;
export const ROWS = 4;
/** Epochs are generation numbers modulo this (a multiple of six), plus one. */
export const EPOCHS = 4_294_967_292;

/**
 * Ticks a generation lasts. It is forgotten as many ticks after it was last written as there are counters; its place is
 * written over at g + 6n of the tick g at which it began. The last write is at g + n − 1 at the latest, so 5n + 1 ≥
 * counters: 7 for 33 counters (36 ≥ 33), 5 for 25 (26 ≥ 25).
 */
export const generationTicks = (counters: number): number => Math.ceil((counters - 1) / 5);

/** Each generation scatters anew: two sources that share cells in one are strangers in the next. */
export function cellsOf(tag: number, set: number, epoch: number, width: number): number[] {
  let a = (tag ^ Math.imul(epoch, 0x9e3779b1)) >>> 0;
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) >>> 0;
  a = Math.imul(a ^ (a >>> 13), 0xc2b2ae35) >>> 0;
  a = (a ^ (a >>> 16)) >>> 0;
  const turned = ((a << 16) | (a >>> 16)) >>> 0;
  const b = ((turned + Math.imul(set, 0x9e3779b1)) | 1) >>> 0;
  return Array.from({ length: ROWS }, (_, row) => ((a + Math.imul(row, b)) >>> 0) % width);
}

/** What one generation remembers of a source, and the tick at which it is forgotten. */
export interface Said {
  cost: number;
  until: number;
}

export class Sketch {
  /** Cells by generation number (unbounded here: no wrap, no reuse). */
  private readonly generations = new Map<number, { rows: Uint16Array[]; written: number }>();
  /** Limits up to 255 need no more than bytes, so twice as many cells fit the same memory. */
  private readonly cellMax: number;
  private readonly width: number;
  private readonly ticks: number;
  private readonly counters: number;
  private readonly scale: number;

  constructor(width: number, counters: number, limit: number) {
    this.width = width;
    this.ticks = generationTicks(counters);
    this.counters = counters;
    this.cellMax = limit <= 255 ? 255 : 65_535;
    // A cell must be able to say `limit`: above 65,535 it counts in coarser units, rounded up.
    this.scale = Math.ceil(limit / this.cellMax);
  }

  /** Conservative update (Estan & Varghese 2002): raise only what is below the new minimum. Still never too little. */
  add(tag: number, set: number, cost: number, tick: number): void {
    const generation = Math.floor(tick / this.ticks);
    let kept = this.generations.get(generation);
    if (kept === undefined) {
      kept = { rows: Array.from({ length: ROWS }, () => new Uint16Array(this.width)), written: tick };
      this.generations.set(generation, kept);
      for (const old of [...this.generations.keys()]) {
        if (old <= generation - GENERATIONS) this.generations.delete(old);
      }
    }
    kept.written = tick;
    const { rows } = kept;
    const cells = this.cells(tag, set, generation);
    const least = Math.min(...rows.map((row, i) => row[cells[i]!]!));
    const raised = Math.min(this.cellMax, least + Math.ceil(cost / this.scale));
    for (const [i, row] of rows.entries()) row[cells[i]!] = Math.max(row[cells[i]!]!, raised);
  }

  /** What each living generation says, with the tick at which it will be forgotten. */
  ask(tag: number, set: number, tick: number): Said[] {
    const now = Math.floor(tick / this.ticks);
    const said: Said[] = [];
    for (const [generation, { rows, written }] of this.generations) {
      const until = written + this.counters;
      if (generation <= now - GENERATIONS || until <= tick) continue;
      const cells = this.cells(tag, set, generation);
      const least = Math.min(...rows.map((row, i) => row[cells[i]!]!));
      if (least > 0) said.push({ cost: least * this.scale, until });
    }
    return said;
  }

  private cells(tag: number, set: number, generation: number): number[] {
    return cellsOf(tag, set, (generation % EPOCHS) + 1, this.width);
  }
}
