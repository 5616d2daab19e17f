/** Guards `src/instance/image.ts`: what a snapshot carries over, how one is taken, and that one in which anything was changed is not opened. */
import { createDecipheriv, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import * as abi from '../../../assembly/abi';
import { openSnapshot } from '../../../src/instance/image';
import type { Tracehound, TracehoundOptions } from '../../../src/types/index';
import { heldSlots, type Lab, lab, parsed, recordOf, region, sidecarOf, stateOf, treeHead, view } from '../../lab/lab';
import { options, refusal, secret, threat } from '../../lab/snapshots';

/** An instance that holds `count` items, some with a fingerprint, some seen twice. */
function full(it: Lab, count = 12, over: TracehoundOptions = {}): Tracehound {
  const th = it.make({ ...options, ...over });
  for (let n = 0; n < count; n++) {
    it.now += 7;
    th.intercept(threat(n, n % 3 === 0 ? { fingerprint: `print ${n}` } : {}));
  }
  for (let n = 0; n < count; n += 4) th.intercept(threat(n, n % 3 === 0 ? { fingerprint: `print ${n}` } : {}));
  return th;
}

describe('what a snapshot carries over', () => {
  test('evidence keeps its id, its facts and its bytes, and what comes again is known', async () => {
    const it = lab();
    const old = full(it);
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({ ...options, restore: opened });
    expect(th.quarantine.list()).toEqual(old.quarantine.list());
    expect(th.quarantine.list()).toHaveLength(12);
    for (const { signature } of old.quarantine.list()) {
      expect(th.quarantine.read(signature)).toEqual(old.quarantine.read(signature));
    }
    const again = th.intercept(threat(1));
    expect(again).toMatchObject({ status: 'duplicate', evidence: { seen: 2 } });
    const before = old.quarantine
      .list()
      .find(({ sourceTag }) => 'evidence' in again && sourceTag === again.evidence.sourceTag);
    expect('evidence' in again && again.evidence.id).toBe(before?.id);
  });

  test('a source that had used its limit is still refused, and told the same time to come back', async () => {
    const it = lab();
    const old = full(it, 3, { rateLimit: { ...options.rateLimit, blockMs: 0 } });
    for (let i = 0; i < 5; i++) old.rateLimiter.check('2001:db8::1');
    it.now += 1_000;
    old.rateLimiter.check({ key: 'half' }, 3);
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({ ...options, rateLimit: { ...options.rateLimit, blockMs: 0 }, restore: opened });
    for (const ms of [0, 500, 20_000]) {
      it.now += ms;
      expect(th.rateLimiter.peek('2001:db8::1')).toEqual(old.rateLimiter.peek('2001:db8::1'));
      expect(th.rateLimiter.peek({ key: 'half' })).toEqual(old.rateLimiter.peek({ key: 'half' }));
    }
    const denied = th.rateLimiter.check('2001:db8::1');
    expect(denied.allowed).toBe(false);
    it.now += denied.retryAfterMs - 1;
    expect(th.rateLimiter.check('2001:db8::1').allowed).toBe(false);
    it.now += 1;
    expect(th.rateLimiter.check('2001:db8::1').allowed).toBe(true);
  });

  test('a blocked source stays blocked for what is left of its time', async () => {
    const it = lab();
    const old = it.make(options);
    old.rateLimiter.block('203.0.113.9', 10_000);
    it.now += 4_000;
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({ ...options, restore: opened });
    expect(th.rateLimiter.check('203.0.113.9')).toMatchObject({ allowed: false, blocked: true, retryAfterMs: 6_000 });
    it.now += 6_000;
    expect(th.rateLimiter.check('203.0.113.9').allowed).toBe(true);
  });

  test('unreleased records come along under their old origin, with their sidecars, and give the old tree head', async () => {
    const it = lab();
    const old = full(it);
    old.quarantine.purge(old.quarantine.list()[0]?.signature as string, 'timeout', { actor: 'ann', purpose: 'tidy' });
    const log = old.audit.export();
    const head = old.audit.head();
    const opened = await openSnapshot(await old.snapshot(), { secret });
    expect(opened).toMatchObject({ version: 1, origin: head.origin, size: head.size, root: head.root });
    const th = it.make({ ...options, restore: opened });
    expect(th.audit.carried()).toEqual([log]);
    expect(treeHead(log.records)).toBe(head.root);
    expect(log.details.filter((detail) => detail !== null)).toHaveLength(2);
    th.audit.releaseCarried(head.origin);
    expect(th.audit.carried()).toEqual([]);
  });

  test('RESUME names the old origin, size and root, and the new log begins from record 0', async () => {
    const it = lab();
    const old = full(it);
    old.audit.release(9);
    const head = old.audit.head();
    const th = it.make({ ...options, restore: await openSnapshot(await old.snapshot(), { secret }) });
    expect(th.audit.head()).toMatchObject({ size: 2 });
    expect(th.audit.head().origin).not.toBe(head.origin);
    expect(recordOf(th, abi.KIND_RESUME)).toMatchObject({ seq: 1, size: head.size, overlay: head.root, count: 0 });
    const facts = sidecarOf(th, abi.KIND_RESUME);
    expect(facts).toMatchObject({
      origin: head.origin,
      size: head.size,
      items: 12,
      lost: 0,
      limiter: 'restored',
      panic: 0,
    });
    expect(th.audit.carried()[0]?.from).toBe(9);
    expect(th.audit.verify()).toMatchObject({ ok: true, from: 0, to: 2 });
  });

  test('refusals that no record names come over with the limiter; without it they are counted as unaccounted', async () => {
    const it = lab();
    const old = it.make(options);
    for (let i = 0; i < 5 + 7; i++) old.rateLimiter.check('203.0.113.9');
    const restore = await openSnapshot(await old.snapshot(), { secret });
    const same = it.make({ ...options, restore });
    const other = it.make({ ...options, rateLimit: { limit: 9 }, restore });
    expect([same, other].map((th) => sidecarOf(th, abi.KIND_RESUME).unaccounted)).toEqual([0, 3]);
    await same.close();
  });

  test('totals go on counting', async () => {
    const it = lab();
    const old = full(it);
    const before = old.watcher.snapshot().totals;
    const th = it.make({ ...options, restore: await openSnapshot(await old.snapshot(), { secret }) });
    th.intercept({ source: '192.0.2.1' });
    const { totals } = th.watcher.snapshot();
    expect([totals.seen, totals.flagged]).toEqual([before.seen + 1, before.flagged]);
  });

  test('logs of still earlier epochs travel too', async () => {
    const it = lab();
    const first = full(it, 3);
    const second = it.make({ ...options, restore: await openSnapshot(await first.snapshot(), { secret }) });
    second.intercept(threat(30));
    const third = it.make({ ...options, restore: await openSnapshot(await second.snapshot(), { secret }) });
    const origins = [first.audit.head().origin, second.audit.head().origin];
    const alone = third.audit.carried().flatMap(({ records }) => records.map(({ buffer }) => buffer.byteLength));
    expect(new Set(alone), 'records do not keep the evidence beside them alive').toEqual(new Set([abi.LOG_BYTES]));
    expect(third.audit.carried().map(({ origin }) => origin)).toEqual(origins);
    expect(treeHead(third.audit.carried()[0]?.records ?? [])).toBe(first.audit.head().root);
  });

  test('with less room, what the store would have kept longest stays; the rest is counted and named', async () => {
    const it = lab();
    const old = full(it);
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({ ...options, quarantine: { maxCount: 4, maxShare: 1 }, restore: opened });
    const worst = old.quarantine.list().filter(({ severity }) => severity === 'critical');
    const high = old.quarantine.list().filter(({ severity }) => severity === 'high');
    const kept = [...worst, ...high.slice(-1)].map(({ id }) => id).sort();
    expect(th.quarantine.list().map(({ id }) => id)).toEqual(kept);
    const gone = old.quarantine.list().filter(({ id }) => !kept.includes(id));
    expect(recordOf(th, abi.KIND_RESUME).count).toBe(8);
    expect(sidecarOf(th, abi.KIND_RESUME)).toMatchObject({ items: 4, lost: 8 });
    expect(sidecarOf(th, abi.KIND_RESUME).lostIds).toEqual(gone.map(({ id }) => id.slice(0, 36).replaceAll('-', '')));
  });

  test('with fewer bytes allowed, the most severe stay although others came before them', async () => {
    const it = lab();
    const old = it.make(options);
    for (let n = 0; n < 8; n++) old.intercept(threat(n, { payload: `${n}`.repeat(200) }));
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({
      ...options,
      quarantine: { maxCount: 64, maxBytes: 450, maxShare: 1 },
      maxPayloadBytes: 256,
      restore: opened,
    });
    expect(th.quarantine.list().map(({ severity }) => severity)).toEqual(['critical', 'critical']);
    expect(recordOf(th, abi.KIND_RESUME).count).toBe(6);
  });

  test('what is on hold stays first, and what is archived leaves first', async () => {
    const it = lab();
    const old = it.make(options);
    for (let n = 0; n < 4; n++) old.intercept(threat(n));
    const [low, , , critical] = heldSlots(it.last()) as [number, number, number, number];
    view(it.last()).setUint8(low + abi.SLOT_STATE, abi.STATE_HELD | abi.STATE_ON_HOLD);
    view(it.last()).setUint8(critical + abi.SLOT_STATE, abi.STATE_HELD | abi.STATE_ARCHIVED);
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const kept = (maxCount: number) =>
      it.make({ ...options, quarantine: { maxCount, maxShare: 1 }, restore: opened }).quarantine.list();
    expect([1, 2, 3].map((count) => kept(count).map(({ severity }) => severity))).toEqual([
      ['low'],
      ['low', 'high'],
      ['low', 'medium', 'high'],
    ]);
  });

  test('more lost items than a sidecar can name are counted all the same', async () => {
    const it = lab();
    const old = it.make({ ...options, rateLimit: false, quarantine: { maxCount: 300, maxShare: 1 } });
    for (let n = 0; n < 300; n++) old.intercept(threat(n));
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({ ...options, quarantine: { maxCount: 1, maxShare: 1 }, restore: opened });
    expect(recordOf(th, abi.KIND_RESUME).count).toBe(299);
    expect(sidecarOf(th, abi.KIND_RESUME)).toMatchObject({ lost: 299, lostIds: { length: 64 } });
    expect(it.cores).toHaveLength(2);
  });

  test('items too large for the new payload limit take nothing from those that fit', async () => {
    const it = lab();
    const old = it.make(options);
    for (let n = 0; n < 14; n++) old.intercept(threat(n, { payload: `${n}`.padEnd(n < 12 ? 1_000 : 100, '.') }));
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({
      ...options,
      maxPayloadBytes: 256,
      quarantine: { maxBytes: 1_024, maxShare: 1 },
      restore: opened,
    });
    expect(th.quarantine.list().map(({ size }) => size)).toEqual([100, 100]);
  });

  test('with smaller payloads allowed, an item that is too large is counted and named', async () => {
    const it = lab();
    const old = it.make(options);
    old.intercept(threat(1, { payload: 'x'.repeat(1_000) }));
    old.intercept(threat(2, { payload: 'y'.repeat(100) }));
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({ ...options, maxPayloadBytes: 256, restore: opened });
    expect(th.quarantine.stats.count).toBe(1);
    expect(recordOf(th, abi.KIND_RESUME).count).toBe(1);
  });

  test.each([
    ['limit', { limit: 6 }],
    ['window', { windowMs: 61_000 }],
    ['table', { maxSources: 128 }],
    ['prefix', { ipv6Prefix: 64 }],
  ])('under another %s the limiter begins afresh, and evidence stays', async (_, changed) => {
    const it = lab();
    const old = full(it);
    for (let i = 0; i < 5; i++) old.rateLimiter.check('203.0.113.9');
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const th = it.make({ ...options, rateLimit: { ...options.rateLimit, ...changed }, restore: opened });
    expect(th.rateLimiter.check('203.0.113.9').allowed).toBe(true);
    expect(th.quarantine.stats.count).toBe(12);
    expect(sidecarOf(th, abi.KIND_RESUME).limiter).toBe('dropped');
  });

  test('without a limiter on one side there is nothing to restore', async () => {
    const it = lab();
    const off = full(it, 3, { rateLimit: false });
    const on = it.make({ ...options, restore: await openSnapshot(await off.snapshot(), { secret }) });
    expect(on.quarantine.list()).toHaveLength(3);
    expect(sidecarOf(on, abi.KIND_RESUME).limiter).toBe('dropped');
    const offAgain = it.make({
      ...options,
      rateLimit: false,
      restore: await openSnapshot(await on.snapshot(), { secret }),
    });
    expect(offAgain.quarantine.list()).toHaveLength(3);
    expect(sidecarOf(offAgain, abi.KIND_RESUME).limiter).toBe('off');
  });
});

describe('taking one', () => {
  test('writes nothing to the log but what was folded', async () => {
    const it = lab();
    const th = full(it);
    const before = th.audit.head();
    await th.snapshot();
    expect(th.audit.head()).toEqual(before);
    for (let i = 0; i < 7; i++) th.intercept(threat(1, { payload: 'z'.repeat(2_000), source: 'x' }));
    const folded = th.audit.head().size;
    const opened = await openSnapshot(await th.snapshot(), { secret });
    expect(th.audit.head().size).toBe(folded + 1);
    expect(opened.size).toBe(folded + 1);
  });

  test('is one moment: what comes while it is sealed is not in it', async () => {
    const it = lab();
    const th = full(it, 3);
    const sealing = th.snapshot();
    th.intercept(threat(40));
    th.quarantine.purgeAll();
    const opened = await openSnapshot(await sealing, { secret });
    const next = it.make({ ...options, restore: opened });
    expect(next.quarantine.list()).toHaveLength(3);
  });

  test('changes nothing that the instance holds', async () => {
    const it = lab();
    const th = full(it);
    await th.snapshot();
    const state = Buffer.from(stateOf(it.last()));
    await th.snapshot();
    await th.snapshot({ unsealed: true });
    expect(state.equals(stateOf(it.last()))).toBe(true);
  });

  test('without a secret needs { unsealed: true }, and then there is no limiter in it', async () => {
    const it = lab();
    const { secret: _, ...open } = options;
    const th = it.make(open);
    for (let i = 0; i < 5; i++) th.rateLimiter.check('203.0.113.9');
    th.intercept(threat(1));
    await expect(th.snapshot()).rejects.toMatchObject({ code: 'SNAPSHOT_UNSEALED' });
    await expect(th.snapshot({ unsealed: false })).rejects.toMatchObject({ code: 'SNAPSHOT_UNSEALED' });
    const opened = await openSnapshot(await th.snapshot({ unsealed: true }));
    expect(Object.keys(opened.sections).sort()).toEqual(['audit', 'header', 'quarantine']);
    const next = it.make({ ...open, restore: opened });
    expect(next.quarantine.list()).toEqual(th.quarantine.list());
    expect(next.rateLimiter.check('203.0.113.9').allowed).toBe(true);
    expect(sidecarOf(next, abi.KIND_RESUME).limiter).toBe('dropped');
  });

  test('two of the same moment have different nonces', async () => {
    const th = full(lab(), 2);
    const [a, b] = [await th.snapshot(), await th.snapshot()];
    expect(a.subarray(12, 24)).not.toEqual(b.subarray(12, 24));
    expect(a.subarray(12, 24)).not.toEqual(new Uint8Array(12));
  });

  test('a closed instance gives none; one that was never asked gives its GENESIS', async () => {
    const it = lab();
    const th = it.make(options);
    const opened = await openSnapshot(await th.snapshot(), { secret });
    expect(opened.size).toBe(1);
    await th.close();
    await expect(th.snapshot()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test('a snapshot that could not be opened again is not handed out', async () => {
    const it = lab();
    const th = full(it);
    const slot = heldSlots(it.last())[5] as number;
    const block =
      region(it.last(), abi.HEADER_SLAB) +
      (view(it.last()).getUint32(slot + abi.SLOT_FIRST_BLOCK, true) - 1) * abi.BLOCK_BYTES;
    const at = block + abi.BLOCK_DATA + 50;
    view(it.last()).setUint8(at, view(it.last()).getUint8(at) ^ 1);
    await expect(th.snapshot()).rejects.toMatchObject({
      code: 'SNAPSHOT_INVALID',
      message: 'snapshot: quarantine: item 5 does not verify, expected a whole item, got payload hash',
    });
    th.quarantine.purge(th.quarantine.list()[5]?.signature as string, 'error');
    await openSnapshot(await th.snapshot(), { secret });
  });

  test('a length beyond all bounds in memory is found before anybody allocates it', async () => {
    const it = lab();
    const th = full(it);
    view(it.last()).setUint32((heldSlots(it.last())[5] as number) + abi.SLOT_PAYLOAD_BYTES, 0xffffffff, true);
    await expect(th.snapshot()).rejects.toMatchObject({ message: expect.stringMatching(/item 5 cannot be read/) });
  });

  test('is AES-256-GCM under HMAC(secret, label), with the 24 bytes before it as additional data', async () => {
    const th = full(lab(), 2);
    const bytes = await th.snapshot();
    const key = createHmac('sha256', secret).update('tracehound/v1/snapshot-seal').digest();
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(12, 24));
    decipher.setAAD(bytes.subarray(0, 24)).setAuthTag(bytes.subarray(-16));
    const image = Buffer.concat([decipher.update(bytes.subarray(24, -16)), decipher.final()]);
    const header = JSON.parse(image.subarray(4, 4 + image.readUInt32BE(0)).toString());
    expect(header).toMatchObject({ abi: 2, ...th.audit.head() });
    expect(header.limiter).toEqual({ windowMs: 60_000, limit: 5, maxSources: 64, ipv6Prefix: 56 });
    expect(header.sections.map(({ name }: { name: string }) => name)).toEqual(['limiter', 'quarantine', 'audit']);
  });

  test.each([[null], [1], ['unsealed']])('options that are %j are a TypeError', async (given) => {
    const th = lab().make(options);
    await expect(th.snapshot(given as never)).rejects.toThrow(TypeError);
    await expect(th.snapshot({ unsealed: 'yes' } as never)).rejects.toThrow(TypeError);
  });
});

describe('opening one', () => {
  test('returns a frozen thing that only says what it is', async () => {
    const opened = await openSnapshot(await full(lab(), 2).snapshot(), { secret });
    expect(Object.isFrozen(opened)).toBe(true);
    expect(Object.isFrozen(opened.sections)).toBe(true);
    expect(Object.keys(opened).sort()).toEqual(['origin', 'root', 'sections', 'size', 'version']);
  });

  test('needs the secret that sealed it', async () => {
    const bytes = await full(lab(), 2).snapshot();
    const other = secret.slice();
    other[31] = 0;
    expect(await refusal(openSnapshot(bytes, { secret: other }))).toMatch(/seal: broken/);
    expect(await refusal(openSnapshot(bytes))).toMatch(/seal: closed/);
    expect(await refusal(openSnapshot(bytes, { unsealed: true }))).toMatch(/seal: closed/);
    await expect(openSnapshot(bytes, { secret: new Uint8Array(31) })).rejects.toThrow(RangeError);
    await expect(openSnapshot(bytes, { secret: 'a'.repeat(32) as never })).rejects.toThrow(TypeError);
  });

  test('with a secret refuses an unsealed one, so that nobody can swap the sealed one for a forgery', async () => {
    const bytes = await full(lab(), 2).snapshot({ unsealed: true });
    expect(await refusal(openSnapshot(bytes, { secret }))).toMatch(/seal: none/);
    await expect(openSnapshot(bytes, { secret, unsealed: true })).resolves.toMatchObject({ version: 1 });
    await expect(openSnapshot(bytes)).resolves.toMatchObject({ version: 1 });
  });

  test('refuses a sealed one in which any bit was flipped', async () => {
    const bytes = await full(lab(), 2).snapshot();
    const every = [...Array.from({ length: 40 }, (_, i) => i), ...Array.from({ length: 60 }, (_, i) => 40 + i * 61)];
    for (const at of [...every.filter((i) => i < bytes.length), ...[1, 8, 16, 17].map((i) => bytes.length - i)]) {
      for (const bit of at < 24 ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8]) {
        const bad = bytes.slice();
        bad[at] = (bad[at] as number) ^ (1 << bit);
        expect(await refusal(openSnapshot(bad, { secret })), `byte ${at}, bit ${bit}`).toMatch(
          /^snapshot: (prefix|seal): /,
        );
      }
    }
  });

  test('refuses an unsealed one in which any bit was flipped', async () => {
    const bytes = await full(lab(), 2).snapshot({ unsealed: true });
    for (let at = 24; at < bytes.length; at += 67) {
      const bad = bytes.slice();
      bad[at] = (bad[at] as number) ^ 4;
      expect(await refusal(openSnapshot(bad))).toMatch(/^snapshot: digest: /);
    }
  });

  test.each([
    [9, 2, /another version, expected 1, got 2/],
    [10, 1, /unknown flags, expected 0 or 1, got 257/],
    [11, 3, /unknown flags, expected 0 or 1, got 3/],
    [0, 0x74, /not a snapshot/],
    [7, 0x0d, /not a snapshot/],
  ])('says what is wrong with byte %i of the prefix', async (at, byte, says) => {
    const bytes = await full(lab(), 2).snapshot();
    bytes[at] = byte;
    expect(await refusal(openSnapshot(bytes, { secret }))).toMatch(says);
  });

  test('refuses one that was cut or continued', async () => {
    for (const unsealed of [false, true]) {
      const bytes = await full(lab(), 2).snapshot({ unsealed });
      const given = unsealed ? {} : { secret };
      for (const length of [0, 1, 8, 23, 24, 25, 39, 40, 56, bytes.length - 33, bytes.length - 1]) {
        await refusal(openSnapshot(bytes.slice(0, length), given));
      }
      await refusal(openSnapshot(Uint8Array.of(...bytes, 0), given));
    }
  });

  test('reads its own copy: bytes that change meanwhile change nothing', async () => {
    const bytes = await full(lab(), 2).snapshot();
    const opening = openSnapshot(bytes, { secret });
    bytes.fill(0);
    await expect(opening).resolves.toMatchObject({ version: 1 });
  });

  test.each([[undefined], [null], ['text'], [[1, 2]], [new ArrayBuffer(8)]])('of %j is a TypeError', async (given) => {
    await expect(openSnapshot(given as never, { secret })).rejects.toThrow(TypeError);
  });

  test('createTracehound takes only what openSnapshot returned', async () => {
    const it = lab();
    const opened = await openSnapshot(await full(it, 2).snapshot(), { secret });
    const forged = [{}, { ...opened, version: 2 }, { ...opened, sections: {} }, { ...opened, sections: null }];
    for (const restore of forged) expect(() => it.make({ ...options, restore: restore as never })).toThrow(TypeError);
    const { quarantine: _, ...less } = opened.sections as Record<string, Uint8Array>;
    expect(() => it.make({ ...options, restore: { ...opened, sections: less } })).toThrow(/quarantine: missing/);
    expect(it.make({ ...options, restore: structuredClone(opened) }).quarantine.list()).toHaveLength(2);
  });
});

test('parsing helpers of this file read what the core writes', () => {
  const th = full(lab(), 1);
  const kinds = th.audit.export().records.map((record) => parsed(record).kind);
  expect(kinds).toEqual([abi.KIND_GENESIS, abi.KIND_QUARANTINED, abi.KIND_DUPLICATE]);
});
