/**
 * Guards `src/formats/paths.ts`: where the objects of a log lie. One place for each name, and one that nothing between a
 * store and its reader spells otherwise.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detailsPath, entriesPath, originPath, pathOrigin, tailPath, tilePath } from '../../../src/formats/paths';

describe('paths', () => {
  // The examples of C2SP tlog-tiles: tile/entries/x001/x234/067, and .p/W for what is not full.
  it('are those of tlog-tiles', () => {
    expect(tilePath(0, 0, 256)).toBe('tile/0/000');
    expect(tilePath(3, 5, 112)).toBe('tile/3/005.p/112');
    expect(entriesPath(1_234_067, 256)).toBe('tile/entries/x001/x234/067');
    expect(entriesPath(273, 112)).toBe('tile/entries/273.p/112');
    expect(entriesPath(1_000, 1)).toBe('tile/entries/x001/000.p/1');
    expect(detailsPath(1_000_000, 256)).toBe('tile/details/x001/x000/000');
    expect(tailPath(1_234)).toBe('tail/x001/234');
  });

  it.each([
    ['example.com/th/1', 'example.com/th/1'],
    ['local/018bcfe5-6800-7cc3-98c4-dc0c0c07398f', 'local/018bcfe5-6800-7cc3-98c4-dc0c0c07398f'],
    ['a:b', 'a_3Ab'],
    ['ö', '_C3_B6'],
    ['a%3Ab', 'a_253Ab'],
    ['../etc', '_2E_2E/etc'],
    ['./a', '_2E/a'],
    ['...', '...'],
    ['/a//b/', '_/a/_/b/_'],
    ['', '_'],
    ['a_b', 'a_5Fb'],
    ['example.com:8443/log', 'example.com_3A8443/log'],
    ['C:\\x', 'C_3A_5Cx'],
  ])('of the origin %j is %j', (origin, path) => {
    expect(originPath(origin)).toBe(path);
  });

  it('of origins are in no other place, and no two are one', () => {
    const text = fc.string({ unit: fc.constantFrom('.', '/', '%', '_', 'a', '2', 'E', 'ö', '\\', '\0'), maxLength: 8 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [first, second] = [originPath(a), originPath(b)];
        expect(first === second).toBe(a === b);
        for (const part of first.split('/')) expect(part).toMatch(/^(?!\.\.?$)[A-Za-z0-9._-]+$/);
      }),
      { seed: 20_261_126, numRuns: 2_000 },
    );
  });

  it('of origins are what a URL, a server that decodes it and a folder leave as they are', () => {
    const text = fc.string({
      unit: fc.constantFrom('.', ':', '/', '%', '_', ' ', '+', '?', '#', '~', 'ö', '8'),
      maxLength: 12,
    });
    fc.assert(
      fc.property(text, (origin) => {
        const path = originPath(origin);
        expect(new URL(`https://host/${path}/checkpoint`).pathname).toBe(`/${path}/checkpoint`);
        expect(decodeURIComponent(path)).toBe(path);
        expect(pathOrigin(path)).toBe(origin);
      }),
      { seed: 20_261_130, numRuns: 1_000 },
    );
  });

  it('that no origin has are nobody’s', () => {
    for (const path of ['_41', '_zz', '_3a', 'ä', 'a b', '_C3', '..', 'a/./b', '', 'a:b', '%3A', 'a_'])
      expect(pathOrigin(path), path).toBeUndefined();
  });
});
