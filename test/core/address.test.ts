/**
 * Guards that one address is one source however it is spelled, and that nothing else is taken for an address: CVE-2026-30827
 * and its relatives are all about these few lines.
 *
 * Files: `assembly/address.ts`.
 */
import { isIP } from 'node:net';
import { describe, expect, test } from 'vitest';
import * as abi from '../../assembly/abi.ts';
import { instantiate as instantiateWasm } from '../../build/testing.inline.js';
import { instantiate as instantiateJs } from '../../build/testing.js.js';
import * as model from '../model/address.ts';
import { seeded } from '../model/attacks.ts';

type Exports = Record<string, (...args: number[]) => number> & { memory: WebAssembly.Memory };

const AT = abi.INBOX_AT + abi.INBOX_SOURCE;
const OUT = abi.SCRATCH_AT + 0x2000;

class Reader {
  readonly call: Exports;
  readonly bytes: Uint8Array;

  constructor(instantiate: typeof instantiateWasm) {
    this.call = instantiate().exports as unknown as Exports;
    this.bytes = new Uint8Array(this.call.memory.buffer);
  }

  read(kind: number, source: Uint8Array, prefix = 56): { tag: number[]; key: number[]; text: number[] } {
    this.bytes.set(source, AT);
    this.call.sourceRead!(kind, AT, source.length, prefix);
    const part = (at: number, bytes: number): number[] => [...this.bytes.subarray(at, at + bytes)];
    const tag = part(this.call.sourceTagAt!(), this.call.sourceTagBytes!());
    const key = part(this.call.sourceKeyAt!(), this.call.sourceKeyBytes!());
    return { tag, key, text: part(OUT, this.call.canonicalText!(OUT)) };
  }

  text(source: string, kind = abi.SOURCE_TEXT): string {
    const read = this.read(kind, Buffer.from(source));
    return `${read.tag[0]} ${Buffer.from(read.text).toString()}`;
  }
}

const expected = (kind: number, source: Uint8Array, prefix = 56) => {
  const { tag, key } = model.identify(kind, source, prefix);
  return { tag, key, text: model.canonicalText(tag) };
};

/** Every spelling on the right is the source on the left: domain, canonical text. */
const SAME: [string, string[]][] = [
  [
    '4 1.2.3.4',
    [
      '1.2.3.4',
      '1.2.3.4:80',
      '1.2.3.4:65535',
      '::ffff:1.2.3.4',
      '::FFFF:1.2.3.4',
      '::ffff:102:304',
      '::ffff:0102:0304',
      '0:0:0:0:0:ffff:1.2.3.4',
      '0000:0000:0000:0000:0000:ffff:0102:0304',
      '0::ffff:1.2.3.4',
      '[::ffff:1.2.3.4]',
      '[::ffff:1.2.3.4]:443',
      '::ffff:1.2.3.4%eth0',
      '::1.2.3.4',
      '::102:304',
      '0:0:0:0:0:0:102:304',
      '64:ff9b::1.2.3.4',
      '64:ff9b::102:304',
      '0064:FF9B::0102:0304',
      '2002:102:304::',
      '2002:0102:0304:ffff:1:2:3:4',
      '[2002:102:304::9]:1',
    ],
  ],
  ['4 0.0.0.0', ['0.0.0.0', '::ffff:0.0.0.0', '::ffff:0:0', '64:ff9b::', '2002::', '2002::1']],
  ['4 255.255.255.255', ['255.255.255.255', '::ffff:ffff:ffff', '::255.255.255.255']],
  ['6 0000:0000:0000:0000:0000:0000:0000:0000', ['::', '0::0', '::0', '0:0:0:0:0:0:0:0', '[::]', '::0.0.0.0']],
  ['6 0000:0000:0000:0000:0000:0000:0000:0001', ['::1', '0:0:0:0:0:0:0:1', '[::1]:80', '::0.0.0.1', '::1%lo']],
  ['6 0000:0000:0000:0000:0000:0000:00ff:0001', ['::ff:1', '::0.255.0.1']],
  [
    '6 2001:0db8:0000:0000:0000:0000:0000:0001',
    [
      '2001:db8::1',
      '2001:DB8::1',
      '2001:0db8::0001',
      '2001:db8:0:0:0:0:0:1',
      '2001:db8::0:1',
      '2001:db8:0::0:0:1',
      '2001:db8::0.0.0.1',
      '[2001:db8::1]',
      '[2001:db8::1]:65535',
      '[2001:db8::1%25en0]:8080',
      '2001:db8::1%en0',
      '2001:db8::1%1:2',
    ],
  ],
  ['6 0001:0002:0003:0004:0005:0006:0007:0000', ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0']],
  ['6 0000:0002:0003:0004:0005:0006:0007:0008', ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8']],
  ['6 fe80:0000:0000:0000:0000:0000:0000:0001', ['fe80::1%eth0', 'fe80::1', 'fe80::1%wlan0.1', '[fe80::1%eth0]:22']],
  // Near the ranges that carry an IPv4 address, and not in them.
  ['6 0064:ff9b:0001:0000:0000:0000:0102:0304', ['64:ff9b:1::1.2.3.4']],
  ['6 0000:0000:0000:0000:0001:ffff:0102:0304', ['::1:ffff:1.2.3.4']],
  ['6 0000:0000:0000:0000:ffff:0000:0102:0304', ['::ffff:0:1.2.3.4']],
  ['6 2003:0102:0304:0000:0000:0000:0000:0000', ['2003:102:304::']],
];

/** Not addresses: as a string they are keys, as an address nobody. */
const NOT = [
  ' 1.2.3.4',
  '1.2.3.4 ',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.',
  '.1.2.3',
  '1..2.3',
  '01.2.3.4',
  '1.2.3.04',
  '1.2.3.00',
  '0x1.2.3.4',
  '1.2.3.256',
  '1.2.3.1000',
  '1.2.3.4294967297',
  '16909060',
  '1.2.3.4:',
  '1.2.3.4:0',
  '1.2.3.4:080',
  '1.2.3.4:65536',
  '1.2.3.4:99999999999',
  '1.2.3.4:8a',
  '1.2.3.4:80:80',
  '1.2.3.4%eth0',
  '1.2.3.4/32',
  '[1.2.3.4]',
  '[1.2.3.4]:80',
  '１.2.3.4',
  '1.2.3.4\n',
  '1.2.3.4\0',
  ':',
  ':::',
  '::::',
  ':1',
  '1:',
  '1::2::3',
  '::1::',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8:',
  ':1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7:8::',
  '::1:2:3:4:5:6:7:8',
  '1:2:3:4::5:6:7:8',
  '12345::',
  '::12345',
  '::g',
  '::1.2.3',
  '::1.2.3.4.5',
  '::1.2.3.256',
  '::01.2.3.4',
  '::1.2.3.4:5',
  '1.2.3.4::',
  '1:2:3:4:5:6:7:1.2.3.4',
  '1::2:3:4:5:6:7:1.2.3.4',
  '::1:2:3:4:5:6:7:1.2.3.4',
  '::1:2:3:4:5:6:1.2.3.4',
  '1:2:3:4:5:1.2.3.4',
  '::ffff:1.2.3.4:80',
  '[::1',
  '::1]',
  '[::1]80',
  '[::1]:',
  '[::1]:0',
  '[::1]:65536',
  '[[::1]]',
  '[]',
  '%eth0',
  '::1%',
  '::1% ',
  '::1%eth 0',
  '[::1%]',
  '::1 ',
  'localhost',
  'unknown',
  '_hidden',
  '-',
];

describe.each([
  ['wasm', instantiateWasm],
  ['js', instantiateJs],
] as const)('sources (%s)', (build, instantiate) => {
  const reader = new Reader(instantiate);

  test.each(SAME)('%s has one name', (canonical, spellings) => {
    for (const spelling of spellings) {
      expect(reader.text(spelling), spelling).toBe(canonical);
      expect(reader.text(spelling, abi.SOURCE_ADDRESS), spelling).toBe(canonical);
      expect(reader.read(abi.SOURCE_TEXT, Buffer.from(spelling)), spelling).toEqual(
        expected(model.TEXT, Buffer.from(spelling)),
      );
    }
  });

  test.each(NOT)('%j is not an address', (text) => {
    expect(reader.text(text)).toBe(`${abi.DOMAIN_KEY} ${text}`);
    expect(reader.text(text, abi.SOURCE_ADDRESS)).toBe(`${abi.DOMAIN_UNKNOWN} `);
    expect(reader.read(abi.SOURCE_TEXT, Buffer.from(text))).toEqual(expected(model.TEXT, Buffer.from(text)));
  });

  test('a key is never parsed, and lives apart from addresses', () => {
    const address = reader.read(abi.SOURCE_TEXT, Buffer.from('1.2.3.4'));
    const key = reader.read(abi.SOURCE_KEY, Buffer.from('1.2.3.4'));
    expect(key.tag).toEqual([abi.DOMAIN_KEY, ...Buffer.from('1.2.3.4')]);
    expect(key.key).toEqual(key.tag);
    expect(address.key).toEqual([abi.DOMAIN_IPV4, 1, 2, 3, 4]);
    const forged = reader.read(abi.SOURCE_KEY, Uint8Array.of(abi.DOMAIN_IPV4, 1, 2, 3, 4));
    expect(forged.key).not.toEqual(address.key);
  });

  test('missing, empty and malformed addresses are one source', () => {
    const nobody = { tag: [abi.DOMAIN_UNKNOWN], key: [abi.DOMAIN_UNKNOWN], text: [] };
    for (const kind of [abi.SOURCE_UNKNOWN, abi.SOURCE_TEXT, abi.SOURCE_ADDRESS, abi.SOURCE_KEY]) {
      expect(reader.read(kind, new Uint8Array(0))).toEqual(nobody);
    }
    expect(reader.read(abi.SOURCE_UNKNOWN, Buffer.from('1.2.3.4'))).toEqual(nobody);
    expect(reader.read(abi.SOURCE_ADDRESS, Buffer.from('me'))).toEqual(nobody);
  });

  test('IPv6 is grouped by every prefix in the key, never in the tag', () => {
    const address = Buffer.from('2001:db8:ffff:ffff:ffff:ffff:ffff:ffff');
    for (let prefix = 1; prefix <= 128; prefix++) {
      const read = reader.read(abi.SOURCE_TEXT, address, prefix);
      expect(read).toEqual(expected(model.TEXT, address, prefix));
      const bits = (bytes: number[]): string => bytes.map((byte) => byte.toString(2).padStart(8, '0')).join('');
      expect(bits(read.key.slice(1))).toBe(
        bits(read.tag.slice(1))
          .slice(0, prefix)
          .padEnd(8 * Math.ceil(prefix / 8), '0'),
      );
    }
    const v4 = reader.read(abi.SOURCE_TEXT, Buffer.from('::ffff:9.9.9.9'), 8);
    expect(v4.key).toEqual([abi.DOMAIN_IPV4, 9, 9, 9, 9]);
  });

  test('8 KiB of key pass unchanged; longer is a panic, because the host refuses it first', () => {
    const long = Buffer.alloc(abi.SOURCE_BYTES_MAX, 'fe80::1%');
    expect(reader.read(abi.SOURCE_KEY, long)).toEqual(expected(model.KEY, long));
    expect(reader.read(abi.SOURCE_TEXT, long)).toEqual(expected(model.TEXT, long));
    const other = new Reader(instantiate);
    expect(() => other.call.sourceRead!(abi.SOURCE_KEY, AT, abi.SOURCE_BYTES_MAX + 1, 56)).toThrow();
    expect(() => new Reader(instantiate).call.sourceRead!(4, AT, 1, 56)).toThrow();
  });

  test('damaged spellings: the core, its model and Node agree', () => {
    const random = seeded(41);
    const pick = (from: ArrayLike<string>): string => from[Math.floor(random() * from.length)]!;
    const spellings = SAME.flatMap(([, all]) => all);
    let addresses = 0;
    for (let i = 0; i < (build === 'wasm' ? 20_000 : 5_000); i++) {
      let text = pick(spellings);
      for (let cuts = Math.floor(random() * 4); cuts > 0; cuts--) {
        const at = Math.floor(random() * (text.length + 1));
        text =
          text.slice(0, at) +
          (random() < 0.6 ? pick('0123456789abcfFG:::..%[] ') : '') +
          text.slice(at + (random() < 0.6 ? 1 : 0));
      }
      const bytes = Buffer.from(text);
      const prefix = 1 + Math.floor(random() * 128);
      for (const kind of [abi.SOURCE_TEXT, abi.SOURCE_ADDRESS]) {
        expect(reader.read(kind, bytes, prefix), JSON.stringify(text)).toEqual(expected(kind, bytes, prefix));
      }
      // Node knows neither ports nor brackets, and takes other zones than we do.
      if (/[[\]%]/.test(text) || /^[0-9.]+:[0-9]+$/.test(text)) continue;
      const found = reader.read(abi.SOURCE_TEXT, bytes).tag[0] !== abi.DOMAIN_KEY && text !== '';
      expect(found, JSON.stringify(text)).toBe(isIP(text) !== 0);
      if (found) addresses++;
    }
    expect(addresses).toBeGreaterThan(build === 'wasm' ? 3_000 : 700);
  });
});
