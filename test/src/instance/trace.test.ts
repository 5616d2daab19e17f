/** Guards `src/instance/trace.ts`: whoever holds one learns nothing, whoever holds the secret finds the evidence. */

import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { TraceIds } from '../../../src/instance/trace';
import { ground, SECRET } from '../../ground';

const ID = '018bcfe5-6800-7000-8000-0123456789ab-0123456789abcdef';
const hmac = (key: Uint8Array, data: string | Uint8Array): Buffer => createHmac('sha256', key).update(data).digest();

test('a trace id is nonce ‖ (UUID ⊕ HMAC(trace key, nonce)), as the documents say', () => {
  const { th } = ground();
  const bytes = Buffer.from(th.http.keys.traceId(ID), 'hex');
  expect(bytes.length).toBe(24);
  const mask = hmac(hmac(SECRET, 'tracehound/v1/trace-id'), bytes.subarray(0, 8));
  const uuid = bytes.subarray(8).map((byte, i) => byte ^ mask[i]!);
  expect(Buffer.from(uuid).toString('hex')).toBe(ID.slice(0, 36).replaceAll('-', ''));
});

test('a trace id of who was limited hides the first 16 bytes of the source tag in the same way', () => {
  const { th } = ground();
  const { evidence } = th.intercept({ source: '192.0.2.1', threat: { category: 'a', severity: 'low' } }) as {
    evidence: { sourceTag: string };
  };
  const bytes = Buffer.from(th.http.keys.traceOf('192.0.2.1'), 'hex');
  const mask = hmac(hmac(SECRET, 'tracehound/v1/trace-id'), bytes.subarray(0, 8));
  const hidden = Buffer.from(bytes.subarray(8).map((byte, i) => byte ^ mask[i]!)).toString('hex');
  expect(hidden).toBe(evidence.sourceTag.slice(0, 32));
});

test('two trace ids of one evidence share nothing, and no evidence looks the same as some', () => {
  const { th } = ground();
  const ids = Array.from({ length: 200 }, (_, i) => th.http.keys.traceId(i % 2 === 0 ? ID : undefined));
  expect(new Set(ids).size).toBe(200);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{48}$/);
  // No byte is the same in all of either kind.
  for (const parity of [0, 1]) {
    const kind = ids.filter((_, i) => i % 2 === parity).map((id) => Buffer.from(id, 'hex'));
    for (let i = 0; i < 24; i++) expect(new Set(kind.map((bytes) => bytes[i])).size).toBeGreaterThan(20);
  }
});

test('what is no trace id resolves to nothing', () => {
  const { th } = ground();
  for (const text of ['', 'x', '0'.repeat(47), '0'.repeat(49), 'A'.repeat(48), `${'0'.repeat(48)}\n`, '0'.repeat(48)]) {
    expect(th.quarantine.find(text)).toBeUndefined();
  }
});

test('resolving is arithmetic: what another instance of the same secret made is found, and nothing has to be kept', () => {
  const macs = (_now: number, label: string, nonce: Uint8Array) => [hmac(SECRET, `${label} ${nonce}`)];
  const engine = { macs, mac: (now: number, label: string, nonce: Uint8Array) => macs(now, label, nonce)[0] };
  const random = (bytes: Uint8Array): void => void bytes.fill(9);
  const [one, two] = [new TraceIds(engine as never, random), new TraceIds(engine as never, random)];
  const [uuid] = two.resolve(0, one.make(0, ID)) as [Uint8Array];
  expect(Buffer.from(uuid).toString('hex')).toBe(ID.slice(0, 36).replaceAll('-', ''));
});
