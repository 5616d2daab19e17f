/**
 * Scents as applications pass them: well made, careless and hostile, among them what cannot be copied to another process and
 * what would take its neighbours along.
 *
 * Relies on: fast-check. Refuses: to be valid.
 */
import fc from 'fast-check';
import type { InterceptResult, Tracehound } from '../../src/types/index';

/** What lies beside every view, and must never leave with it. */
export const NEIGHBOUR = 'password of a neighbour';

/** A small view in the middle of a buffer that holds another request. */
export function viewOf(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  const whole = new Uint8Array(8_192 + bytes.length);
  whole.set(Buffer.from(NEIGHBOUR), 0);
  whole.set(bytes, 4_096);
  return whole.subarray(4_096, 4_096 + bytes.length);
}

const bare = (value: object): object => Object.assign(Object.create(null), value);
export class Form {
  readonly user = "' OR 1=1";
  submit(): void {}
}
export const throwing = {
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
export const scents: fc.Arbitrary<object> = fc.record(
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
export function decided(result: InterceptResult): unknown {
  if (result.status === 'error') return { status: 'error', code: result.error.code };
  const { evidence, id: _, ...rest } = result as { evidence?: object; id?: string } & InterceptResult;
  if (evidence === undefined) return rest;
  const { id: __, ...facts } = evidence as { id: string };
  return { ...rest, evidence: facts };
}
/** Kind, severity, reason, flags, disposition of each record, and what its sidecar says beside its salt. */
export const recordsOf = (th: Tracehound): unknown[] => {
  const { records, details } = th.audit.export();
  return records.slice(1).map((record, i) => {
    const detail = details[i + 1];
    const { salt: _, ...said } = detail ? JSON.parse(new TextDecoder().decode(detail)) : {};
    return [[...record.subarray(1, 7)].join(), said];
  });
};
