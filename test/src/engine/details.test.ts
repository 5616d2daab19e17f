/**
 * Guards the sidecars that records commit to: `src/engine/details.ts`.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Details } from '../../../src/engine/details';
import { openSnapshot } from '../../../src/instance/image';
import type { Runtime, Tracehound } from '../../../src/types/index';
import { begun } from '../../lab/core';
import { dice, lab, pick } from '../../lab/lab';

describe('what a detector said besides', () => {
  const threat = { category: 'sqli', severity: 'high', rule: '942100', raw: 'score="12"', score: Number.NaN } as const;
  const said = (th: Tracehound, seq: number): unknown => {
    const { records, details } = th.audit.export({ from: seq, to: seq + 1 });
    expect((records[0]![5]! & 1) === 1).toBe(details[0] !== null);
    return details[0] && JSON.parse(Buffer.from(details[0]).toString());
  };

  it('is cut, cleaned, and refers to the signature, or to the category where only the source is signed', () => {
    const th = lab().make({ rateLimit: false });
    const long = { ...threat, version: 'v'.repeat(99), reason: `\u202e${'"'.repeat(200)}`, detector: 'crs' };
    th.intercept({ source: 'a', payload: 'x', threat: long });
    th.intercept({ source: 'a', threat });
    const [handle] = th.quarantine.list();
    expect(said(th, 1)).toEqual({
      rule: '942100',
      raw: 'score="12"',
      version: 'v'.repeat(32),
      reason: `?${'"'.repeat(95)}`,
      detector: 'crs',
      signature: handle!.signature,
      salt: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(said(th, 2)).toEqual({ rule: '942100', raw: 'score="12"', category: 'sqli', salt: expect.any(String) });
    const largest = Object.fromEntries(
      ['rule', 'version', 'reason', 'raw', 'detector'].map((name) => [name, '"'.repeat(200)]),
    );
    th.intercept({
      source: 'a',
      payload: 'y',
      threat: { ...largest, category: 'c'.repeat(64), severity: 'high', score: 1 / 3 },
    });
    expect(th.audit.export({ from: 3 }).details[0]!.length).toBeLessThanOrEqual(1_024);
  });

  it('is lost without randomness; the evidence is not', () => {
    const it = lab();
    const { random } = it.runtime;
    const short = (bytes: Uint8Array): void => {
      if (bytes.length === 16) throw new Error('no salt');
      random(bytes);
    };
    let broken = false;
    const runtime = Object.create(it.runtime, {
      random: { value: (bytes: Uint8Array) => (broken ? short(bytes) : random(bytes)) },
    }) as Runtime;
    const th = it.make({ rateLimit: false, runtime });
    th.id();
    broken = true;
    expect(th.intercept({ source: 'a', payload: 'x', threat })).toMatchObject({ status: 'quarantined' });
    expect(said(th, 1)).toBe(null);
  });

  it('survives a restore, which knows the item by it', async () => {
    const secret = new Uint8Array(32).fill(7);
    const th = lab().make({ rateLimit: false, secret });
    th.intercept({ source: 'a', payload: 'x', threat });
    th.intercept({ source: 'b', threat });
    const opened = await openSnapshot(await th.snapshot(), { secret });
    const restored = lab({ seed: 2 }).make({ rateLimit: false, secret, restore: opened });
    restored.intercept({ source: 'c' });
    expect(restored.quarantine.list().map(({ signature }) => signature)).toEqual(
      th.quarantine.list().map(({ signature }) => signature),
    );
  });

  it.each(Array.from({ length: 24 }, (_, i) => i))(
    'is there for as long as its record is, whatever floods the log: seed %i',
    async (seed) => {
      const roll = dice(seed);
      const maxRecords = pick(roll, [16, 64, 1_024, 2_048, 4_096]);
      const th = lab({ seed }).make({
        rateLimit: {},
        audit: { origin: 'example.com/log', maxRecords },
        quarantine: { maxCount: 64, maxShare: 1 },
      });
      th.intercept({ source: 'a', payload: 'x', threat });
      const who = { actor: 'kim', purpose: 'triage' };
      await th.audit.checkpoint(); // the log has its key
      const acts = [
        (i: number) => th.rateLimiter.block(`10.${seed}.${i >> 8}.${i & 255}`, 60_000, who),
        () => th.quarantine.read(th.quarantine.list({ limit: 1 })[0]!.signature, who),
        (i: number) => th.intercept({ source: 'b', payload: `y${i}`, threat: { ...threat, rule: `${i}` } }),
        (i: number) => th.rateLimiter.unblock(`10.${seed}.${i >> 8}.${i & 255}`, who),
      ];
      const main = pick(roll, acts);
      const floods = Math.floor(maxRecords * (0.5 + roll()));
      for (let i = 0; i < floods; i++) (roll() < 0.8 ? main : pick(roll, acts))(i);
      const { from, records, details } = th.audit.export({ from: Math.max(0, th.audit.verify().from) });
      const bare = records.flatMap((record, i) => ((record[5]! & 1) === 1 && details[i] === null ? [from + i] : []));
      expect(records.length).toBeGreaterThan(4);
      expect(bare).toEqual([]);
      for (const [i, detail] of details.entries()) {
        if (detail === null) continue;
        expect(createHash('sha256').update(detail).digest().equals(records[i]!.subarray(112, 144))).toBe(true);
      }
    },
  );

  it('goes with its record: what is kept does not grow with what was written', () => {
    const world = lab();
    const th = world.make({ rateLimit: false, audit: { maxRecords: 64 }, quarantine: { maxCount: 4, maxShare: 1 } });
    const sidecar = (i: number): void => {
      // What the laboratory notes down is not what is measured.
      for (const noted of [world.drawn, ...world.cores.map(({ calls }) => calls)]) noted.length = 0;
      th.intercept({ source: 'a', payload: `z${i}`, threat: { ...threat, raw: 'r'.repeat(96), reason: `${i}` } });
    };
    for (let i = 0; i < 2_000; i++) sidecar(i);
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 40_000; i++) sidecar(2_000 + i);
    globalThis.gc?.();
    // 40,000 sidecars of 300 bytes would be 12 MB; without a collector at hand the test says less.
    if (globalThis.gc) expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 * 2 ** 20);
    // Every other record is of what had to make room.
    expect(th.audit.export({ from: th.audit.verify().from }).details.filter((each) => each !== null)).toHaveLength(32);
  });
});

describe('on one core', () => {
  const bytes = (n: number): Uint8Array => new TextEncoder().encode(`sidecar ${n}`);
  const hash = (n: number): Uint8Array => createHash('sha256').update(bytes(n)).digest();
  /** A record that commits to a sidecar, as far as a sidecar is looked up by it. */
  const record = (n: number, flags = 1): Uint8Array => {
    const made = new Uint8Array(176);
    made[5] = flags;
    made.set(hash(n), 112);
    return made;
  };

  it('a sidecar is kept when a record of the call commits to it, and only then', () => {
    const core = begun();
    const details = new Details();
    expect(details.with(core, undefined, () => 'no sidecar')).toBe('no sidecar');
    details.with(core, bytes(1), () => undefined);
    expect(details.of(record(1)), 'nobody wrote a record').toBeNull();
    details.with(core, bytes(2), () => core.call.flush(0));
    expect(details.all()).toEqual([]);
  });

  it('is found by the record that names its hash and says that it has one', () => {
    const details = new Details();
    for (let n = 0; n < 20; n++) details.keep(hash(n), n % 2, bytes(n));
    for (let n = 0; n < 20; n++) {
      expect(details.of(record(n))).toEqual(bytes(n));
      expect(details.of(record(n, 0))).toBeNull();
      expect(details.of(record(n, 0xfe)), 'of the flags one counts').toBeNull();
    }
    expect(details.of(record(20))).toBeNull();
    const kept = details.all().map(([key, sort, detail]) => [Buffer.from(key), sort, detail]);
    expect(kept).toEqual(Array.from({ length: 20 }, (_, n) => [Buffer.from(hash(n)), n % 2, bytes(n)]));
  });
});
