/**
 * Guards the one thing the sketch must never do: forget a cost before it is a window old, or say less than it was told.
 */
import { describe, expect, test } from 'vitest';
import { seeded } from './attacks.ts';
import { halfSipHash } from './halfsiphash.ts';
import { GENERATIONS, generationTicks, Sketch } from './sketch.ts';

const said = (sketch: Sketch, tag: number, tick: number): number =>
  sketch.ask(tag, 0, tick).reduce((sum, { cost }) => sum + cost, 0);

describe('the sketch', () => {
  test.each([
    [33, 100],
    [33, 10_000],
    [25, 1_000_000],
  ])(
    'with %i counters: whatever is evicted in any tick is known for a whole window, and not for ever',
    (counters, limit) => {
      const ticks = generationTicks(counters);
      for (let evicted = 0; evicted < 3 * ticks; evicted++) {
        const sketch = new Sketch(64, counters, limit);
        sketch.add(7, 0, 50, evicted);
        // Admitted in the tick of its eviction at the latest, so its counter would have lived `counters` ticks.
        for (let tick = evicted; tick < evicted + counters; tick++) {
          expect(said(sketch, 7, tick), `evicted in ${evicted}, asked in ${tick}`).toBeGreaterThanOrEqual(50);
        }
        expect(said(sketch, 7, evicted + GENERATIONS * ticks)).toBe(0);
      }
    },
  );

  test('never says less than it was told, however full, and at most the limit is lost to a full cell', () => {
    for (const limit of [255, 60_000, 1_000_000]) {
      const random = seeded(limit);
      const sketch = new Sketch(32, 33, limit);
      const told = new Map<number, number>();
      for (let i = 0; i < 2_000; i++) {
        const tag = Math.floor(random() * 300);
        const cost = 1 + Math.floor(random() * limit * 0.2);
        sketch.add(tag, 0, cost, i % 7);
        told.set(tag, (told.get(tag) ?? 0) + cost);
      }
      for (const [tag, cost] of told) expect(said(sketch, tag, 6)).toBeGreaterThanOrEqual(Math.min(cost, limit));
    }
  });

  test('two sources that share all cells in one generation are strangers in the next', () => {
    let shared = 0;
    let again = 0;
    const sketch = (): Sketch => new Sketch(4, 33, 100);
    for (let other = 2; other < 2_000; other++) {
      const first = sketch();
      first.add(1, 0, 10, 0);
      if (said(first, other, 0) === 0) continue;
      shared++;
      const next = sketch();
      next.add(1, 0, 10, 7);
      if (said(next, other, 7) > 0) again++;
    }
    expect(shared).toBeGreaterThan(50);
    expect(again / shared).toBeLessThan(0.3);
  });
});

describe('the hash of the model', () => {
  // github.com/veorq/SipHash, `vectors.h`, vectors_hsip64: key 00 01 … 07, message 00 01 … of each length.
  test.each(
    [
      '218d1f59b9b83cc8',
      'be552412f8387315',
      '064f39ef7c50eb57',
      'ce0f1a45f7060679',
      'd5e78a175be52ea1',
      'cb9d7c3f2f3db580',
    ].map((output, bytes) => [bytes, output] as const),
  )('HalfSipHash-2-4 of %i bytes is %s', (bytes, output) => {
    const message = Uint8Array.from({ length: bytes }, (_, i) => i);
    const out = Buffer.alloc(8);
    for (const [i, word] of halfSipHash(message, 0x03020100, 0x07060504).entries()) out.writeUInt32LE(word, 4 * i);
    expect(out.toString('hex')).toBe(output);
  });
});
