/**
 * Guards `src/formats/bytes.ts`: texts for bytes that read back as the same bytes, and views of bytes that cannot be pulled away.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  captureBytes,
  fromBase64,
  fromHex,
  ILL_FORMED,
  isBytes,
  isPair,
  isSurrogate,
  toBase64,
  toHex,
  utf8Length,
} from '../../../src/formats/bytes';
import { isArray, kindOf } from '../../../src/validate/kind';

const seed = 20_261_123;
const check = <T>(arbitrary: fc.Arbitrary<T>, property: (value: T) => void): void =>
  fc.assert(
    fc.property(arbitrary, (value) => {
      property(value);
    }),
    { seed, numRuns: 500 },
  );

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('hex', () => {
  it('writes every byte as two lowercase digits', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
    expect(toHex(new Uint8Array(0))).toBe('');
  });

  it('reads back what it wrote', () => {
    check(fc.uint8Array({ maxLength: 70 }), (bytes) => expect(fromHex(toHex(bytes))).toEqual(bytes));
  });

  it('refuses every other spelling: odd length, uppercase, neighbours of the digits', () => {
    for (const text of ['0', 'abc', 'AB', '0A', 'a:', 'a/', '`0', 'g0', '0x', ' 0', '0\u0660', '\ud800a']) {
      expect(fromHex(text), JSON.stringify(text)).toBeUndefined();
    }
  });
});

describe('base64', () => {
  it('writes the examples of RFC 4648 §10', () => {
    const plain = ['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'];
    const coded = ['', 'Zg==', 'Zm8=', 'Zm9v', 'Zm9vYg==', 'Zm9vYmE=', 'Zm9vYmFy'];
    expect(plain.map((text) => toBase64(ascii(text)))).toEqual(coded);
    expect(coded.map((text) => fromBase64(text))).toEqual(plain.map(ascii));
  });

  it('agrees with another implementation, both ways, at every length', () => {
    check(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = Buffer.from(bytes).toString('base64');
      expect(toBase64(bytes)).toBe(text);
      expect(fromBase64(text)).toEqual(bytes);
    });
  });

  it('reads a text only if writing its bytes gives the same text', () => {
    check(fc.string({ unit: fc.constantFrom(...'AQgw/+=-_é \n\ud800'), maxLength: 12 }), (text) => {
      const bytes = fromBase64(text);
      if (bytes !== undefined) expect(toBase64(bytes)).toBe(text);
    });
  });

  it('refuses a missing or misplaced pad, bits left over, another alphabet', () => {
    for (const text of ['Zg', 'Zg=', 'Z===', '====', 'Zh==', 'Zm9=', 'Z=g=', 'Zm9v====', '-_-_', 'Zg==\n', 'Zmé=']) {
      expect(fromBase64(text), text).toBeUndefined();
    }
  });
});

describe('the length of UTF-8', () => {
  it('is what the encoder writes', () => {
    check(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      const bytes = utf8Length(text, 1_000);
      expect(bytes).toBe(ascii(text).length);
    });
  });

  it('passes a bound exactly when the bytes do, at every bound and for the first and last character of each length', () => {
    const edges = ['\u007f', '\u0080', '\u07ff', '\u0800', '\uffff', '\u{10000}', '\u{10ffff}'];
    for (const text of [...edges, ...edges.map((edge) => `a${edge}b${edge}`), 'é'.repeat(9)]) {
      const bytes = ascii(text).length;
      for (let bound = 0; bound < bytes; bound++) expect(utf8Length(text, bound)).toBeGreaterThan(bound);
      expect(utf8Length(text, bytes)).toBe(bytes);
    }
  });

  it('is ill-formed exactly where a surrogate stands alone', () => {
    const units = fc.constantFrom('a', 'é', '€', '\ud800', '\udbff', '\udc00', '\udfff');
    check(fc.array(units, { maxLength: 8 }), (parts) => {
      const text = parts.join('');
      const wellFormed = new TextDecoder().decode(ascii(text)) === text;
      expect(utf8Length(text, 1_000)).toBe(wellFormed ? ascii(text).length : ILL_FORMED);
    });
  });

  it('says "more" for a long text without a look at its content', () => {
    const untouched = { length: 60_000_000, charCodeAt: () => expect.unreachable('content was read') };
    expect(utf8Length(untouched as unknown as string, 65_536)).toBe(60_000_000);
  });

  it('stops reading where the bound is passed', () => {
    let reads = 0;
    const euros = {
      length: 100,
      charCodeAt: () => {
        reads++;
        return 0x20ac;
      },
    };
    expect(utf8Length(euros as unknown as string, 101)).toBeGreaterThan(101);
    expect(reads).toBe(1);
  });

  it('knows a pair from its halves', () => {
    expect([0xd7ff, 0xd800, 0xdfff, 0xe000].map(isSurrogate)).toEqual([false, true, true, false]);
    expect(isPair('😀', 0)).toBe(true);
    for (const text of ['\ud83d', '\ud83dx', '\ude00\ud83d', '\ud83d\ud83d', 'xx', ''])
      expect(isPair(text, 0)).toBe(false);
  });
});

describe('bytes from outside', () => {
  class Liar extends Uint8Array {
    override get length(): number {
      return 1_000_000;
    }
    override get byteLength(): number {
      return 1_000_000;
    }
    static get [Symbol.species](): Uint8ArrayConstructor {
      throw new Error('species was asked');
    }
  }

  it('are known by their slots, not by what they claim', () => {
    expect(isBytes(new Uint8Array(1))).toBe(true);
    expect(isBytes(Buffer.from('x'))).toBe(true);
    expect(isBytes(new Liar(1))).toBe(true);
    const revoked = Proxy.revocable(new Uint8Array(1), {});
    revoked.revoke();
    const pretender = { [Symbol.toStringTag]: 'Uint8Array', __proto__: Uint8Array.prototype };
    const others = [new Uint16Array(1), new Uint8ClampedArray(1), new DataView(new ArrayBuffer(1)), new ArrayBuffer(1)];
    for (const value of [
      ...others,
      pretender,
      new Proxy(new Uint8Array(1), {}),
      revoked.proxy,
      [1],
      'x',
      null,
      undefined,
    ]) {
      expect(isBytes(value)).toBe(false);
    }
  });

  it('come as a plain view of the same memory, whatever their class says', () => {
    const buffer = new ArrayBuffer(16);
    const liar = new Liar(buffer, 4, 8);
    Object.defineProperty(liar, 'byteOffset', { value: 0 });
    const view = captureBytes(liar, 8) as Uint8Array;
    expect(Object.getPrototypeOf(view)).toBe(Uint8Array.prototype);
    expect([view.buffer === buffer, view.byteOffset, view.length]).toEqual([true, 4, 8]);
  });

  it('are counted, not copied, when there are too many', () => {
    expect(captureBytes(new Uint8Array(9), 8)).toBe(9);
    expect(captureBytes(new Liar(9), 8)).toBe(9);
    expect(captureBytes(new Uint8Array(new SharedArrayBuffer(9)), 8)).toBe(9);
  });

  it('are empty only when they are: detached or fallen off a shrunken buffer is not', () => {
    expect(captureBytes(new Uint8Array(0), 8)).toEqual(new Uint8Array(0));
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(captureBytes(detached, 8)).toBeUndefined();
    const shrunken = new ArrayBuffer(8, { maxByteLength: 16 });
    const view = new Uint8Array(shrunken, 4, 4);
    shrunken.resize(6);
    expect(captureBytes(view, 8)).toBeUndefined();
  });

  it('are copied out of shared and resizable memory, so that later writes change nothing', () => {
    for (const buffer of [
      new SharedArrayBuffer(4),
      new SharedArrayBuffer(4, { maxByteLength: 8 }),
      new ArrayBuffer(4, { maxByteLength: 8 }),
    ]) {
      const caller = new Uint8Array(buffer);
      caller.set([1, 2, 3, 4]);
      const copy = captureBytes(caller, 8) as Uint8Array;
      caller.fill(9);
      expect([...copy]).toEqual([1, 2, 3, 4]);
      expect(copy.buffer).not.toBe(buffer);
      expect(copy.buffer).toBeInstanceOf(ArrayBuffer);
    }
  });
});

describe('the kind of a value', () => {
  it('is named without its text', () => {
    const revoked = Proxy.revocable([], {});
    revoked.revoke();
    const values = [
      null,
      undefined,
      true,
      5,
      Number.NaN,
      -0.5,
      'hunter2',
      5n,
      Symbol('hunter2'),
      () => 0,
      [],
      {},
      revoked.proxy,
    ];
    expect(values.map(kindOf)).toEqual([
      ...['null', 'undefined', 'true', '5', 'NaN', '-0.5', 'a string', 'a bigint', 'a symbol', 'a function'],
      ...['an array', 'an object', 'an object'],
    ]);
    expect(isArray(revoked.proxy)).toBe(false);
  });
});
