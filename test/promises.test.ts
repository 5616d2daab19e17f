/**
 * What users are promised, one test a promise, with the promise as its title. Each runs on both builds of the core.
 *
 * The order is that of the README: limits, quarantine, log, answers. Whatever a promise says about "any" is tried with
 * seeds; the seed is in the message of a failure.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { EvidenceHandle, InterceptResult, Scent, Severity, Tracehound } from '../src/index';
import { BUILDS, type Ground, ground, indexOf, kindsOf, recordsOf, SECRET, seeded, sha256hex, T0 } from './ground';
import { genesisPrev, leafHash, treeHead } from './model/log';

const threat = (severity: Severity = 'high', category = 'sqli') => ({ category, severity, detector: 'test' });
const attack = (payload: Scent['payload'], source = '203.0.113.7', severity: Severity = 'high'): Scent => ({
  source,
  payload: payload as string,
  threat: threat(severity),
});
const evidenceOf = (result: InterceptResult): EvidenceHandle => {
  if (result.status !== 'quarantined' && result.status !== 'duplicate') throw new Error(`got ${result.status}`);
  return result.evidence;
};
const bytesOf = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? Buffer.from(part).toString('latin1') : part));

describe.each(BUILDS)('on the %s build, it is promised that', (_, core) => {
  const room = (options: Parameters<typeof ground>[0] = {}, over: Parameters<typeof ground>[1] = {}): Ground =>
    ground(options, { core, ...over });

  // ── limits ──────────────────────────────────────────────────────────────────────────────────────

  test.each([1, 2, 3, 4, 5, 6])(
    'in no interval of windowMs is a source admitted more than limit cost, whichever way it asks (seed %i)',
    async (seed) => {
      const random = seeded(seed);
      const [windowMs, limit] = [32 + random(500), 1 + random(12)];
      const world = room({ rateLimit: { windowMs, limit, maxSources: 16 } }, { digest: false });
      const { th } = world;
      const admitted = new Map<string, { at: number; cost: number }[]>();
      const spend = async (source: string): Promise<number> => {
        switch (random(5)) {
          case 0:
            return th.intercept({ source }).status === 'clean' ? 1 : 0;
          case 1:
            return th.intercept(attack(`${seed}`, source)).status === 'rate_limited' ? 0 : 1;
          case 2: {
            const cost = 1 + random(limit);
            return th.rateLimiter.check(source, cost).allowed ? cost : 0;
          }
          case 3:
            return th.http.limits.charge(source)!.allowed ? 1 : 0;
          default: {
            const scent = attack(new Uint8Array(9_000), source);
            return (await th.interceptAsync(scent)).status === 'rate_limited' ? 0 : 1;
          }
        }
      };
      for (let step = 0; step < 600; step++) {
        // Bursts around the boundaries of a window, where fixed windows admit twice the limit.
        if (random(6) === 0) world.now += [1, Math.ceil(windowMs / 32), Math.ceil(windowMs / 2), windowMs][random(4)]!;
        const source = `192.0.2.${random(random(4) === 0 ? 60 : 3)}`;
        const cost = await spend(source);
        if (cost === 0) continue;
        const spent = admitted.get(source) ?? [];
        spent.push({ at: world.now, cost });
        admitted.set(source, spent);
        const inWindow = spent.filter(({ at }) => at > world.now - windowMs);
        expect(
          inWindow.reduce((sum, entry) => sum + entry.cost, 0),
          `${source} within ${windowMs} ms`,
        ).toBeLessThanOrEqual(limit);
      }
      expect([...admitted.values()].flat().length).toBeGreaterThan(50);
    },
  );

  test('a receipt is not charged twice', () => {
    const { th } = room({ rateLimit: { windowMs: 1_000, limit: 3 } });
    const rate = th.rateLimiter.check('192.0.2.1');
    for (let i = 0; i < 10; i++) {
      expect(th.intercept({ source: '192.0.2.1', rate }).status).toBe('clean');
      expect(th.intercept({ ...attack(`n ${i}`, '192.0.2.1'), rate })).toMatchObject({ status: 'quarantined', rate });
    }
    expect(th.rateLimiter.peek('192.0.2.1').remaining).toBe(2);
    expect(th.watcher.snapshot().totals).toMatchObject({ seen: 0, flagged: 10 });
  });

  test('a receipt that says no is a refusal, and costs nothing more', () => {
    const { th } = room({ rateLimit: { windowMs: 1_000, limit: 1 } });
    th.rateLimiter.check('192.0.2.1');
    const rate = th.rateLimiter.check('192.0.2.1');
    expect(rate.allowed).toBe(false);
    const { retryAfterMs } = rate;
    for (const scent of [
      { source: '192.0.2.1', rate },
      { ...attack('x', '192.0.2.1'), rate },
    ]) {
      expect(th.intercept(scent)).toEqual({ status: 'rate_limited', rate, retryAfterMs, blocked: false });
    }
    expect(recordsOf(th).filter((record) => record.kind === 'LIMITED').length).toBe(1);
  });

  test('a clock that goes back, stands still or jumps admits no more, and locks nobody out', () => {
    const world = room({ rateLimit: { windowMs: 1_000, limit: 2 } });
    const ask = (): boolean => world.th.rateLimiter.check('192.0.2.1').allowed;
    expect([ask(), ask(), ask()]).toEqual([true, true, false]);
    world.now -= 500_000;
    expect(ask()).toBe(false);
    // A whole window of progress proves the new clock, a second one ends what was spent.
    world.now += 2_100;
    expect(ask()).toBe(true);
    world.now += 1e12;
    expect([ask(), ask(), ask()]).toEqual([true, true, false]);
    world.now -= 1e12;
    expect(ask()).toBe(false);
    world.now += 2_100;
    expect(ask()).toBe(true);
  });

  // ── quarantine ──────────────────────────────────────────────────────────────────────────────────

  test('only clean may pass: a flagged scent is never answered clean', () => {
    const { th } = room({ rateLimit: { windowMs: 1_000, limit: 50 } });
    const flagged: unknown[] = [true, 1, 'yes', {}, { category: 'x' }, { severity: 'low' }, [], () => 0, threat()];
    for (const word of flagged) {
      for (const source of ['192.0.2.1', '', undefined, { key: 'k' }]) {
        const result = th.intercept({ source, threat: word } as Scent);
        expect(['quarantined', 'duplicate', 'rate_limited']).toContain(result.status);
      }
    }
  });

  test('evidence is the bytes as they came', () => {
    const { th } = room();
    const random = seeded(5);
    for (const size of [0, 1, 91, 92, 93, 123, 124, 125, 319, 320, 321, 65_535, 65_536]) {
      const payload = Uint8Array.from({ length: size }, () => random(256));
      const kept = payload.slice();
      const { signature, hash, size: said } = evidenceOf(th.intercept(attack(payload)));
      payload.fill(0);
      expect(said).toBe(size);
      expect(hash).toBe(sha256hex(kept));
      expect(signature).toBe(`sqli:${hash}`);
      expect(Buffer.from(th.quarantine.read(signature)).equals(kept), `${size} bytes`).toBe(true);
    }
    const text = evidenceOf(th.intercept(attack('naïve — ✓ 💥')));
    expect(Buffer.from(th.quarantine.read(text.signature)).toString()).toBe('naïve — ✓ 💥');
    const json = evidenceOf(th.intercept(attack({ b: [1, 2.5, null], a: 'x' })));
    expect(Buffer.from(th.quarantine.read(json.signature)).toString()).toBe('{"a":"x","b":[1,2.5,null]}');
  });

  test('what is read is a copy, and a handle is frozen: nothing done with either damages the store', () => {
    const { th } = room();
    const { signature } = evidenceOf(th.intercept(attack('payload')));
    th.quarantine.read(signature).fill(0);
    const handle = th.quarantine.get(signature)!;
    expect(Object.isFrozen(handle)).toBe(true);
    expect(() => Object.assign(handle, { size: 0 })).toThrow(TypeError);
    expect(Buffer.from(th.quarantine.read(signature)).toString()).toBe('payload');
    const { records } = th.audit.export();
    records[0]!.fill(0);
    th.audit.head();
    expect(th.audit.verify().ok).toBe(true);
    expect(th.audit.export().records[0]![0]).toBe(1);
  });

  test('a read is recorded as ACCESSED, with who and why', () => {
    const { th } = room();
    const { signature, id } = evidenceOf(th.intercept(attack('payload')));
    th.quarantine.read(signature, { actor: 'kim', purpose: 'triage', case: 'C-7' });
    const { records, details } = th.audit.export({ from: 2 });
    const [accessed] = recordsOf(th, 2);
    expect(records.length).toBe(1);
    expect(accessed).toMatchObject({ kind: 'ACCESSED', id: id.slice(0, 36).replaceAll('-', ''), flags: 1, length: 7 });
    expect(sha256hex(details[0]!)).toBe(accessed!.detail);
    expect(JSON.parse(Buffer.from(details[0]!).toString())).toMatchObject({ actor: 'kim', purpose: 'triage' });
  });

  test('a repeated attack stays refused: it is a duplicate, counted, and takes no more room', () => {
    const world = room();
    const { th } = world;
    const first = evidenceOf(th.intercept(attack('payload', '192.0.2.1', 'low')));
    for (let i = 2; i <= 40; i++) {
      world.now += 1;
      const result = th.intercept(attack('payload', `192.0.2.${i}`, i === 20 ? 'critical' : 'low'));
      expect(result.status).toBe('duplicate');
      const { id, seen, severity, capturedAt, lastSeenAt } = evidenceOf(result);
      expect({ id, seen, capturedAt, lastSeenAt }).toEqual({
        id: first.id,
        seen: i,
        capturedAt: T0,
        lastSeenAt: world.now,
      });
      expect(severity).toBe(i < 20 ? 'low' : 'critical');
    }
    expect(th.quarantine.stats).toMatchObject({ count: 1, bytes: 7 });
  });

  test('a dropped scent is never reported as quarantined, and what is quarantined is held', () => {
    const random = seeded(11);
    const { th } = room({ quarantine: { maxCount: 5, maxBytes: 900, maxShare: 1 }, rateLimit: false });
    const severities: Severity[] = ['low', 'medium', 'high', 'critical'];
    let dropped = 0;
    for (let i = 0; i < 400; i++) {
      const payload = new Uint8Array(random(700)).fill(i);
      payload.set([i, i >> 8].slice(0, payload.length));
      const before = new Set(th.quarantine.list().map(({ signature }) => signature));
      const scent = { ...attack(payload, `192.0.2.${random(9)}`, severities[random(4)]), fingerprint: `n ${i}` };
      const result = th.intercept(scent);
      const after = th.quarantine.list().map(({ signature }) => signature);
      if (result.status === 'quarantined') expect(after).toContain(result.evidence.signature);
      else {
        expect(result).toMatchObject({ status: 'dropped', reason: 'capacity' });
        expect(new Set(after)).toEqual(before);
        expect(th.quarantine.has((result as { signature: string }).signature)).toBe(false);
        dropped++;
      }
      const { count, bytes } = th.quarantine.stats;
      expect(count).toBe(after.length);
      expect(count <= 5 && bytes <= 900, 'bounds').toBe(true);
    }
    expect(dropped).toBeGreaterThan(20);
  });

  test('evidence is never evicted by what is slighter', () => {
    const { th } = room({ quarantine: { maxCount: 4, maxShare: 1 }, rateLimit: false });
    for (let i = 0; i < 4; i++) th.intercept(attack(`grave ${i}`, `192.0.2.${i}`, 'critical'));
    for (let i = 0; i < 100; i++) {
      expect(th.intercept(attack(`junk ${i}`, `198.51.100.${i}`, 'high')).status).toBe('dropped');
    }
    expect(th.quarantine.list().map(({ severity }) => severity)).toEqual(Array(4).fill('critical'));
  });

  test('three sources cannot empty the store', () => {
    const { th } = room({ quarantine: { maxCount: 320, maxBytes: 64_000, maxShare: 1 / 16 }, rateLimit: false });
    // Twenty items a source. Thirteen others hold theirs.
    for (let i = 0; i < 260; i++) th.intercept(attack(`evidence ${i}`, `192.0.2.${i % 13}`, 'low'));
    const kept = th.quarantine.list({ limit: 1_000 }).map(({ id }) => id);
    for (let i = 0; i < 3_000; i++) {
      th.intercept(attack(`flood ${i}`.padEnd(150, '!'), `198.51.100.${i % 3}`, 'critical'));
    }
    for (const id of kept) expect(th.quarantine.find(id), id).toBeDefined();
    const flood = th.quarantine.list({ limit: 1_000 }).filter(({ severity }) => severity === 'critical');
    expect(flood.length).toBeLessThanOrEqual(60);
  });

  test.each([
    ['purge', (th: Tracehound, signature: string) => th.quarantine.purge(signature, 'erased')],
    ['neutralize', (th: Tracehound, signature: string) => th.quarantine.neutralize(signature)],
    ['flush', (th: Tracehound) => th.quarantine.purgeAll() > 0],
    [
      'replace',
      (th: Tracehound, signature: string) => th.quarantine.replace(signature, attack('other')).status === 'quarantined',
    ],
    [
      'eviction',
      (th: Tracehound) => {
        for (let i = 0; i < 8; i++) th.intercept(attack(`other ${i}`, `192.0.2.${i}`, 'critical'));
        return true;
      },
    ],
  ] as const)('released bytes are zeroed: after %s, the payload is nowhere in memory', (_name, release) => {
    const world = room({ quarantine: { maxCount: 8, maxShare: 1 } });
    const { th } = world;
    const secretBytes = 'n0where-else-in-memory:'.repeat(40);
    const { signature } = evidenceOf(th.intercept(attack(secretBytes, 'tenant-who-is-secret')));
    th.intercept(attack(secretBytes, 'tenant-who-is-secret'));
    th.quarantine.read(signature);
    expect(indexOf(world.memory(), 'n0where-else-in-memory')).toBeGreaterThan(0);
    expect(release(th, signature)).toBe(true);
    expect(th.quarantine.has(signature)).toBe(false);
    expect(indexOf(world.memory(), 'n0where'), 'payload').toBe(-1);
    // The next request's source lies in the inbox; this one's must not.
    expect(indexOf(world.memory(), 'tenant-who'), 'source').toBe(-1);
  });

  test.each([
    ['too large, as text', 'n0where'.repeat(60)],
    ['too large once encoded', `n0where${'ü'.repeat(200)}`],
    ['not to be had', { n0where: Number.NaN }],
    ['missing', undefined],
  ])('a payload that is %s leaves nothing behind', (_name, payload) => {
    const world = room({ maxPayloadBytes: 256, rateLimit: { limit: 2 } });
    for (let i = 0; i < 4; i++) {
      world.th.intercept(attack(payload, 'tenant-who-is-secret'));
      world.th.intercept({ ...attack('n0where', 'tenant-who-is-secret'), fingerprint: 'n0where' });
      world.th.quarantine.purgeAll();
      expect(indexOf(world.memory(), 'n0where')).toBe(-1);
      expect(indexOf(world.memory(), 'tenant-who')).toBe(-1);
    }
  });

  // ── the log ─────────────────────────────────────────────────────────────────────────────────────

  test.each([1, 2, 3, 4])('every flagged request is accounted in exactly one record (seed %i)', async (seed) => {
    const random = seeded(seed);
    const world = room(
      {
        rateLimit: { windowMs: 400, limit: 3, blockMs: seed % 2 === 0 ? 300 : 0, maxSources: 16 },
        quarantine: { maxCount: 6, maxBytes: 2_000, maxShare: 0.5 },
        maxPayloadBytes: 300,
        audit: { maxRecords: 8_192 },
      },
      { seed, digest: seed > 2 },
    );
    const { th } = world;
    const severities: Severity[] = ['low', 'medium', 'high', 'critical'];
    const STEPS = 1_500;
    const answers: Record<string, number> = {};
    for (let i = 0; i < STEPS; i++) {
      world.now += random(4) === 0 ? random(60) : 0;
      const payload = [new Uint8Array(random(310)).fill(random(6)), Number.NaN, `text ${random(8)}`][
        random(3)
      ] as string;
      const scent = attack(payload, `192.0.2.${random(random(3) === 0 ? 90 : 4)}`, severities[random(4)]);
      const result = random(3) === 0 ? await th.interceptAsync(scent) : th.intercept(scent);
      answers[result.status] = (answers[result.status] ?? 0) + 1;
      const [held] = th.quarantine.list({ limit: 1 });
      if (held && random(9) === 0) th.quarantine.neutralize(held.signature);
      if (held && random(40) === 0) th.quarantine.purge(held.signature, 'expired');
      if (random(150) === 0) th.quarantine.purgeAll();
      if (random(150) === 0) await th.audit.flush();
    }
    await th.close();
    const sum = (...kinds: string[]): number =>
      recordsOf(th)
        .filter(({ kind }) => kinds.includes(kind))
        .reduce((total, { count }) => total + count, 0);
    expect(recordsOf(th)[0]!.seq, 'nothing fell out').toBe(0);
    expect(answers.error ?? 0).toBe(0);
    expect(sum('QUARANTINED')).toBe(answers.quarantined);
    expect(sum('DUPLICATE', 'EVICTED', 'NEUTRALIZED', 'PURGED'), 'repeats').toBe(answers.duplicate);
    expect(sum('DROPPED')).toBe((answers.dropped ?? 0) + (answers.payload_too_large ?? 0));
    expect(sum('LIMITED')).toBe(answers.rate_limited);
    expect(sum('QUARANTINED', 'DUPLICATE', 'EVICTED', 'NEUTRALIZED', 'PURGED', 'DROPPED', 'LIMITED')).toBe(STEPS);
    expect(th.watcher.snapshot().totals).toMatchObject({ seen: STEPS, flagged: STEPS, byStatus: answers });
  });

  test.each(['intercept', 'interceptAsync'] as const)('%s counts each request as seen once', async (way) => {
    for (const rateLimit of [false, { limit: 2 }] as const) {
      for (const digest of [true, false]) {
        const { th } = room({ rateLimit }, { digest });
        for (let i = 0; i < 4; i++) await th[way](attack(new Uint8Array(9_000).fill(i)));
        expect(th.watcher.snapshot().totals, `digest ${digest}`).toMatchObject({ seen: 4, flagged: 4 });
      }
    }
  });

  test('the log verifies after every step, and its root is the plain Merkle tree head of the exported records', () => {
    const origin = 'test.example/log';
    const world = room({ audit: { origin, maxRecords: 512 }, quarantine: { maxCount: 3 }, rateLimit: { limit: 5 } });
    const { th } = world;
    const steps: (() => unknown)[] = [
      () => th.intercept({ source: '192.0.2.1' }),
      () => th.intercept(attack('one')),
      () => th.intercept(attack('one')),
      () => th.intercept(attack('two', '192.0.2.2')),
      () => th.intercept(attack('three', '192.0.2.3')),
      () => th.intercept(attack('four', '192.0.2.4')),
      () => th.intercept(attack(Number.NaN, '192.0.2.4')),
      () => th.rateLimiter.block('192.0.2.9', 60_000),
      () => th.intercept(attack('five', '192.0.2.9')),
      () => th.rateLimiter.unblock('192.0.2.9'),
      () => th.http.counters.uninspected('192.0.2.9', 'passed', 'timeout'),
      () => th.quarantine.read(th.quarantine.list()[0]!.signature),
      () => th.quarantine.replace(th.quarantine.list()[0]!.signature, attack('six', '192.0.2.6')),
      () => th.quarantine.purgeAll(),
      () => void th.close(),
    ];
    let sizeBefore = 1;
    let records: Uint8Array[] = [];
    for (const step of steps) {
      step();
      ({ records } = th.audit.export({ from: 0 }));
      expect(th.audit.verify()).toEqual({ ok: true, from: 0, to: records.length, gaps: 0 });
      const leaves = records.map((record) => leafHash(record));
      expect(th.audit.head()).toEqual({ origin, size: records.length, root: treeHead(leaves).toString('hex') });
      records.forEach((record, seq) => {
        const prev = seq === 0 ? genesisPrev(origin) : leaves[seq - 1]!;
        expect(Buffer.from(record.subarray(48, 80)).equals(prev), `link of record ${seq}`).toBe(true);
      });
      expect(records.length).toBeGreaterThanOrEqual(sizeBefore);
      sizeBefore = records.length;
    }
    expect(new Set(kindsOf(th)).size).toBeGreaterThan(10);
    // Any bit that is changed breaks the chain or the root.
    const changed = records.map((record) => record.slice());
    changed[4]![100]! ^= 1;
    expect(treeHead(changed.map((record) => leafHash(record))).toString('hex')).not.toBe(th.audit.head().root);
  });

  test('export never acknowledges, release does, and what falls out unreleased is a GAP', () => {
    const { th } = room({ audit: { maxRecords: 16 }, rateLimit: false });
    for (let i = 0; i < 10; i++) th.intercept(attack(`n ${i}`));
    expect(th.audit.export().records.length).toBe(11);
    expect(th.audit.export().from).toBe(0);
    th.audit.release(11);
    expect(th.audit.export()).toMatchObject({ from: 11, records: [] });
    for (let i = 10; i < 25; i++) th.intercept(attack(`n ${i}`));
    // 26 records in a ring of 16: what fell out had been released.
    expect(th.audit.verify()).toEqual({ ok: true, from: 10, to: 26, gaps: 0 });
    for (let i = 25; i < 35; i++) th.intercept(attack(`n ${i}`));
    expect(th.audit.verify()).toMatchObject({ ok: true, from: 20, to: 36, gaps: 9 });
    void th.audit.flush();
    const gap = recordsOf(th).at(-1)!;
    expect(gap).toMatchObject({ kind: 'GAP', count: 10, seq: 36 });
    expect(gap.payload.slice(0, 32)).toBe(
      `${(11).toString(16).padStart(16, '0')}${(21).toString(16).padStart(16, '0')}`,
    );
    expect(() => th.audit.export({ from: 12 })).toThrow(expect.objectContaining({ code: 'RANGE_UNAVAILABLE' }));
  });

  test('neither source nor payload is anywhere in records, details, handles, the watcher or errors', async () => {
    const { th } = room({ rateLimit: { windowMs: 1_000, limit: 3 }, audit: { maxRecords: 256 } });
    const source = 'tenant-who-is-secret';
    const payload = 'Ünsp3akable payload';
    const out: unknown[] = [];
    const keep = (act: () => unknown): void => {
      try {
        out.push(act());
      } catch (error) {
        const { message, stack, cause } = error as Error;
        out.push(message, stack, String(cause));
      }
    };
    const scents: unknown[] = [
      attack(payload, source),
      attack(payload, source),
      { ...attack({ payload }, source), fingerprint: payload, id: payload },
      attack(payload, source),
      { source, threat: { category: payload, severity: payload, reason: payload, raw: payload, rule: payload } },
      [source, payload],
      payload,
    ];
    for (const scent of scents) keep(() => th.intercept(scent as Scent));
    const [held] = th.quarantine.list();
    keep(() => th.rateLimiter.block(source, Number.NaN));
    keep(() => th.rateLimiter.check(source, 0));
    keep(() => th.rateLimiter.block(source, 1_000));
    keep(() => th.quarantine.replace(held!.signature, { source, payload }));
    keep(() => th.quarantine.read(payload));
    keep(() => th.quarantine.purge(held!.signature, payload as 'error'));
    keep(() => th.quarantine.list({ after: payload }));
    keep(() => th.quarantine.get(payload));
    keep(() => th.quarantine.find(payload));
    keep(() => th.http.counters.uninspected(source, 'passed', 'threw'));
    keep(() => th.quarantine.list());
    keep(() => th.quarantine.neutralize(held!.signature));
    await th.close();
    keep(() => th.intercept(attack(payload, source)));
    keep(() => th.audit.export());
    keep(() => th.watcher.snapshot());
    const everything = bytesOf(out);
    for (const word of ['tenant-who', 'nsp3akable']) expect(everything).not.toContain(word);
    // Nor as an unsalted hash: whoever guesses a source must not be able to prove it from the log.
    const { records } = th.audit.export({ from: 0 });
    for (const hash of [source, payload].map((text) => createHash('sha256').update(text).digest())) {
      for (const record of records) expect(indexOf(record, hash)).toBe(-1);
    }
  });

  test('equal sources have equal tags under one secret, however they are spelled, and others have others', () => {
    const tags = (secret: Uint8Array | undefined, seed: number): string[] => {
      const { th } = room(secret ? { secret } : { secret: SECRET.map((byte) => byte + seed) }, { seed });
      return ['2001:db8::1', '2001:0DB8:0:0::0001', '2001:db8::2', '192.0.2.1', '::ffff:192.0.2.1'].map(
        (source, i) => evidenceOf(th.intercept(attack(`n ${i}`, source))).sourceTag,
      );
    };
    const [a, b] = [tags(SECRET, 1), tags(SECRET, 2)];
    expect(a).toEqual(b);
    expect(a[0]).toBe(a[1]);
    expect(a[3]).toBe(a[4]);
    expect(new Set(a).size).toBe(3);
    expect(tags(undefined, 3)[0]).not.toBe(a[0]);
  });

  // ── answers ─────────────────────────────────────────────────────────────────────────────────────

  test('intercept never throws, and interceptAsync never rejects', async () => {
    const { th, runtime } = room();
    const boom = (): never => {
      throw new Error('boom');
    };
    const proxy = new Proxy({}, { get: boom, has: boom, ownKeys: boom, getOwnPropertyDescriptor: boom });
    const { proxy: revoked, revoke } = Proxy.revocable({}, {});
    revoke();
    const all = [undefined, null, 0, '', 'x', Symbol('x'), 1n, () => 0, [], {}, proxy, revoked, new Date(), boom];
    for (const scent of all) {
      expect(th.intercept(scent as unknown as Scent).status).toBeTypeOf('string');
      expect((await th.interceptAsync(scent as unknown as Scent)).status).toBeTypeOf('string');
    }
    for (const broken of [{ now: boom }, { random: boom }, { core: boom }, { core: () => ({ exports: {} }) }]) {
      const { th: bad } = { th: ground({}, {}).th };
      expect(bad.intercept({ source: 'x' }).status).toBe('clean');
      const world = room({ clock: (broken as { now?: () => number }).now ?? (() => T0) });
      Object.assign(world.runtime, broken);
      for (const scent of [{ source: 'x' }, attack('x')]) {
        expect(world.th.intercept(scent)).toMatchObject({ status: 'error', error: { name: 'TracehoundError' } });
        expect(await world.th.interceptAsync(scent)).toMatchObject({ status: 'error' });
      }
    }
    expect(runtime.name).toBe('ground');
  });

  test('an id is a UUIDv7, a dash and 16 hex characters, rises within a millisecond and is never repeated', () => {
    const world = room();
    const ids = Array.from({ length: 3_000 }, (_, i) => {
      if (i % 500 === 0) world.now += i % 1_000 === 0 ? 1 : -1;
      return world.th.id();
    });
    for (const id of ids) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-[0-9a-f]{16}$/);
    }
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids.map((id) => id.slice(37))).size).toBe(ids.length);
  });

  test('same configuration, entropy and calls give the same log', () => {
    const run = (): string => {
      const world = room({ quarantine: { maxCount: 3 }, rateLimit: { limit: 4 } }, { seed: 77 });
      const random = seeded(3);
      for (let i = 0; i < 200; i++) {
        world.now += random(30);
        world.th.intercept(attack(`n ${random(20)}`, `192.0.2.${random(5)}`));
      }
      return bytesOf(world.th.audit.export());
    };
    expect(run()).toBe(run());
  });
});
