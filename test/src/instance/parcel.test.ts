/**
 * Guards src/instance/parcel.ts: a scent that is packed, copied to another process and unpacked is answered there as it
 * would have been answered here, whatever it is made of; and nothing travels with it but what is asked.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTracehound } from '../../../runtimes/node/index';
import { packed, packedSource, unpacked } from '../../../src/instance/parcel';
import type { Scent, Tracehound } from '../../../src/types/index';
import { decided, Form, NEIGHBOUR, recordsOf, scents, throwing, viewOf } from '../../lab/scents';

const BYTES_MAX = 1_024;
const make = (): Tracehound =>
  createTracehound({
    secret: new Uint8Array(32).fill(3),
    clock: () => 1_700_000_000_000,
    maxPayloadBytes: BYTES_MAX,
    rateLimit: { limit: 4, windowMs: 60_000, maxSources: 64 },
    quarantine: { maxCount: 64, maxBytes: 2 ** 17, maxShare: 1 },
  });

describe('a packed scent', () => {
  it('is answered elsewhere as it would have been here, and written down alike', () => {
    let sent = 0;
    fc.assert(
      fc.property(fc.array(scents, { minLength: 1, maxLength: 6 }), (scents) => {
        const [here, there] = [make(), make()];
        for (const each of scents) {
          const local = here.intercept(each as Scent);
          const parcel = structuredClone(packed(each, BYTES_MAX));
          sent++;
          const remote = there.intercept(unpacked(parcel, BYTES_MAX));
          expect(decided(remote)).toEqual(decided(local));
        }
        expect(recordsOf(there)).toEqual(recordsOf(here));
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
      fc.property(scents, (each) => {
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
