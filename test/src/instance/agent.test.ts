/**
 * Guards `src/instance/agent.ts`, `intercept` against its enemies: whatever a scent contains, a flagged one is refused and accounted, nothing
 * throws, and afterwards the log verifies and the store's sums are right.
 */

import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import type { InterceptResult, Scent, Tracehound, TracehoundOptions } from '../../../src/index';
import { Agent } from '../../../src/instance/agent';
import { closedError } from '../../../src/instance/clock';
import { BUILDS, type Ground, ground, recordsOf, sha256hex } from '../../ground';

const threat = { category: 'sqli', severity: 'high', detector: 'test' } as const;
const boom = (): never => {
  throw new Error('boom');
};
const KiB = 1_024;

describe.each(BUILDS)('intercept, on the %s build', (_, core) => {
  const worlds: Ground[] = [];
  const room = (options: TracehoundOptions = {}, over: Parameters<typeof ground>[1] = {}): Ground => {
    const world = ground({ rateLimit: { limit: 1_000 }, ...options }, { core, ...over });
    worlds.push(world);
    return world;
  };
  const ask = (th: Tracehound, scent: unknown): InterceptResult => th.intercept(scent as Scent);
  const flag = (th: Tracehound, scent: object): InterceptResult => ask(th, { source: '192.0.2.1', threat, ...scent });
  const text = (th: Tracehound, result: InterceptResult): string =>
    Buffer.from(th.quarantine.read((result as { evidence: { signature: string } }).evidence.signature)).toString();

  // Whatever was sent: the log proves itself, and the sums are those of the list.
  afterEach(() => {
    for (const { th } of worlds.splice(0)) {
      expect(th.audit.verify().ok).toBe(true);
      const held = th.quarantine.list({ limit: 1_000 });
      expect(th.quarantine.stats.count).toBe(held.length);
      expect(th.quarantine.stats.bytes).toBe(held.reduce((sum, { size }) => sum + size, 0));
      for (const { signature, hash } of held) expect(sha256hex(th.quarantine.read(signature))).toBe(hash);
      expect(th.watcher.snapshot().core.panics).toBe(0);
      const { flagged, byStatus } = th.watcher.snapshot().totals;
      const { quarantined, duplicate, dropped, payload_too_large, rate_limited } = byStatus;
      const limited = flagged - (quarantined + duplicate + dropped + payload_too_large);
      expect(limited >= 0 && limited <= rate_limited, 'flagged').toBe(true);
    }
  });

  describe('keeps what can be kept', () => {
    test('an own `__proto__` key is evidence like any other, and pollutes nothing', () => {
      const { th } = room();
      const payload = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":1}}');
      const result = flag(th, { payload });
      expect(text(th, result)).toBe('{"__proto__":{"polluted":true},"constructor":{"prototype":1}}');
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    });

    test('a text with a surrogate that stands alone is kept, the surrogate as U+FFFD', () => {
      const { th } = room();
      expect(text(th, flag(th, { payload: 'a\ud800b\udfffc' }))).toBe('a\ufffdb\ufffdc');
    });

    test('no payload: the source is what is signed, and who comes again is a duplicate', () => {
      const { th } = room();
      expect(flag(th, {})).toMatchObject({
        status: 'quarantined',
        evidence: { signature: `sqli:${sha256hex('192.0.2.1')}`, size: 0, hash: sha256hex('') },
      });
      expect(flag(th, { source: '::ffff:192.0.2.1' }).status).toBe('duplicate');
      expect(flag(th, { source: '192.0.2.2' }).status).toBe('quarantined');
      // An empty payload is a payload.
      expect(flag(th, { payload: '' })).toMatchObject({ evidence: { signature: `sqli:${sha256hex('')}` } });
    });

    test.each([
      ['shared', () => new Uint8Array(new SharedArrayBuffer(7))],
      ['resizable', () => new Uint8Array(new ArrayBuffer(7, { maxByteLength: 64 }))],
      ['an offset into a larger buffer', () => new Uint8Array(new ArrayBuffer(64), 13, 7)],
      ['a Buffer', () => Buffer.alloc(7)],
      ['of another realm', () => runInNewContext('new Uint8Array(7)') as Uint8Array],
      [
        'a subclass that lies about itself',
        () =>
          new (class extends Uint8Array {
            override get length() {
              return 1e9;
            }
            override get byteLength() {
              return 1e9;
            }
          })(7),
      ],
    ])('bytes that are %s are kept as they are', (_name, make) => {
      const { th } = room();
      const payload = make();
      Uint8Array.prototype.set.call(payload, Buffer.from('payload'));
      expect(text(th, flag(th, { payload }))).toBe('payload');
    });

    test('a fingerprint decides what is the same, whatever the payloads', () => {
      const { th } = room();
      const first = flag(th, { payload: 'a', fingerprint: 'same' });
      expect(first).toMatchObject({ evidence: { signature: `sqli:${sha256hex('same')}`, hash: sha256hex('a') } });
      expect(flag(th, { payload: 'b', fingerprint: new TextEncoder().encode('same') }).status).toBe('duplicate');
      expect(text(th, first)).toBe('a');
      expect(flag(th, { payload: 'a', fingerprint: 'other' }).status).toBe('quarantined');
    });

    test('a payload of exactly maxPayloadBytes is kept, as bytes, text or JSON; one byte more is not', () => {
      const { th } = room({ maxPayloadBytes: 256 });
      const sized = (extra: number): unknown[] => [
        new Uint8Array(256 + extra),
        'ü'.repeat(128) + 'x'.repeat(extra),
        { a: 'x'.repeat(248 + extra) },
      ];
      for (const payload of sized(0)) expect(flag(th, { payload }).status).toBe('quarantined');
      for (const payload of sized(1)) {
        const result = flag(th, { payload });
        expect(result).toMatchObject({ status: 'payload_too_large', limit: 256 });
        expect((result as { size: number }).size).toBe(257);
      }
    });
  });

  describe('refuses and accounts for what cannot be kept', () => {
    test('20,000 levels of nesting are invalid, and found without recursion', () => {
      const { th } = room();
      let payload: unknown = 1;
      for (let i = 0; i < 20_000; i++) payload = i % 2 === 0 ? [payload] : { a: payload };
      expect(flag(th, { payload })).toMatchObject({ status: 'dropped', reason: 'invalid' });
    });

    test('a text of 60 MB against 64 KiB is refused by its length: the content is never touched', () => {
      const { th } = room();
      const payload = 'x'.repeat(60_000_000);
      const before = performance.now();
      for (let i = 0; i < 200; i++) {
        expect(flag(th, { payload })).toMatchObject({ status: 'payload_too_large', size: 60_000_000, limit: 64 * KiB });
      }
      // Reading it once costs more than 20 ms; refusing it two hundred times must not.
      expect(performance.now() - before).toBeLessThan(1_000);
      const dropped = recordsOf(th).filter(({ kind }) => kind === 'DROPPED');
      expect(dropped.map(({ count }) => count)).toEqual([1, 1, 2, 4, 8, 16, 32, 64]);
      expect(dropped[0]).toMatchObject({ length: 60_000_000, reason: 2 });
    });

    test('a text whose UTF-8 passes the limit is too large, and its size is a lower bound', () => {
      const { th } = room({ maxPayloadBytes: 1_000 });
      const payload = 'ü'.repeat(501);
      expect(flag(th, { payload })).toMatchObject({ status: 'payload_too_large', size: 1_001, limit: 1_000 });
      expect(flag(th, { payload: 'ü'.repeat(500) }).status).toBe('quarantined');
    });

    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const detached = (): Uint8Array => {
      const bytes = new Uint8Array(8);
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
      return bytes;
    };
    const shrunk = (): Uint8Array => {
      const buffer = new ArrayBuffer(64, { maxByteLength: 64 });
      const bytes = new Uint8Array(buffer, 32, 16);
      buffer.resize(8);
      return bytes;
    };
    const revoked = (): object => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    };
    test.each<[string, () => unknown]>([
      ['NaN', () => Number.NaN],
      ['an infinite number deep inside', () => ({ a: [1, { b: Number.POSITIVE_INFINITY }] })],
      ['a bigint', () => 1n],
      ['a function', () => boom],
      ['a symbol', () => Symbol('x')],
      ['undefined inside an object', () => ({ a: undefined })],
      ['a surrogate that stands alone inside JSON', () => ({ a: '\ud800' })],
      ['a key with a surrogate that stands alone', () => ({ '\udfff': 1 })],
      ['1,001 keys', () => Object.fromEntries(Array.from({ length: 1_001 }, (_v, i) => [`k${i}`, i]))],
      ['33 levels', () => JSON.parse('['.repeat(33) + ']'.repeat(33))],
      ['a cycle', () => cyclic],
      ['a getter that throws', () => Object.defineProperty({}, 'a', { get: boom, enumerable: true })],
      ['a revoked proxy', revoked],
      ['a proxy that throws', () => new Proxy({}, { ownKeys: boom })],
      ['a proxy of bytes', () => new Proxy(new Uint8Array(8), {})],
      ['a detached buffer', detached],
      ['a view that fell off its buffer', shrunk],
      ['a hole in an array', () => new Array(3)],
    ])('%s is dropped as invalid', (_name, make) => {
      const { th } = room();
      const result = flag(th, { payload: make() });
      expect(result).toMatchObject({ status: 'dropped', reason: 'invalid' });
      expect(Object.keys(result).sort()).toEqual(['id', 'rate', 'reason', 'status']);
      expect(recordsOf(th).at(-1)).toMatchObject({ kind: 'DROPPED', reason: 3, count: 1, length: 0 });
    });
  });

  describe('is not talked out of a threat', () => {
    test('a field that throws when it is read changes nothing but that field', () => {
      const { th } = room();
      const fields = [
        'source',
        'payload',
        'threat',
        'fingerprint',
        'rate',
        'disposition',
        'truncated',
        'id',
        'timestamp',
      ];
      for (const field of fields) {
        const scent = Object.defineProperty({ source: '192.0.2.1', threat, payload: 'x' }, field, { get: boom });
        const result = ask(th, scent);
        expect(['quarantined', 'duplicate', 'dropped'], field).toContain(result.status);
      }
      for (const field of ['category', 'severity', 'detector']) {
        const result = flag(th, { threat: Object.defineProperty({ ...threat }, field, { get: boom }), payload: field });
        expect(result.status, field).toBe('quarantined');
      }
      expect(ask(th, { source: Object.defineProperty({}, 'key', { get: boom }), threat }).status).toBe('quarantined');
    });

    test('a field that changes between two reads is read once', () => {
      const { th } = room();
      let reads = 0;
      const scent = Object.defineProperty({ source: '192.0.2.1', payload: 'x' }, 'threat', {
        get: () => (reads++ === 0 ? threat : undefined),
      });
      expect(ask(th, scent).status).toBe('quarantined');
      expect(reads).toBe(1);
    });

    test('a receipt is read once: what it says later, or throws, is not an answer', () => {
      for (const later of [() => false, boom]) {
        const { th } = room();
        let reads = 0;
        const rate = { ...th.rateLimiter.peek('192.0.2.1') };
        Object.defineProperty(rate, 'allowed', { get: () => (reads++ === 0 ? true : later()), enumerable: true });
        const result = flag(th, { payload: 'x', rate });
        expect(result.status).toBe('quarantined');
        expect((result as { rate: { allowed: boolean } }).rate.allowed).toBe(true);
        Object.defineProperty(rate, 'retryAfterMs', { get: boom });
        Object.defineProperty(rate, 'allowed', { value: false });
        expect(['quarantined', 'duplicate', 'rate_limited']).toContain(flag(th, { payload: 'x', rate }).status);
      }
    });

    test('a receipt that is inherited, or no receipt, frees nobody from the limiter', () => {
      const { th } = room({ rateLimit: { limit: 1 } });
      const rate = th.rateLimiter.peek('192.0.2.1');
      const scent = Object.assign(Object.create({ rate }), { source: '192.0.2.1' });
      expect(ask(th, scent).status).toBe('clean');
      expect(ask(th, scent).status).toBe('rate_limited');
      for (const forged of [true, {}, { allowed: 'yes', limit: 1 }, { allowed: true }, [], null]) {
        expect(ask(th, { source: '192.0.2.1', rate: forged }).status).toBe('rate_limited');
      }
    });

    test.each([
      ['in capitals', 'SQLI'],
      ['huge', 'x'.repeat(10_000_000)],
      ['empty', ''],
      ['with a line feed', 'sqli\n'],
      ['a number', 7],
      ['missing', undefined],
    ])('a category that is %s becomes `unknown`, and the record says so', (_name, category) => {
      const { th } = room();
      const result = flag(th, { threat: { ...threat, category }, payload: 'x' });
      expect(result).toMatchObject({ status: 'quarantined', evidence: { category: 'unknown', severity: 'high' } });
      expect(recordsOf(th).at(-1)!.flags).toBe(4);
    });

    test('a severity that is no word becomes `high`, and the record says so', () => {
      const { th } = room();
      const result = flag(th, { threat: { ...threat, severity: 'HIGH!' }, payload: 'x', truncated: true });
      expect(result).toMatchObject({ evidence: { severity: 'high', truncated: true } });
      expect(recordsOf(th).at(-1)!.flags).toBe(8 | 2);
    });

    test('a detector is cut to 64 bytes between characters, whatever its length', () => {
      const { th } = room();
      const result = flag(th, { threat: { ...threat, detector: '💥'.repeat(1_000_000) }, payload: 'x' });
      expect(result).toMatchObject({ evidence: { detector: '💥'.repeat(16) } });
      expect(flag(th, { threat: { ...threat, detector: 5 }, payload: 'y' })).toMatchObject({
        evidence: { detector: undefined },
      });
    });

    test.each<[string, unknown]>([
      ['missing', undefined],
      ['empty', ''],
      ['longer than 8 KiB', 'x'.repeat(8_193)],
      ['8 KiB long, and longer as UTF-8', 'ü'.repeat(4_097)],
      ['a lone surrogate', '\ud800'],
      ['a number', 4],
      ['an empty object', {}],
      ['an address that is none', { address: 'nobody' }],
      ['a getter that throws', Object.defineProperty({}, 'address', { get: boom })],
      ['a revoked proxy', null],
    ])('a source that is %s is `unknown`, one and the same', (_name, source) => {
      const { th } = room({ rateLimit: { limit: 2 } });
      const first = flag(th, { source, payload: 'x' });
      expect(first.status).toBe('quarantined');
      const other = flag(th, { source: '', payload: 'y' });
      expect((other as { evidence: { sourceTag: string } }).evidence.sourceTag).toBe(
        (first as { evidence: { sourceTag: string } }).evidence.sourceTag,
      );
      expect(flag(th, { source, payload: 'z' }).status === 'rate_limited').toBe(true);
    });

    test('a source of exactly 8 KiB is somebody', () => {
      const { th } = room({ rateLimit: { limit: 1 } });
      for (const source of ['x'.repeat(8_192), { key: 'ü'.repeat(4_096) }, { key: 'x'.repeat(8_192) }]) {
        expect(flag(th, { source, payload: 'x' }).status).toMatch(/quarantined|duplicate|rate_limited/);
      }
      expect(ask(th, { source: '' }).status).toBe('clean');
    });
  });

  describe('without a threat', () => {
    test('what is not a scent is an error that says what was expected', () => {
      const { th } = room();
      for (const scent of [undefined, null, 5, 'x', [], boom]) {
        expect(ask(th, scent)).toMatchObject({ status: 'error', error: { code: 'SCENT_INVALID', recoverable: false } });
      }
      expect(th.watcher.snapshot().totals).toMatchObject({ flagged: 0, byStatus: { error: 6 } });
    });

    test('only the source and the receipt are looked at', () => {
      const { th } = room();
      const scent = Object.defineProperty({ source: '192.0.2.1' }, 'payload', { get: boom });
      Object.defineProperty(scent, 'fingerprint', { get: boom });
      expect(ask(th, scent)).toEqual({ status: 'clean', rate: expect.objectContaining({ allowed: true }) });
    });

    test('and without a limiter, an answer has no rate', () => {
      const { th } = room({ rateLimit: false });
      expect(ask(th, { source: '192.0.2.1' })).toEqual({ status: 'clean' });
      expect(Object.keys(flag(th, { payload: 'x' })).sort()).toEqual(['evidence', 'status']);
      expect(Object.keys(flag(th, { payload: 1n })).sort()).toEqual(['id', 'reason', 'status']);
    });
  });

  test('dispositions are kept, and the worst for the defender stays', () => {
    const { th } = room();
    const disposition = (): string => th.quarantine.list()[0]!.disposition;
    flag(th, { payload: 'x' });
    expect(disposition()).toBe('refused');
    flag(th, { payload: 'x', disposition: 'passed' });
    expect(disposition()).toBe('passed');
    flag(th, { payload: 'x', disposition: 'none' });
    flag(th, { payload: 'x', disposition: 'nonsense' });
    expect(disposition()).toBe('passed');
    expect(recordsOf(th).map((record) => record.disposition)).toEqual([0, 1, 3, 0]);
  });

  test('after close, every answer is an error', async () => {
    const { th } = room();
    flag(th, { payload: 'x' });
    await th.close();
    await th.close();
    expect(flag(th, { payload: 'x' })).toMatchObject({ status: 'error', error: { code: 'CLOSED' } });
    expect(ask(th, { source: 'x' })).toMatchObject({ status: 'error', error: { code: 'CLOSED' } });
    expect(await th.interceptAsync({ source: 'x', threat, payload: new Uint8Array(9_000) })).toMatchObject({
      status: 'error',
      error: { code: 'CLOSED' },
    });
    worlds.length = 0;
  });

  describe('interceptAsync', () => {
    const big = (fill: number): Uint8Array => new Uint8Array(9_000).fill(fill);

    test('answers as intercept does', async () => {
      const run = async (way: 'intercept' | 'interceptAsync', digest: boolean): Promise<unknown> => {
        const { th } = room({ rateLimit: { limit: 5 } }, { digest });
        const rate = th.rateLimiter.peek('192.0.2.9');
        const scents: unknown[] = [
          { source: '192.0.2.1' },
          { source: '192.0.2.1', threat, payload: big(1) },
          { source: '192.0.2.1', threat, payload: big(1) },
          { source: '192.0.2.1', threat, payload: { a: 'x'.repeat(9_000) } },
          { source: '192.0.2.1', threat, payload: 'x'.repeat(9_000) },
          { source: '192.0.2.1', threat, payload: big(2) },
          { source: '192.0.2.1', threat, payload: big(2), rate },
          { source: '192.0.2.2', threat, payload: new Uint8Array(70_000) },
          { source: '192.0.2.2', threat },
          { source: '192.0.2.2', threat, payload: 1n },
          5,
        ];
        const answers: unknown[] = [];
        for (const scent of scents) answers.push(await th[way](scent as Scent));
        answers.push(th.audit.head(), th.watcher.snapshot().totals);
        return answers;
      };
      const expected = await run('intercept', false);
      expect(await run('interceptAsync', false)).toEqual(expected);
      expect(await run('interceptAsync', true)).toEqual(expected);
    });

    test('keeps the bytes as they were when it was asked, whatever the caller does while it waits', async () => {
      const { th } = room({}, { digest: false });
      const payload = big(1);
      const asked = th.interceptAsync({ source: '192.0.2.1', threat, payload });
      payload.fill(2);
      const result = await asked;
      expect(text(th, result)).toBe(Buffer.from(big(1)).toString());
    });
  });
});

test('what an adapter counts is in the counts of its agent', () => {
  const agent = new Agent(
    { config: { limit: 1 } } as never,
    () => 0,
    {} as never,
    undefined,
    undefined,
    () => {},
  );
  agent.close();
  expect(() => agent.charge('x', false)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  expect(agent.counts.clean).toBe(0);
});

test('a closed instance answers every scent with one and the same error', async () => {
  const { th } = ground();
  await th.close();
  const { code, message } = closedError();
  for (const scent of [{ source: 'x' }, {}, undefined, { source: 'x', threat: { category: 'x', severity: 'low' } }])
    expect(th.intercept(scent as never)).toMatchObject({ status: 'error', error: { code, message } });
});
