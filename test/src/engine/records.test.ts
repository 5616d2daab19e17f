/** Guards src/engine/records.ts: what the core answered is read as it was meant, field by field, and as a copy. */
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { writeSource } from '../../../src/engine/inbox';
import type { Core } from '../../../src/engine/link';
import {
  readAudit,
  readDigest,
  readHandle,
  readId,
  readLimiter,
  readQuarantine,
  readRate,
  readSignatureHash,
} from '../../../src/engine/records';
import { begun, configOf, flag, NOW, TAG_KEY } from '../../lab/core';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const slotOf = (core: Core): number => core.view.getUint32(abi.OUTBOX_AT + abi.OUTBOX_SLOT, true);
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-[0-9a-f]{16}$/;

describe('a handle', () => {
  it('says what was asked and what became of it', () => {
    const core = begun();
    flag(core, 'p', { truncated: true, severity: 3, disposition: abi.DISPOSITION_OBSERVED }, '192.0.2.7');
    const id = readId(core);
    const handle = readHandle(core, slotOf(core));
    expect(handle).toEqual({
      id,
      seq: 1,
      signature: `sqli:${sha256('p')}`,
      hash: sha256('p'),
      size: 1,
      truncated: true,
      severity: 'critical',
      category: 'sqli',
      detector: 'lab',
      // Domain byte of IPv4, then the address: docs/format.md.
      sourceTag: createHmac('sha256', TAG_KEY)
        .update(Uint8Array.of(4, 192, 0, 2, 7))
        .digest('hex'),
      capturedAt: NOW,
      lastSeenAt: NOW,
      seen: 1,
      disposition: 'observed',
    });
    expect(id).toMatch(ID);
    expect(readSignatureHash(core)).toBe(handle.hash);
    flag(core, 'p', { severity: 0 }, '192.0.2.7', NOW + 5);
    expect(readHandle(core, slotOf(core))).toMatchObject({ id, severity: 'critical', seen: 2, lastSeenAt: NOW + 5 });
    expect(handle.seen, 'the handle before is a copy').toBe(1);
    expect(Object.isFrozen(handle)).toBe(true);
  });

  it('has the texts of its item, whatever their lengths and characters', () => {
    const core = begun(configOf({ limit: 0, maxCount: 80 }));
    for (let length = 1; length <= 64; length++) {
      const category = 'c'.repeat(length);
      const detector = length % 3 === 0 ? '' : 'é'.repeat(length >>> 1);
      flag(core, `payload ${length}`, { category, detector, fingerprint: length % 2 === 0 ? `${length}` : undefined });
      const handle = readHandle(core, slotOf(core));
      expect(handle).toMatchObject({
        category,
        detector: detector === '' ? undefined : detector,
        signature: `${category}:${sha256(length % 2 === 0 ? `${length}` : `payload ${length}`)}`,
        hash: sha256(`payload ${length}`),
      });
      if (length >= 40) core.call.flush(NOW);
    }
  });
});

it('a verdict of the limiter says all that the core said', () => {
  const core = begun(configOf({ limit: 2 }));
  const check = (): ReturnType<typeof readRate> => {
    writeSource(core, { kind: 'key', text: 'k' });
    core.view.setUint32(abi.INBOX_AT + abi.INBOX_COST, 1, true);
    core.call.rateCheck(NOW, 0);
    return readRate(core, 2);
  };
  expect(readLimiter(core)).toEqual({ tracked: 0, evictions: 0, pressure: 0 });
  expect(check()).toMatchObject({
    allowed: true,
    blocked: false,
    limit: 2,
    remaining: 1,
    retryAfterMs: 0,
    degraded: false,
  });
  expect(check()).toMatchObject({ allowed: true, remaining: 0 });
  const refused = check();
  expect(refused).toMatchObject({ allowed: false, blocked: true, limit: 2, remaining: 0 });
  expect(refused.retryAfterMs).toBe(core.view.getFloat64(abi.OUTBOX_AT + abi.OUTBOX_RETRY_MS, true));
  expect(refused.resetMs).toBe(core.view.getFloat64(abi.OUTBOX_AT + abi.OUTBOX_RESET_MS, true));
  expect(refused.retryAfterMs).toBeGreaterThanOrEqual(30_000);
  expect(readLimiter(core)).toMatchObject({ tracked: 1 });
  expect(readLimiter(begun(configOf({ limit: 0 })))).toBeUndefined();
});

it('the numbers of the store are those of its items, by severity', () => {
  const core = begun(configOf({ limit: 0 }));
  for (const [i, severity] of [0, 1, 1, 2, 2, 2, 3].entries())
    flag(core, `${i}`.repeat(i + 1), { severity }, `10.0.0.${i % 3}`);
  expect(readQuarantine(core)).toEqual({
    count: 7,
    bytes: 28,
    sources: 3,
    bySeverity: { low: 1, medium: 2, high: 3, critical: 1 },
  });
});

it('the numbers of the log are those of its records and requests', () => {
  const core = begun(configOf({ limit: 0, maxRecords: 16 }));
  expect(readAudit(core)).toMatchObject({
    size: 1,
    heldFrom: 0,
    releasedTo: 0,
    lost: 0,
    epoch: 0,
    seen: 0,
    flagged: 0,
  });
  for (let i = 0; i < 12; i++) flag(core, `${i}`);
  core.view.setFloat64(abi.INBOX_AT + abi.INBOX_NUMBER, 4, true);
  core.call.release();
  expect(readAudit(core)).toMatchObject({ size: 13, heldFrom: 0, releasedTo: 4, lost: 0, flagged: 12 });
  const held = core.call.recordAt();
  expect(held).not.toBe(0);
  core.call.root();
  const root = readDigest(core, abi.OUTBOX_HASH);
  const again = root.slice();
  core.bytes.fill(0, abi.OUTBOX_AT + abi.OUTBOX_HASH, abi.OUTBOX_AT + abi.OUTBOX_HASH + 32);
  expect(root, 'a digest is a copy').toEqual(again);
  expect(root.some((byte) => byte !== 0)).toBe(true);
});
