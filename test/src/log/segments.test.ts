/**
 * Guards what waits to be stored: `src/log/segments.ts`. What is given up first, what never, and that the tree stays whole.
 */
import { describe, expect, it } from 'vitest';
import { KIND, KINDS, LIMITED, RECORD_BYTES, SEVERITY } from '../../../src/formats/record';
import { Frontier, leafHash, treeHead } from '../../../src/formats/tlog';
import { Segments } from '../../../src/log/segments';

const UNINSPECTED = KINDS.indexOf('UNINSPECTED');
const NAMED = KINDS.map((name, kind) => [name, kind] as const).filter(([name]) => name !== '');

function recordOf(kind: number, severity: number, seq: number): Uint8Array {
  const record = new Uint8Array(RECORD_BYTES);
  record[KIND] = kind;
  record[SEVERITY] = severity;
  new DataView(record.buffer).setUint32(12, seq);
  return record;
}

/** Four full segments of these records, one after the other, each with a sidecar. */
function filled(kindOf: (seq: number) => number, severity: number): { segments: Segments; records: Uint8Array[] } {
  const segments = new Segments();
  const records = Array.from({ length: 1_024 }, (_, seq) => recordOf(kindOf(seq), severity, seq));
  for (const record of records) segments.append(leafHash(record), record, Uint8Array.of(7));
  return { segments, records };
}

/** What is left of the second segment, the oldest that may be thinned, as objects of a store. */
function second(segments: Segments): Map<string, Uint8Array> {
  segments.next();
  segments.markStored();
  return new Map(segments.next()!.objects);
}

describe('a segment that is thinned', () => {
  it.each(NAMED)('of %s gives up what is slight, and only that', (_, kind) => {
    for (const severity of [0, 1, 2, 3, 255]) {
      const { segments, records } = filled(() => kind, severity);
      expect(segments.thin()).toBe(true);
      const objects = second(segments);
      const isSlight = severity === 0 || kind === LIMITED || kind === UNINSPECTED;
      expect(objects.has('tile/entries/001'), `severity ${severity}`).toBe(!isSlight);
      expect(objects.has('tile/details/001')).toBe(!isSlight);
      // Their hashes stay: every proof still works.
      const tile = objects.get('tile/0/001')!;
      expect(tile).toHaveLength(256 * 32);
      expect(tile.subarray(0, 32)).toEqual(leafHash(records[256]!));
    }
  });

  it('is never the oldest, which may be on its way, nor one under way', () => {
    const { segments } = filled(() => UNINSPECTED, 255);
    segments.append(new Uint8Array(32), recordOf(UNINSPECTED, 0, 1_024), null);
    expect([segments.thin(), segments.thin(), segments.thin(), segments.thin()]).toEqual([true, true, true, false]);
    expect(new Map(segments.next()!.objects).has('tile/entries/000')).toBe(true);
  });
});

describe('a segment that collapses', () => {
  it.each(NAMED)('is one without which the rest can be checked: %s', (name, kind) => {
    const { segments } = filled((seq) => (seq === 300 ? kind : KINDS.indexOf('DUPLICATE')), 1);
    const range = segments.collapse();
    const isFirm = ['GENESIS', 'PANIC', 'RESUME', 'KEY', 'GAP'].includes(name);
    expect(range).toEqual(isFirm ? { from: 512, to: 768 } : { from: 256, to: 512 });
  });
});

it('a tail holds what is new, and gives the root that bundles would give', async () => {
  for (const size of [1, 2, 100, 255, 257, 300]) {
    const [one, other] = [new Segments(), new Segments()];
    const leaves: Uint8Array[] = [];
    for (let seq = 0; seq < size; seq++) {
      const record = recordOf(2, 1, seq);
      leaves.push(leafHash(record));
      for (const each of [one, other]) each.append(leafHash(record), record, null);
    }
    while (one.next() !== undefined && one.next()!.size < size) one.markStored();
    const first = Math.floor(size / 256) * 256;
    const tail = one.tail(first);
    expect(tail?.size).toBe(size);
    expect(tail?.root).toEqual(one.next()!.root);
    expect(tail?.objects.map(([path]) => path)).toEqual([`tail/${String(size).padStart(3, '0')}`]);
    // Where a bundle must be stored, there is no tail.
    expect(one.tail(size)).toBeUndefined();
    if (size > 256) expect(other.tail(0)).toBeUndefined();
    const root = await treeHead(Math.min(size, 256), async (level, index) => {
      const tree = new Frontier();
      for (const leaf of leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)) tree.append(leaf);
      return tree.root();
    });
    if (size <= 256) expect(tail?.root).toEqual(root);
  }
});

it('there is no tail of nothing: of a new log, nor of one of which all is stored', () => {
  const segments = new Segments();
  expect(segments.tail(0)).toBeUndefined();
  for (let seq = 0; seq < 256; seq++) {
    const record = recordOf(2, 1, seq);
    segments.append(leafHash(record), record, null);
  }
  segments.next();
  segments.markStored();
  expect(segments.tail(256)).toBeUndefined();
});
