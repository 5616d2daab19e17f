/** Guards `src/formats/address.ts`: the host reads an address as the core does, and that a range is what it seems to be. */
import { describe, expect, test } from 'vitest';
import { addressOf, isWithin, masked, networkOf, rangeOf } from '../../../src/formats/address';
import { seeded } from '../../ground';
import { parseAddress } from '../../model/address';

const SPELLINGS = [
  '1.2.3.4',
  '1.2.3.4:80',
  '255.255.255.255:65535',
  '::',
  '::1',
  '[::1]:80',
  '[::1]',
  '::ffff:1.2.3.4',
  '[::ffff:102:304]:443',
  '::1.2.3.4',
  '64:ff9b::1.2.3.4',
  '2002:102:304::',
  '2001:db8::1%eth0',
  '[2001:DB8::1%25en0]:8080',
  '1:2:3:4:5:6:7::',
  '::2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7:8',
];
/** What makes and breaks spellings. */
const LETTERS = '0123456789abcfF.:[]%/ -x';

const read = (text: string): number[] | undefined => {
  const address = addressOf(text);
  return address === undefined ? undefined : [...address];
};

describe('an address', () => {
  test('is read as the model reads it, which the core is held to', () => {
    for (const text of [
      ...SPELLINGS,
      '',
      '1.2.3',
      '01.2.3.4',
      '1.2.3.4:0',
      '1.2.3.4:65536',
      '[1.2.3.4]',
      '1::2::3',
      ':::',
    ]) {
      expect([text, read(text)]).toEqual([text, parseAddress(text)]);
    }
  });

  test('and so is everything that is nearly one', () => {
    const seed = 20_261_126;
    const below = seeded(seed);
    for (let round = 0; round < 40_000; round++) {
      const letters = [...(SPELLINGS[below(SPELLINGS.length)] as string)];
      for (let edits = below(3) + 1; edits > 0; edits--) {
        const at = below(letters.length + 1);
        letters.splice(at, below(2), ...(below(3) === 0 ? [] : [LETTERS[below(LETTERS.length)] as string]));
      }
      const text = letters.join('');
      expect([seed, text, read(text)]).toEqual([seed, text, parseAddress(text)]);
    }
  });

  test('has a length that is bounded before anything is searched', () => {
    expect(addressOf(`::1%${'z'.repeat(124)}`)).toBeDefined();
    expect(addressOf(`::1%${'z'.repeat(125)}`)).toBeUndefined();
    expect(addressOf('1'.repeat(1_000_000))).toBeUndefined();
  });
});

describe('a range', () => {
  const inside = (address: string, range: string): boolean =>
    isWithin(addressOf(address) as Uint8Array, rangeOf(range) as NonNullable<ReturnType<typeof rangeOf>>);

  test.each([
    [
      '10.0.0.0/8',
      ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3', '64:ff9b::10.0.0.9'],
      ['11.0.0.0', '9.255.255.255', '::a00:1:0:0'],
    ],
    ['192.0.2.7', ['192.0.2.7', '[::ffff:192.0.2.7]:80'], ['192.0.2.6', '192.0.2.8']],
    ['192.0.2.0/31', ['192.0.2.0', '192.0.2.1'], ['192.0.2.2']],
    ['0.0.0.0/0', ['1.2.3.4', '255.255.255.255'], ['2001:db8::1', '::1']],
    ['::ffff:10.0.0.0/104', ['10.1.1.1'], ['11.1.1.1']],
    ['::ffff:0:0/96', ['10.1.1.1'], ['2001:db8::1']],
    ['2001:db8::/33', ['2001:db8:7fff::1'], ['2001:db8:8000::1', '2001:db9::1', '1.2.3.4']],
    ['::1', ['::1', '::1%lo'], ['::', '::2']],
    ['::/0', ['::', 'ffff::'], ['1.2.3.4', '::ffff:1.2.3.4']],
  ])('%s has its addresses and no others', (range, within, outside) => {
    for (const address of within) expect([address, inside(address, range)]).toEqual([address, true]);
    for (const address of outside) expect([address, inside(address, range)]).toEqual([address, false]);
  });

  test('agrees with counting bits, for every prefix', () => {
    const bitsOf = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    for (const text of ['255.254.253.129', '2001:db8:f00d:8001:7ff3:3:2:ffff']) {
      const address = addressOf(text) as Uint8Array;
      const all = bitsOf(address);
      for (let bits = 0; bits <= all.length; bits++) {
        expect(bitsOf(masked(address, bits))).toBe(all.slice(0, bits).padEnd(all.length, '0'));
        expect(networkOf(`${text}/${bits}`)).toEqual({ address: masked(address, bits), bits });
      }
    }
  });

  test.each([
    '',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/8 ',
    '10.0.0.0/0008',
    '10.0.0/8',
    '10.0.0.0:80',
    '10.0.0.0:80/8',
    '[::1]',
    '[::]/0',
    '::1%lo',
    'fe80::%eth0/10',
    '::/129',
    '::ffff:10.0.0.0/95',
    '2002::/16',
    '64:ff9b::/96',
    'localhost',
    'x/8',
  ])('%j is none', (text) => {
    expect([rangeOf(text), networkOf(text)]).toEqual([undefined, undefined]);
  });

  test('with bits behind its prefix is a mistake; the network it lies in is not', () => {
    expect(rangeOf('192.0.2.7/24')).toBeUndefined();
    expect(networkOf('192.0.2.7/24')).toEqual({ address: Uint8Array.of(192, 0, 2, 0), bits: 24 });
  });
});
