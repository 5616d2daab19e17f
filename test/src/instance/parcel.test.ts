/**
 * Guards src/instance/parcel.ts: a scent that is packed, copied to another process and unpacked is answered there as it
 * would have been answered here, whatever it is made of; and nothing travels with it but what is asked.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTracehound } from '../../../runtimes/node/index';
import { packed, packedSource, unpacked } from '../../../src/instance/parcel';
import type { InterceptResult, Scent, Tracehound } from '../../../src/types/index';

const BYTES_MAX = 1_024;
const NEIGHBOUR = 'password of a neighbour';
const make = (): Tracehound =>
  createTracehound({
    secret: new Uint8Array(32).fill(3),
    clock: () => 1_700_000_000_000,
    maxPayloadBytes: BYTES_MAX,
    rateLimit: { limit: 4, windowMs: 60_000, maxSources: 64 },
    quarantine: { maxCount: 64, maxBytes: 2 ** 17, maxShare: 1 },
  });

/** A small view in the middle of a buffer that holds another request. */
function viewOf(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  const whole = new Uint8Array(8_192 + bytes.length);
  whole.set(Buffer.from(NEIGHBOUR), 0);
  whole.set(bytes, 4_096);
  return whole.subarray(4_096, 4_096 + bytes.length);
}

const bare = (value: object): object => Object.assign(Object.create(null), value);
class Form {
  readonly user = "' OR 1=1";
  submit(): void {}
}
const throwing = {
  get x(): never {
    throw new Error('mine');
  },
};

/** What applications pass as payloads: some of it cannot be copied by RPC, some takes its neighbours along. */
const payload: fc.Arbitrary<unknown> = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ minLength: 900, maxLength: 1_200 }).map((text) => `é${text}`),
  fc.string({ maxLength: 40 }).map(viewOf),
  fc.string({ maxLength: 40 }).map((text) => Buffer.from(text)),
  fc.jsonValue(),
  fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 9 })).map(bare),
  fc.integer({ min: 1_020, max: 5_000_000 }).map((length) => new Uint8Array(length)),
  fc.integer({ min: 1_000, max: 3_000 }).map((length) => ({ text: 'x'.repeat(length) })),
  fc.constantFrom<unknown>(
    ...[undefined, null, 5, Number.NaN, 5n, true, Symbol('s'), () => 1, new Map([['a', 1]]), new Date(0)],
    ...[new Form(), bare({ a: bare({ b: 1 }) }), throwing, { f: () => 1 }, '\ud800', ['\ud800'], new Proxy({}, {})],
    ...[
      Object.freeze({ a: 1 }),
      Object.assign(new Array(3), { 0: 1 }),
      { toJSON: () => 'other' },
      new SharedArrayBuffer(8),
    ],
    ...[new Uint8Array(new SharedArrayBuffer(8)), new DataView(new ArrayBuffer(4)), new Float64Array(2)],
    JSON.parse('{"__proto__":{"polluted":true}}'),
  ),
);
const threat = fc.oneof(
  fc.record({ category: fc.constantFrom('sqli', 'xss'), severity: fc.constantFrom('low', 'critical') }),
  fc.constantFrom<unknown>(
    ...[true, 'yes', 1, {}, [], () => 1, Symbol('t'), new Form(), bare({ category: 'sqli', severity: 'high' })],
    ...[{ category: 'NOT ONE', severity: 'worst' }, { category: () => 1, severity: Symbol('x') }, throwing],
    {
      category: 'sqli',
      severity: 'high',
      detector: 'd'.repeat(200),
      rule: 'r1',
      score: Number.NaN,
      raw: '\u202e\ud800',
    },
    { category: 'sqli', severity: 'high', detector: () => 1, rule: 5, version: '1', score: 7.5, reason: 'because' },
  ),
  fc.constantFrom<unknown>(undefined, null, false),
);
const scent = fc.record(
  {
    source: fc.constantFrom<unknown>(
      '192.0.2.1',
      '::ffff:192.0.2.1',
      { key: 'k' },
      { address: '::1' },
      '',
      5,
      undefined,
      new Form(),
      { key: () => 1, address: '192.0.2.9' },
      throwing,
    ),
    payload,
    threat,
    fingerprint: fc.constantFrom<unknown>(undefined, '', 'f', viewOf('print'), 5, () => 1, new Uint8Array(3_000)),
    disposition: fc.constantFrom<unknown>(undefined, 'refused', 'observed', 'passed', 'none', 'nonsense', () => 1),
    truncated: fc.constantFrom<unknown>(undefined, true, 'yes'),
    handler: fc.constant(() => 1),
    rate: fc.constantFrom<unknown>(
      undefined,
      5,
      { allowed: true, limit: 2, f: () => 1 },
      { allowed: false, limit: 2, blocked: true, retryAfterMs: 9 },
    ),
  },
  { requiredKeys: [] },
);

/** What of an answer does not depend on chance. */
function decided(result: InterceptResult): unknown {
  if (result.status === 'error') return { status: 'error', code: result.error.code };
  const { evidence, id: _, ...rest } = result as { evidence?: object; id?: string } & InterceptResult;
  if (evidence === undefined) return rest;
  const { id: __, ...facts } = evidence as { id: string };
  return { ...rest, evidence: facts };
}
/** Kind, severity, reason, flags, disposition of each record, and what its sidecar says beside its salt. */
const records = (th: Tracehound): unknown[] => {
  const { records, details } = th.audit.export();
  return records.slice(1).map((record, i) => {
    const detail = details[i + 1];
    const { salt: _, ...said } = detail ? JSON.parse(new TextDecoder().decode(detail)) : {};
    return [[...record.subarray(1, 7)].join(), said];
  });
};

describe('a packed scent', () => {
  it('is answered elsewhere as it would have been here, and written down alike', () => {
    let sent = 0;
    fc.assert(
      fc.property(fc.array(scent, { minLength: 1, maxLength: 6 }), (scents) => {
        const [here, there] = [make(), make()];
        for (const each of scents) {
          const local = here.intercept(each as Scent);
          const parcel = structuredClone(packed(each, BYTES_MAX));
          sent++;
          const remote = there.intercept(unpacked(parcel, BYTES_MAX));
          expect(decided(remote)).toEqual(decided(local));
        }
        expect(records(there)).toEqual(records(here));
        for (const { signature } of here.quarantine.list()) {
          expect(there.quarantine.read(signature)).toEqual(here.quarantine.read(signature));
        }
      }),
      { numRuns: 400, seed: 23 },
    );
    expect(sent).toBeGreaterThan(1_000);
  });

  it('takes nothing along: exact bytes, plain values, no more than the payload bound', () => {
    fc.assert(
      fc.property(scent, (each) => {
        const parcel = structuredClone(packed(each, BYTES_MAX));
        for (const value of [parcel.payload, parcel.fingerprint]) {
          if (value instanceof Uint8Array) expect(value.buffer.byteLength).toBe(value.byteLength);
        }
        expect(Object.keys(parcel)).not.toContain('handler');
        const { payload, fingerprint } = parcel;
        const bytes = [payload, fingerprint].filter((value) => value instanceof Uint8Array) as Uint8Array[];
        expect(bytes.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)).toBeLessThanOrEqual(3 * BYTES_MAX);
        expect(JSON.stringify(bytes.map((one) => Buffer.from(one.buffer).toString('latin1')))).not.toContain(NEIGHBOUR);
      }),
      { numRuns: 400, seed: 24 },
    );
  });

  it('keeps what was read: the caller may change its bytes afterwards', () => {
    const bytes = viewOf('attack');
    const parcel = packed({ source: 'k', payload: bytes, threat: true }, BYTES_MAX);
    bytes.fill(0);
    expect(new TextDecoder().decode(parcel.payload as Uint8Array)).toBe('attack');
  });

  it('is refused when it is no scent, and never believed about its size', () => {
    for (const none of [undefined, null, 5, 'text', []]) expect(() => packed(none, BYTES_MAX)).toThrow('scent: ');
    const th = make();
    for (const unsent of [0, -1, Number.NaN, BYTES_MAX, 'invalid']) {
      const forged = unpacked(
        { source: `k ${unsent}`, payload: 'x', threat: true as never, unsent: unsent as number },
        BYTES_MAX,
      );
      expect(th.intercept(forged)).toMatchObject({ status: 'dropped', reason: 'invalid' });
    }
    const huge = unpacked({ source: 'other', threat: true as never, unsent: Number.MAX_VALUE }, BYTES_MAX);
    expect(th.intercept(huge)).toMatchObject({ status: 'payload_too_large', size: 2 ** 28 });
  });

  it('has a source of plain strings, whatever names it', () => {
    for (const one of ['192.0.2.1', { key: 'k' }, { address: '::1' }]) expect(packedSource(one)).toEqual(one);
    for (const none of [
      undefined,
      null,
      5,
      {},
      { key: 5 },
      throwing,
      {
        get key(): never {
          throw new Error('mine');
        },
      },
    ]) {
      expect(packedSource(none)).toBe('');
    }
    expect(packedSource(Object.assign(new Form(), { key: 'k' }))).toEqual({ key: 'k' });
  });
});
