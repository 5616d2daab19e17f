/**
 * Guards `src/instance/scent.ts`: nothing that a scent contains can throw, hide a threat, or make the same field mean two things.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type NormalScent, readScent, readSource } from '../../../src/instance/scent';

const MAX = 1_024;

const read = (scent: unknown, bytesMax = MAX): NormalScent => {
  const result = readScent(scent, bytesMax);
  if (!result.ok) throw new Error(result.message);
  return result;
};

const boom = (): never => {
  throw new Error('boom');
};
const throwing = (name: string, rest: object = {}): object =>
  Object.defineProperty({ ...rest }, name, { get: boom, enumerable: true });

const flag = { category: 'sqli', severity: 'low' };
const flagged = (rest: object): NormalScent => read({ source: 'x', threat: flag, ...rest });
const payloadOf = (payload: unknown, bytesMax = MAX): NormalScent['payload'] =>
  read({ source: 'x', threat: flag, payload }, bytesMax).payload;

describe('a scent without a threat', () => {
  it('is its source and nothing else', () => {
    expect(read({ source: '192.0.2.1' })).toEqual({
      ok: true,
      source: { kind: 'text', text: '192.0.2.1' },
      threat: undefined,
      payload: { kind: 'none' },
      fingerprint: undefined,
      rate: undefined,
      disposition: 0,
      truncated: false,
    });
  });

  it('is not asked for its payload, its fingerprint or anything else that only evidence needs', () => {
    const asked: PropertyKey[] = [];
    const scent = new Proxy(
      { source: 'x', payload: 'y', fingerprint: 'z', id: 'i', timestamp: 1 },
      {
        get: (target, key) => {
          asked.push(key);
          return Reflect.get(target, key);
        },
      },
    );
    expect(read(scent).payload).toEqual({ kind: 'none' });
    expect(asked.sort()).toEqual(['disposition', 'rate', 'source', 'threat']);
  });

  it('is unreadable only if it is no object; the message names the kind and no data', () => {
    for (const [scent, kind] of [
      [null, 'null'],
      [undefined, 'undefined'],
      ['hunter2', 'a string'],
      [5, '5'],
      [true, 'true'],
      [5n, 'a bigint'],
      [Symbol('hunter2'), 'a symbol'],
      [() => 'hunter2', 'a function'],
      [['hunter2'], 'an array'],
    ] as const) {
      expect(readScent(scent, MAX)).toEqual({
        ok: false,
        message: `scent: not readable, expected an object with a \`source\`, got ${kind}`,
      });
    }
  });

  it('has no threat if the field is missing, undefined, null or false', () => {
    for (const threat of [undefined, null, false]) expect(read({ source: 'x', threat }).threat).toBeUndefined();
  });
});

describe('a source', () => {
  const unknown = { kind: 'unknown', text: '' };

  it('is a text, an address or a key', () => {
    expect(readSource('192.0.2.1')).toEqual({ kind: 'text', text: '192.0.2.1' });
    expect(readSource({ address: '192.0.2.1' })).toEqual({ kind: 'address', text: '192.0.2.1' });
    expect(readSource({ key: 'user-1' })).toEqual({ kind: 'key', text: 'user-1' });
  });

  it('with a key and an address is the key; with an unusable key it is the address, not everybody', () => {
    expect(readSource({ key: 'user-1', address: '192.0.2.1' })).toEqual({ kind: 'key', text: 'user-1' });
    for (const key of ['', undefined, null, 5, 'k'.repeat(9_000), '\ud800']) {
      expect(readSource({ key, address: '192.0.2.1' })).toEqual({ kind: 'address', text: '192.0.2.1' });
    }
  });

  it('that is missing, empty or no text is unknown, never an error', () => {
    for (const source of [undefined, null, '', 5, true, {}, [], { key: 5 }, { address: '' }, () => 'x', Symbol('x')]) {
      expect(readSource(source)).toEqual(unknown);
      expect(read({ source, threat: flag }).source).toEqual(unknown);
      expect(read({ source }).source).toEqual(unknown);
    }
    expect(read({}).source).toEqual(unknown);
  });

  it('holds 8 KiB of UTF-8 and not a byte more', () => {
    for (const [unit, bytes] of [
      ['x', 1],
      ['é', 2],
      ['€', 3],
      ['😀', 4],
    ] as const) {
      const fits = unit.repeat(Math.floor(8_192 / bytes)) + 'x'.repeat(8_192 % bytes);
      expect(readSource(fits)).toEqual({ kind: 'text', text: fits });
      expect(readSource({ key: `${fits}x` })).toEqual(unknown);
    }
  });

  it('with a surrogate that stands alone is unknown', () => {
    for (const text of ['\ud800', 'a\udc00', '\ud83d\ud83d\ude00']) expect(readSource(text)).toEqual(unknown);
  });

  it('that throws, or was revoked, is unknown', () => {
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    for (const source of [throwing('key', { address: '192.0.2.1' }), throwing('address'), revoked.proxy]) {
      expect(readSource(source)).toEqual(unknown);
    }
    expect(read(throwing('source')).source).toEqual(unknown);
  });
});

describe('a threat stays a threat', () => {
  it('as the detector said it', () => {
    expect(flagged({ threat: { category: 'xss.stored-2_a', severity: 'critical', detector: 'waf' } }).threat).toEqual({
      category: 'xss.stored-2_a',
      severity: 3,
      detector: 'waf',
      categoryReplaced: false,
      severityReplaced: false,
    });
    const severities = ['low', 'medium', 'high', 'critical'].map(
      (severity) => flagged({ threat: { severity } }).threat?.severity,
    );
    expect(severities).toEqual([0, 1, 2, 3]);
  });

  it('whatever it is, if it is not undefined, null or false', () => {
    for (const threat of [
      true,
      0,
      1,
      Number.NaN,
      '',
      'sqli',
      1n,
      Symbol('x'),
      () => flag,
      [],
      {},
      new Proxy({}, { get: boom }),
    ]) {
      expect(read({ source: 'x', threat }).threat).toEqual({
        category: 'unknown',
        severity: 2,
        detector: '',
        categoryReplaced: true,
        severityReplaced: true,
      });
    }
  });

  it('also when reading it throws: somebody put it there', () => {
    expect(read(throwing('threat', { source: 'x' }))).toMatchObject({
      threat: { category: 'unknown' },
      disposition: 1,
    });
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    expect(read(revoked.proxy)).toMatchObject({
      source: { kind: 'unknown' },
      threat: { category: 'unknown', severity: 2 },
      payload: { kind: 'invalid' },
      rate: undefined,
      truncated: true,
    });
  });

  it('with a malformed category it is `unknown`, and says so', () => {
    for (const category of [
      '',
      'SQLI',
      'a b',
      'a:b',
      'a\n',
      'é',
      'x'.repeat(65),
      'x'.repeat(60_000_000),
      5,
      null,
      {},
    ]) {
      expect(flagged({ threat: { category, severity: 'low' } }).threat).toMatchObject({
        category: 'unknown',
        categoryReplaced: true,
        severityReplaced: false,
      });
    }
    expect(flagged({ threat: { category: 'x'.repeat(64) } }).threat?.categoryReplaced).toBe(false);
  });

  it('with a malformed severity it is high, and says so', () => {
    for (const severity of ['', 'HIGH', 'toString', '__proto__', 3, null, ['low']]) {
      expect(flagged({ threat: { category: 'a', severity } }).threat).toMatchObject({
        severity: 2,
        severityReplaced: true,
      });
    }
    expect(flagged({ threat: { category: 'a', severity: 'high' } }).threat).toMatchObject({ severityReplaced: false });
  });

  it('with any of its fields throwing, the others still count', () => {
    const whole = { category: 'sqli', severity: 'critical', detector: 'waf' };
    expect(flagged({ threat: throwing('category', whole) }).threat).toMatchObject({
      category: 'unknown',
      severity: 3,
      detector: 'waf',
    });
    expect(flagged({ threat: throwing('severity', whole) }).threat).toMatchObject({
      category: 'sqli',
      severity: 2,
      detector: 'waf',
    });
    expect(flagged({ threat: throwing('detector', whole) }).threat).toMatchObject({
      category: 'sqli',
      severity: 3,
      detector: '',
    });
  });

  it('with every field of the scent throwing, one at a time, the rest is read', () => {
    const whole = {
      source: 'x',
      threat: flag,
      payload: 'p',
      fingerprint: 'f',
      rate: { allowed: true, limit: 1 },
      disposition: 'observed',
      truncated: false,
    };
    const sound = read(whole);
    const replaced: Record<string, unknown> = {
      source: { kind: 'unknown', text: '' },
      payload: { kind: 'invalid' },
      fingerprint: undefined,
      rate: undefined,
      disposition: 1,
      truncated: true,
    };
    for (const name of Object.keys(replaced)) {
      expect(read(throwing(name, whole)), name).toEqual({ ...sound, [name]: replaced[name] });
    }
  });

  it('for any object at all, and nothing throws', () => {
    const junk = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withTypedArray: true,
      withNullPrototype: true,
    });
    const scent = fc.record({
      source: junk,
      threat: junk,
      payload: junk,
      fingerprint: junk,
      rate: junk,
      disposition: junk,
    });
    fc.assert(
      fc.property(scent, (value) => {
        const result = read(value);
        const absent = value.threat === undefined || value.threat === null || value.threat === false;
        expect(result.threat === undefined).toBe(absent);
      }),
      { seed: 20_261_125, numRuns: 1_000 },
    );
  });
});

describe('the name of a detector', () => {
  const detector = (name: unknown): string | undefined =>
    flagged({ threat: { ...flag, detector: name } }).threat?.detector;

  it('is cut at 64 bytes, between characters', () => {
    expect(detector('x'.repeat(65))).toBe('x'.repeat(64));
    expect(detector('€'.repeat(30))).toBe('€'.repeat(21));
    expect(detector(`${'x'.repeat(61)}😀y`)).toBe('x'.repeat(61));
    expect(detector(`${'x'.repeat(60)}😀y`)).toBe(`${'x'.repeat(60)}😀`);
    expect(detector('x'.repeat(60_000_000))).toBe('x'.repeat(64));
  });

  it('is one printable line', () => {
    expect(detector('a\r\nb\u0000\u007f\u009bc')).toBe('a??b???c');
    expect(detector('\u200e\u2028\u202e\u2066\u2069x\ud800y\udc00')).toBe('?????x?y?');
    expect(detector('Größe 測 \u200d \u202f\u2065')).toBe('Größe 測 \u200d \u202f\u2065');
  });

  it('loses the characters that move or hide text, and not their neighbours', () => {
    const hidden: [number, number][] = [
      [0x00, 0x1f],
      [0x7f, 0x9f],
      [0x200e, 0x200f],
      [0x2028, 0x202e],
      [0x2066, 0x2069],
      [0xd800, 0xdfff],
    ];
    for (const [first, last] of hidden) {
      for (const unit of [first, last]) expect(detector(`a${String.fromCharCode(unit)}b`)).toBe('a?b');
      for (const unit of [first - 1, last + 1].filter((neighbour) => neighbour >= 0)) {
        expect(detector(`a${String.fromCharCode(unit)}b`)).toBe(`a${String.fromCharCode(unit)}b`);
      }
    }
    expect(detector('a😀b')).toBe('a😀b');
  });

  it('is empty when there is none', () => {
    for (const name of [undefined, null, 5, {}, '']) expect(detector(name)).toBe('');
  });
});

describe('a payload', () => {
  it('of bytes is a plain view of them', () => {
    const bytes = Buffer.from('evidence');
    const payload = payloadOf(bytes);
    expect(payload).toEqual({ kind: 'bytes', bytes: new Uint8Array(bytes) });
    expect(payload.kind === 'bytes' && payload.bytes.buffer).toBe(bytes.buffer);
    expect(payloadOf(new Uint8Array(0))).toEqual({ kind: 'bytes', bytes: new Uint8Array(0) });
  });

  it('of text stays text, broken or empty as it may be', () => {
    for (const text of ['', 'evidence', 'a\ud800b', 'x'.repeat(MAX)])
      expect(payloadOf(text)).toEqual({ kind: 'text', text });
  });

  it('of anything else is its canonical JSON', () => {
    const json = (payload: unknown): unknown => {
      const read = payloadOf(payload);
      return read.kind === 'json' ? new TextDecoder().decode(read.bytes) : read;
    };
    expect(json({ b: 1, a: [true, null] })).toBe('{"a":[true,null],"b":1}');
    expect(json(JSON.parse('{"__proto__":{"x":1}}'))).toBe('{"__proto__":{"x":1}}');
    expect([json(null), json(5), json(false), json([])]).toEqual(['null', '5', 'false', '[]']);
  });

  it('that is missing is none', () => {
    expect(flagged({}).payload).toEqual({ kind: 'none' });
    expect(payloadOf(undefined)).toEqual({ kind: 'none' });
  });

  it('larger than the bound is refused by its length, before anything is copied or read', () => {
    expect(payloadOf('x'.repeat(60_000_000), 65_536)).toEqual({ kind: 'too_large', size: 60_000_000 });
    expect(payloadOf(new Uint8Array(MAX + 1))).toEqual({ kind: 'too_large', size: MAX + 1 });
    expect(payloadOf(new Uint8Array(new SharedArrayBuffer(MAX + 1)))).toEqual({ kind: 'too_large', size: MAX + 1 });
    // A lone surrogate at its head would make it invalid, were the content looked at.
    expect(payloadOf(['\ud800'.padEnd(60_000_000, 'x')], 65_536)).toEqual({ kind: 'too_large', size: 60_000_003 });
    expect(payloadOf('x'.repeat(MAX + 1))).toEqual({ kind: 'too_large', size: MAX + 1 });
  });

  it('that cannot be captured is invalid', () => {
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const buffer = new ArrayBuffer(8, { maxByteLength: 8 });
    const fallen = new Uint8Array(buffer, 4);
    buffer.resize(2);
    const revoked = Proxy.revocable([], {});
    revoked.revoke();
    let deep: unknown = 0;
    for (let level = 0; level < 20_000; level++) deep = { a: deep };
    const others = [
      1n,
      Symbol('x'),
      () => 1,
      Number.NaN,
      new Date(0),
      new Map(),
      new Uint16Array(1),
      new ArrayBuffer(1),
    ];
    for (const payload of [
      detached,
      fallen,
      revoked.proxy,
      deep,
      ['\ud800'],
      throwing('a'),
      new Proxy(new Uint8Array(1), {}),
      ...others,
    ]) {
      expect(payloadOf(payload)).toEqual({ kind: 'invalid' });
    }
  });

  it('in shared or resizable memory is copied, so that what is hashed is what is stored', () => {
    for (const buffer of [new SharedArrayBuffer(2), new ArrayBuffer(2, { maxByteLength: 4 })]) {
      const caller = new Uint8Array(buffer).fill(7);
      const payload = payloadOf(caller);
      caller.fill(9);
      expect(payload).toEqual({ kind: 'bytes', bytes: Uint8Array.of(7, 7) });
    }
  });

  it('is taken last: no getter of the scent can pull it away afterwards', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const detach = (): void => void structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    const scent = {
      source: 'x',
      threat: flag,
      payload: bytes,
      get fingerprint() {
        detach();
        return 'f';
      },
    };
    expect(read(scent).payload).toEqual({ kind: 'invalid' });
    const print = Uint8Array.of(4, 5);
    const payload = {
      get a() {
        structuredClone(print.buffer, { transfer: [print.buffer] });
        return 1;
      },
    };
    expect(flagged({ fingerprint: print, payload })).toMatchObject({
      fingerprint: undefined,
      payload: { kind: 'json' },
    });
  });
});

describe('a fingerprint', () => {
  it('is text or a plain view of bytes', () => {
    expect(flagged({ fingerprint: 'ja4' }).fingerprint).toBe('ja4');
    expect(flagged({ fingerprint: 'j' }).fingerprint).toBe('j');
    expect(flagged({ fingerprint: Uint8Array.of(0) }).fingerprint).toEqual(Uint8Array.of(0));
    expect(flagged({ fingerprint: Buffer.from([1, 2]) }).fingerprint).toEqual(Uint8Array.of(1, 2));
  });

  it('that is empty, malformed, unreadable or twice the payload bound is none: the payload decides', () => {
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    for (const fingerprint of [
      '',
      new Uint8Array(0),
      detached,
      5,
      null,
      {},
      'x'.repeat(2 * MAX + 1),
      new Uint8Array(2 * MAX + 1),
    ]) {
      expect(flagged({ fingerprint }).fingerprint).toBeUndefined();
    }
    expect(flagged({ fingerprint: 'x'.repeat(2 * MAX) }).fingerprint).toHaveLength(2 * MAX);
    expect(flagged({ fingerprint: new Uint8Array(2 * MAX) }).fingerprint).toHaveLength(2 * MAX);
  });
});

describe('a receipt', () => {
  const rate = { allowed: true, blocked: false, limit: 1, remaining: 0, resetMs: 0, retryAfterMs: 0, degraded: false };

  it('is handed on as a copy of what it says, each word read once', () => {
    expect(flagged({ rate }).rate).toEqual(rate);
    expect(read({ source: 'x', rate }).rate).toEqual(rate);
    let reads = 0;
    const fickle = Object.defineProperty({ ...rate }, 'allowed', { get: () => reads++ === 0, enumerable: true });
    expect(flagged({ rate: fickle }).rate).toEqual(rate);
  });

  it('that is not one is ignored, so the scent is charged', () => {
    for (const other of [
      undefined,
      null,
      true,
      {},
      { allowed: 1, limit: 1 },
      { allowed: true, limit: '1' },
      throwing('allowed'),
    ]) {
      expect(read({ source: 'x', rate: other }).rate).toBeUndefined();
    }
  });

  it('inherited from a polluted prototype is ignored', () => {
    expect(read(Object.assign(Object.create({ rate }), { source: 'x' })).rate).toBeUndefined();
  });
});

describe('what became of the request', () => {
  it('is as stated, else refused with a threat and none without', () => {
    const words = ['none', 'refused', 'observed', 'passed'];
    expect(words.map((disposition) => flagged({ disposition }).disposition)).toEqual([0, 1, 2, 3]);
    expect(words.map((disposition) => read({ source: 'x', disposition }).disposition)).toEqual([0, 1, 2, 3]);
    for (const disposition of [undefined, null, 'PASSED', 3, 'constructor']) {
      expect(flagged({ disposition }).disposition).toBe(1);
      expect(read({ source: 'x', disposition }).disposition).toBe(0);
    }
  });

  it('is a prefix only if it says exactly true', () => {
    expect([true, false, undefined, 1, 'true'].map((truncated) => flagged({ truncated }).truncated)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('a scent that changes', () => {
  it('is read once, field by field', () => {
    const reads = new Map<PropertyKey, number>();
    const once = (target: object): object =>
      new Proxy(target, {
        get: (object, key) => {
          reads.set(key, (reads.get(key) ?? 0) + 1);
          return Reflect.get(object, key);
        },
      });
    const whole = {
      source: once({ key: 'k', address: 'a' }),
      threat: once({ category: 'c', severity: 'low', detector: 'd' }),
      payload: 'p',
      fingerprint: 'f',
      disposition: 'passed',
      truncated: true,
      rate: { allowed: true, limit: 1 },
    };
    expect(read(once(whole))).toMatchObject({ source: { text: 'k' }, threat: { category: 'c' }, truncated: true });
    const said = ['rule', 'version', 'score', 'reason', 'raw'];
    const fields = [...Object.keys(whole), 'key', 'address', 'category', 'severity', 'detector', ...said];
    expect([...reads].sort()).toEqual(fields.map((field) => [field, 1]).sort());
  });

  it('may even ask for another scent while it is read', () => {
    const nested: NormalScent[] = [];
    const outer = {
      source: 'outer',
      get threat() {
        nested.push(read({ source: 'inner' }));
        return { category: 'outer', severity: 'low' };
      },
    };
    expect(read(outer)).toMatchObject({ source: { text: 'outer' }, threat: { category: 'outer' } });
    expect(nested[0]?.source.text).toBe('inner');
  });

  it('into an array that is revoked half-way is still no scent', () => {
    const revocable: { proxy: object; revoke: () => void } = Proxy.revocable([] as object, {
      get: (_, key) => {
        if (key === 'disposition') revocable.revoke();
        return undefined;
      },
    });
    expect(readScent(revocable.proxy, MAX)).toMatchObject({ ok: true, source: { kind: 'unknown' } });
  });
});
