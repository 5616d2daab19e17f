/**
 * Guards what survives a core that stopped: everything that verifies, nothing that does not, and never a call to the dead.
 *
 * Files: `assembly/restore.ts`, `assembly/revival.ts`, `assembly/panic.ts`.
 */
import { describe, expect, test } from 'vitest';
import * as abi from '../../../assembly/abi';
import { instantiate as js } from '../../../build/core.js.js';
import type { EvidenceHandle, Tracehound } from '../../../src/types/index';
import {
  dice,
  heldSlots,
  type Lab,
  lab,
  parsed,
  pick,
  recordOf,
  region,
  sidecarOf,
  treeHead,
  view,
  type Watched,
  word,
} from '../../lab/lab';
import { options, threat } from '../../lab/snapshots';

const ITEMS = 8;

/** An instance that holds evidence of several blocks each, with one source blocked and one that has used its limit. */
function full(it: Lab): Tracehound {
  const th = it.make(options);
  for (let n = 0; n < ITEMS; n++) {
    it.now += 5;
    th.intercept(threat(20 + n, n % 3 === 0 ? { fingerprint: `print ${n}` } : {}));
  }
  th.rateLimiter.block('203.0.113.1', 20_000);
  for (let i = 0; i < 5; i++) th.rateLimiter.check('203.0.113.2');
  return th;
}

/** Makes the core stop in its next call of `name`. */
const arm = (core: Watched, name: string, code: number = abi.PANIC_QUARANTINE): void => {
  core.stopAt = { name, code };
};

/** Stops the core, as a failed assertion in `intercept` does. The answer. */
function stop(it: Lab, th: Tracehound): ReturnType<Tracehound['intercept']> {
  arm(it.last(), 'intercept');
  return th.intercept({ source: '192.0.2.99' });
}

const soundAfter = (it: Lab): void => expect(it.violations).toEqual([]);

describe('a core that stopped with its evidence intact', () => {
  const calls: [name: string, call: (th: Tracehound) => unknown][] = [
    ['intercept', (th) => th.intercept({ source: 'x' })],
    ['rateCheck', (th) => th.rateLimiter.check('x')],
    ['rateReset', (th) => th.rateLimiter.reset('x')],
    ['rateBlock', (th) => th.rateLimiter.block('x', 5)],
    ['rateUnblock', (th) => th.rateLimiter.unblock('x')],
    ['find', (th) => th.quarantine.has(`sqli:${'0'.repeat(64)}`)],
    ['page', (th) => th.quarantine.list()],
    ['flush', (th) => th.quarantine.purgeAll()],
    ['root', (th) => th.audit.head()],
    ['verify', (th) => th.audit.verify()],
    ['recordAt', (th) => th.audit.export()],
    ['release', (th) => th.audit.release(1)],
    ['makeId', (th) => th.id()],
    ['keyedHash', (th) => th.http.keys.redact('x')],
    ['tag', (th) => th.http.limits.partition('x')],
    ['uninspected', (th) => th.http.counters.uninspected('x', 'passed', 'threw')],
    ['hashStart', (th) => th.quarantine.purgeAll({ actor: 'a', purpose: 'b' })],
  ];

  test.each(calls)('in %s is retired: evidence, blocks and counters are in the next one', (name, call) => {
    const it = lab();
    const th = full(it);
    const before = th.quarantine.list();
    const tag = before[0]?.sourceTag;
    arm(it.last(), name, 42);
    let failure: unknown;
    try {
      failure = (call(th) as { error?: unknown } | undefined)?.error;
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: 'CORE_PANIC', recoverable: true, message: expect.stringContaining('42') });
    expect(it.cores).toHaveLength(2);
    expect(th.quarantine.list()).toEqual(before);
    expect(before).toHaveLength(ITEMS);
    expect(th.rateLimiter.check('203.0.113.1')).toMatchObject({ allowed: false, blocked: true, retryAfterMs: 20_000 });
    expect(th.rateLimiter.check('203.0.113.2').allowed).toBe(false);
    expect(th.intercept(threat(21))).toMatchObject({
      status: 'duplicate',
      evidence: { id: before[1]?.id, sourceTag: tag === undefined ? '' : before[1]?.sourceTag },
    });
    expect(th.watcher.snapshot()).toMatchObject({ status: 'up', core: { panics: 1 } });
    soundAfter(it);
  });

  test('is named by PANIC with its size and tree head, and its records go on as a log of their own', () => {
    const it = lab();
    const th = full(it);
    const log = th.audit.export();
    const head = th.audit.head();
    stop(it, th);
    const record = recordOf(th, abi.KIND_PANIC);
    expect(record).toMatchObject({ seq: 1, size: head.size, overlay: head.root, count: 0 });
    expect(sidecarOf(th, abi.KIND_PANIC)).toMatchObject({
      origin: head.origin,
      size: head.size,
      items: ITEMS,
      lost: 0,
      recordsLost: 0,
      limiter: 'restored',
      panic: abi.PANIC_QUARANTINE,
    });
    expect(th.audit.carried()).toEqual([log]);
    expect(treeHead(th.audit.carried()[0]?.records ?? [])).toBe(record.overlay);
    expect(th.audit.head().origin).not.toBe(head.origin);
  });

  test('released records are not carried, and the tree head is still the right one', () => {
    for (const released of [1, 5, 8, 9]) {
      const it = lab();
      const th = full(it);
      const head = th.audit.head();
      expect(head.size).toBeGreaterThan(9);
      th.audit.release(released === 9 ? head.size : released);
      stop(it, th);
      expect(recordOf(th, abi.KIND_PANIC)).toMatchObject({ size: head.size, overlay: head.root });
      expect(th.audit.carried().map(({ from }) => from)).toEqual(released === 9 ? [] : [released]);
    }
  });

  test('without a secret its keys go on: sources have the same tags and trace ids resolve', () => {
    const it = lab();
    const { secret: _, ...open } = options;
    const th = it.make(open);
    const first = th.intercept(threat(1));
    const id = 'evidence' in first ? first.evidence.id : '';
    const trace = th.http.keys.traceId(id);
    stop(it, th);
    expect(th.quarantine.find(trace)?.id).toBe(id);
    const second = th.intercept(threat(1, { payload: 'another' }));
    expect('evidence' in second && second.evidence.sourceTag).toBe('evidence' in first && first.evidence.sourceTag);
  });

  test('what it had folded and not recorded is counted as unaccounted', () => {
    const it = lab();
    const th = it.make({ ...options, rateLimit: false });
    for (let i = 0; i < 7; i++) th.intercept(threat(1, { payload: 'z'.repeat(2_000) }));
    stop(it, th);
    expect(sidecarOf(th, abi.KIND_PANIC).unaccounted).toBe(3);
  });

  test('works the same where the core is JavaScript', () => {
    const it = lab({ instantiate: js });
    const th = full(it);
    const before = th.quarantine.list();
    const { root } = th.audit.head();
    stop(it, th);
    expect(th.quarantine.list()).toEqual(before);
    expect(recordOf(th, abi.KIND_PANIC).overlay).toBe(root);
    soundAfter(it);
  });
});

describe('a scent that stops the core', () => {
  test('is answered dropped, invalid, by the core that takes over, and is in its log', () => {
    const it = lab();
    const th = full(it);
    arm(it.last(), 'intercept');
    const answer = th.intercept(threat(50));
    expect(answer).toMatchObject({ status: 'dropped', reason: 'invalid' });
    const record = recordOf(th, abi.KIND_DROPPED);
    expect(record).toMatchObject({ reason: abi.REASON_INVALID, count: 1 });
    expect('id' in answer && answer.id.slice(0, 36).replaceAll('-', '')).toBe(record.id);
    soundAfter(it);
  });

  test('also in interceptAsync', async () => {
    const it = lab();
    const th = full(it);
    arm(it.last(), 'intercept');
    expect(await th.interceptAsync(threat(50))).toMatchObject({ status: 'dropped', reason: 'invalid' });
  });

  test('without a threat it is an error, and the next one is answered', () => {
    const it = lab();
    const th = full(it);
    expect(stop(it, th)).toMatchObject({ status: 'error', error: { code: 'CORE_PANIC', recoverable: true } });
    expect(th.intercept({ source: '192.0.2.99' }).status).toBe('clean');
  });
});

describe('panics that come again', () => {
  test('three within a minute end the revivals: intercept answers error, for flagged scents too', async () => {
    const it = lab();
    const th = full(it);
    stop(it, th);
    it.now += 29_000;
    stop(it, th);
    it.now += 29_000;
    const origin = th.audit.head().origin;
    expect(stop(it, th)).toMatchObject({ status: 'error', error: { code: 'CORE_DOWN', recoverable: false } });
    expect(it.cores.filter(({ calls }) => calls.includes('begin'))).toHaveLength(3);
    for (const ms of [0, 1_000, 3_600_000]) {
      it.now += ms;
      expect(th.intercept({ source: 'x' })).toMatchObject({ status: 'error', error: { code: 'CORE_DOWN' } });
      expect(th.intercept(threat(1))).toMatchObject({ status: 'error', error: { code: 'CORE_DOWN' } });
      expect(await th.interceptAsync(threat(1))).toMatchObject({ status: 'error', error: { code: 'CORE_DOWN' } });
      expect(() => th.quarantine.list()).toThrow(expect.objectContaining({ code: 'CORE_DOWN' }));
      await expect(th.snapshot()).rejects.toMatchObject({ code: 'CORE_DOWN' });
    }
    expect(th.watcher.snapshot()).toMatchObject({ status: 'down', core: { panics: 3 } });
    expect(th.audit.carried().at(-1)).toMatchObject({ origin, from: 0 });
    soundAfter(it);
  });

  test('the third panic of a flagged scent is an error, never clean', () => {
    const it = lab();
    const th = full(it);
    it.onCore = (core) => arm(core, 'intercept');
    arm(it.last(), 'intercept');
    for (let i = 0; i < 4; i++) expect(th.intercept(threat(1)).status).toBe('error');
    expect(th.watcher.snapshot().core.panics).toBe(3);
    soundAfter(it);
  });

  test('more than a minute apart they go on being revived', () => {
    const it = lab();
    const th = full(it);
    const before = th.quarantine.list();
    for (let i = 0; i < 12; i++) {
      it.now += 30_001;
      expect(stop(it, th)).toMatchObject({ status: 'error', error: { code: 'CORE_PANIC' } });
    }
    expect(th.quarantine.list()).toEqual(before);
    expect(th.watcher.snapshot()).toMatchObject({ status: 'up', core: { panics: 12 } });
    soundAfter(it);
  });

  test('a clock that steps back between them does not make them go on for ever', () => {
    const it = lab();
    const th = full(it);
    const answers = Array.from({ length: 3 }, () => {
      it.now -= 1_000;
      return stop(it, th);
    });
    expect(answers.at(-1)).toMatchObject({ status: 'error', error: { code: 'CORE_DOWN' } });
  });

  test('records that nobody took in time are counted when they are forgotten', () => {
    const it = lab();
    const th = full(it);
    const { size } = th.audit.head();
    for (let i = 0; i < 5; i++) {
      it.now += 61_000;
      stop(it, th);
    }
    expect(th.audit.carried()).toHaveLength(4);
    expect(sidecarOf(th, abi.KIND_PANIC).recordsForgotten).toBe(size);
  });

  test('when the runtime has no other core, the instance is down', () => {
    const it = lab();
    const th = full(it);
    it.onCore = () => {
      throw new Error('no memory');
    };
    expect(stop(it, th)).toMatchObject({ status: 'error', error: { code: 'CORE_DOWN' } });
    soundAfter(it);
  });

  test('a core that stops on its inheritance is replaced by one that takes the count of what is lost, and no more', () => {
    const it = lab();
    const th = full(it);
    const ids = th.quarantine.list().map(({ id }) => id.slice(0, 36).replaceAll('-', ''));
    const { root } = th.audit.head();
    it.onCore = (core) => {
      if (it.cores.length === 2) arm(core, 'restoreItem');
    };
    stop(it, th);
    expect(it.cores).toHaveLength(3);
    expect(recordOf(th, abi.KIND_PANIC)).toMatchObject({ count: ITEMS, overlay: root });
    expect(sidecarOf(th, abi.KIND_PANIC)).toMatchObject({ items: 0, lost: ITEMS, lostIds: ids, limiter: 'dropped' });
    expect(th.quarantine.stats.count).toBe(0);
    expect(th.audit.carried()).toHaveLength(1);
    expect(th.watcher.snapshot().core.panics).toBe(2);
    expect(th.intercept(threat(1)).status).toBe('quarantined');
    soundAfter(it);
  });

  test('a first core that stops while starting is no sound core; after three the instance is down', () => {
    const it = lab();
    it.onCore = (core) => arm(core, 'begin');
    const th = it.make(options);
    const codes = Array.from({ length: 4 }, () => {
      const answer = th.intercept({ source: 'x' });
      return 'error' in answer ? answer.error.code : answer.status;
    });
    expect(codes).toEqual(['CORE_START', 'CORE_START', 'CORE_DOWN', 'CORE_DOWN']);
    soundAfter(it);
  });
});

// ── damaged memory ────────────────────────────────────────────────────────────────────────────────

const uuid = (handle: EvidenceHandle | undefined): string => handle?.id.slice(0, 36).replaceAll('-', '') ?? '';
const first = (core: Watched, slot: number): number =>
  region(core, abi.HEADER_SLAB) + (word(core, slot + abi.SLOT_FIRST_BLOCK) - 1) * abi.BLOCK_BYTES;
const flip = (core: Watched, at: number): void => view(core).setUint8(at, view(core).getUint8(at) ^ 1);

describe('damage to one item', () => {
  type Damage = (core: Watched, slot: number) => void;
  const damages: [what: string, damage: Damage][] = [
    [
      'a byte of its payload',
      (core, slot) => flip(core, first(core, slot) + abi.BLOCK_DATA + abi.ITEM_HEAD_BYTES + 50),
    ],
    [
      'its first block out of the slab',
      (core, slot) => view(core).setUint32(slot + abi.SLOT_FIRST_BLOCK, 0xffffffff, true),
    ],
    ['no first block', (core, slot) => view(core).setUint32(slot + abi.SLOT_FIRST_BLOCK, 0, true)],
    [
      'a chain that leads to itself',
      (core, slot) => view(core).setUint32(first(core, slot), word(core, slot + abi.SLOT_FIRST_BLOCK), true),
    ],
    ['a chain that leads nowhere', (core, slot) => view(core).setUint32(first(core, slot), 0, true)],
    ['a length that is too short', (core, slot) => view(core).setUint32(slot + abi.SLOT_PAYLOAD_BYTES, 3, true)],
    [
      'a length beyond all bounds',
      (core, slot) => view(core).setUint32(slot + abi.SLOT_PAYLOAD_BYTES, 0xffffffff, true),
    ],
    ['its signature', (core, slot) => flip(core, slot + abi.SLOT_HASH + 3)],
    ['its source', (core, slot) => flip(core, slot + abi.SLOT_SOURCE_TAG)],
    ['its id', (core, slot) => flip(core, slot + abi.SLOT_ID + 15)],
    ['its salt', (core, slot) => flip(core, first(core, slot) + abi.BLOCK_DATA + abi.ITEM_SALT)],
    ['its category', (core, slot) => flip(core, first(core, slot) + abi.BLOCK_DATA + abi.ITEM_HEAD_BYTES)],
    [
      'its record number',
      (core, slot) => view(core).setFloat64(first(core, slot) + abi.BLOCK_DATA + abi.ITEM_SEQ, 0, true),
    ],
    ['its severity', (core, slot) => view(core).setUint8(slot + abi.SLOT_SEVERITY, 7)],
    ['its counts', (core, slot) => view(core).setUint32(slot + abi.SLOT_SEEN, 0, true)],
    ['its times', (core, slot) => view(core).setFloat64(slot + abi.SLOT_CAPTURED_AT, Number.NaN, true)],
    ['its flags', (core, slot) => view(core).setUint8(slot + abi.SLOT_FLAGS, 0xe0)],
    ['its state', (core, slot) => view(core).setUint8(slot + abi.SLOT_STATE, 0xff)],
  ];

  test.each(damages)('%s: it is counted as lost and named, and the others live on', (_, damage) => {
    const it = lab();
    const th = full(it);
    const before = th.quarantine.list();
    const slot = heldSlots(it.last())[5] as number;
    damage(it.last(), slot);
    stop(it, th);
    expect(th.quarantine.list()).toEqual(before.filter((_, i) => i !== 5));
    expect(recordOf(th, abi.KIND_PANIC).count).toBe(1);
    const { lostIds } = sidecarOf(th, abi.KIND_PANIC) as { lostIds: string[] };
    expect(lostIds).toHaveLength(1);
    if (_ !== 'its id') expect(lostIds).toEqual([uuid(before[5])]);
    soundAfter(it);
  });

  test('without its record, which was released, its payload must still have its hash', () => {
    const it = lab();
    const th = full(it);
    th.audit.release(th.audit.head().size);
    const before = th.quarantine.list();
    for (const i of [2, 3]) flip(it.last(), first(it.last(), heldSlots(it.last())[i] as number) + abi.BLOCK_DATA + 90);
    stop(it, th);
    expect(th.quarantine.list()).toEqual(before.filter((_, i) => i !== 2 && i !== 3));
    expect(recordOf(th, abi.KIND_PANIC).count).toBe(2);
  });

  test('slots that claim more than the store could hold cost no more hashing than a few full stores', () => {
    const it = lab();
    const th = it.make({ ...options, quarantine: { maxCount: 64, maxBytes: 2_048, maxShare: 1 } });
    for (let n = 0; n < 60; n++) th.intercept(threat(n, { payload: `short ${n}` }));
    const slots = heldSlots(it.last());
    expect(slots).toHaveLength(60);
    for (const slot of slots) {
      view(it.last()).setUint32(slot + abi.SLOT_PAYLOAD_BYTES, 1_000, true);
      view(it.last()).setUint32(first(it.last(), slot), word(it.last(), slot + abi.SLOT_FIRST_BLOCK), true);
    }
    stop(it, th);
    expect(recordOf(th, abi.KIND_PANIC).count).toBe(60);
    const hashed = it.last().calls.filter((name) => name === 'hashStart').length;
    const logOnly = 3 * 64; // leaves, the tree above them, sidecars
    expect(hashed).toBeLessThan(logOnly + 3 * 12);
  });

  test('a slot that claims too much takes no room from the others', () => {
    const it = lab();
    const th = it.make({ ...options, quarantine: { maxCount: 64, maxBytes: 1_100, maxShare: 1 } });
    for (let n = 0; n < 10; n++) {
      th.intercept(threat(n, { payload: `${n}`.repeat(100), threat: { category: 'xss', severity: 'low' } }));
    }
    const before = th.quarantine.list();
    view(it.last()).setUint32((heldSlots(it.last())[9] as number) + abi.SLOT_PAYLOAD_BYTES, 900, true);
    stop(it, th);
    expect(th.quarantine.list()).toEqual(before.slice(0, 9));
  });

  test('a slot that was wiped is counted although nobody can name it', () => {
    const it = lab();
    const th = full(it);
    const slot = heldSlots(it.last())[5] as number;
    new Uint8Array(it.last().memory.buffer).fill(0, slot, slot + abi.SLOT_BYTES);
    stop(it, th);
    expect(th.quarantine.stats.count).toBe(ITEMS - 1);
    expect(sidecarOf(th, abi.KIND_PANIC)).toMatchObject({ lost: 1, lostIds: [] });
  });

  test('a high mark of zero hides nothing', () => {
    const it = lab();
    const th = full(it);
    view(it.last()).setUint32(region(it.last(), abi.HEADER_QUARANTINE) + abi.QUARANTINE_SLOT_HIGH, 0, true);
    stop(it, th);
    expect(th.quarantine.stats.count).toBe(ITEMS);
  });

  test('two slots of one item: one of them is lost', () => {
    const it = lab();
    const th = full(it);
    const [a, b] = heldSlots(it.last()) as [number, number];
    new Uint8Array(it.last().memory.buffer).copyWithin(b, a, a + abi.SLOT_BYTES);
    stop(it, th);
    expect(th.quarantine.stats.count).toBe(ITEMS - 1);
    expect(recordOf(th, abi.KIND_PANIC).count).toBe(1);
  });
});

describe('damage to the rest', () => {
  test('a header that points anywhere misleads nobody', () => {
    const it = lab();
    const th = full(it);
    const before = th.quarantine.list();
    const { root } = th.audit.head();
    for (let at = abi.HEADER_PAYLOAD; at < abi.HEADER_BYTES; at += 4)
      view(it.last()).setUint32(abi.HEADER_AT + at, 0xfffffff0, true);
    stop(it, th);
    expect(th.quarantine.list()).toEqual(before);
    expect(recordOf(th, abi.KIND_PANIC).overlay).toBe(root);
    soundAfter(it);
  });

  test('the core’s own assertion stops on a damaged link, and what it held is saved', () => {
    const it = lab();
    const th = full(it);
    const before = th.quarantine.list();
    const quarantine = region(it.last(), abi.HEADER_QUARANTINE);
    for (let i = 0; i < abi.QUEUES; i++) view(it.last()).setUint32(quarantine + abi.QUARANTINE_HEADS + 4 * i, 60, true);
    expect(() => th.quarantine.purgeAll()).toThrow(expect.objectContaining({ code: 'CORE_PANIC' }));
    expect(sidecarOf(th, abi.KIND_PANIC).panic).toBe(abi.PANIC_QUARANTINE);
    expect(th.quarantine.list()).toEqual(before);
    soundAfter(it);
  });

  test('what the log says has ended stays ended, although the core stopped before it was done', () => {
    const it = lab();
    const th = full(it);
    const [gone, ...rest] = th.quarantine.list() as [EvidenceHandle, ...EvidenceHandle[]];
    const quarantine = region(it.last(), abi.HEADER_QUARANTINE);
    view(it.last()).setUint32(quarantine + abi.QUARANTINE_PAYLOAD_BYTES, 0, true);
    expect(() => th.quarantine.purge(gone.signature, 'erased')).toThrow(
      expect.objectContaining({ code: 'CORE_PANIC' }),
    );
    expect(th.audit.carried()[0]?.records.map((record) => parsed(record).kind)).toContain(abi.KIND_PURGED);
    expect(th.quarantine.list()).toEqual(rest);
    expect(recordOf(th, abi.KIND_PANIC).count).toBe(0);
  });

  test('a damaged record is not carried; the ones before and after it are, and one is counted', () => {
    const it = lab();
    const th = full(it);
    const { records } = th.audit.export();
    const { root } = th.audit.head();
    flip(it.last(), region(it.last(), abi.HEADER_RING) + 4 * abi.LOG_BYTES + abi.LOG_TIME);
    stop(it, th);
    expect(th.audit.carried().map(({ from, records: kept }) => [from, kept.length])).toEqual([
      [0, 4],
      [5, records.length - 5],
    ]);
    expect(th.audit.carried().flatMap((log) => log.records)).toEqual(records.filter((_, i) => i !== 4));
    expect(sidecarOf(th, abi.KIND_PANIC).recordsLost).toBe(1);
    expect(recordOf(th, abi.KIND_PANIC).overlay).toBe(root);
  });

  const unknownRoot = '00'.repeat(32);
  const states: [what: string, field: number, carried: boolean][] = [
    ['the previous leaf', abi.AUDIT_PREV, false],
    ['the newest node of the frontier', abi.AUDIT_FRONTIER, true],
    ['another node of the frontier', abi.AUDIT_FRONTIER + 32 * 3, true],
  ];
  test('with all records released, the head must still be the newest node of the frontier', () => {
    const it = lab();
    const th = full(it);
    th.intercept(threat(50));
    th.audit.release(th.audit.head().size);
    expect(th.audit.head().size % 2).toBe(1);
    flip(it.last(), region(it.last(), abi.HEADER_AUDIT) + abi.AUDIT_PREV);
    stop(it, th);
    expect(recordOf(th, abi.KIND_PANIC).overlay).toBe(unknownRoot);
  });

  test.each(states)('with damage to %s no tree head is claimed', (_, field, whole) => {
    const it = lab();
    const th = full(it);
    th.intercept(threat(20));
    const { size, root } = th.audit.head();
    expect(size.toString(2)).toBe('1011');
    flip(it.last(), region(it.last(), abi.HEADER_AUDIT) + field);
    stop(it, th);
    expect(recordOf(th, abi.KIND_PANIC)).toMatchObject({ size, overlay: unknownRoot });
    const [log] = th.audit.carried();
    expect(log?.records.length).toBe(whole ? size : size - 1);
    if (whole) expect(treeHead(log?.records ?? [])).toBe(root);
  });

  test.each([Number.NaN, -1, 1.5, 1e300, 4_000_000])('with a size of %d all records are lost and counted', (size) => {
    const it = lab();
    const th = full(it);
    const records = th.audit.head().size;
    view(it.last()).setFloat64(region(it.last(), abi.HEADER_AUDIT) + abi.AUDIT_SIZE, size, true);
    stop(it, th);
    expect(th.audit.carried()).toEqual([]);
    expect(recordOf(th, abi.KIND_PANIC).overlay).toBe(unknownRoot);
    const { recordsLost } = sidecarOf(th, abi.KIND_PANIC) as { recordsLost: number };
    expect(recordsLost).toBeGreaterThanOrEqual(records);
    expect(th.quarantine.stats.count).toBe(ITEMS);
  });

  test.each([
    ['held', abi.AUDIT_HELD_FROM],
    ['released', abi.AUDIT_RELEASED_TO],
  ])('a mark of the %s records that is no number loses none', (_, field) => {
    const it = lab();
    const th = full(it);
    const log = th.audit.export();
    view(it.last()).setFloat64(region(it.last(), abi.HEADER_AUDIT) + field, Number.NaN, true);
    stop(it, th);
    expect(th.audit.carried()).toEqual([log]);
  });

  test('counters that contradict each other are left out and counted', () => {
    const it = lab();
    const th = full(it);
    const core = it.last();
    const tags = region(core, abi.HEADER_LIMITER_TAGS);
    const way = Array.from({ length: 64 }, (_, i) => i).find(
      (i) => word(core, region(core, abi.HEADER_LIMITER_RECORDS) + i * abi.RECORD_BYTES_U8 + abi.RECORD_USED) === 5,
    ) as number;
    expect(word(core, tags + 4 * way)).not.toBe(0);
    view(core).setUint32(
      region(core, abi.HEADER_LIMITER_RECORDS) + way * abi.RECORD_BYTES_U8 + abi.RECORD_USED,
      4,
      true,
    );
    stop(it, th);
    expect(sidecarOf(th, abi.KIND_PANIC)).toMatchObject({ limiter: 'restored', sourcesLost: 1 });
    expect(th.rateLimiter.check('203.0.113.1')).toMatchObject({ blocked: true });
  });
});

describe('whatever happened to its memory', () => {
  test('nothing is believed that was not there before, nobody hangs, and the next core is sound', () => {
    const kept = { items: 0, lost: 0 };
    for (let seed = 1; seed <= 120; seed++) {
      const roll = dice(seed);
      const it = lab({ seed });
      const th = full(it);
      const before = new Map(th.quarantine.list().map((handle) => [handle.id, handle]));
      const bytes = new Map([...before].map(([id, { signature }]) => [id, Buffer.from(th.quarantine.read(signature))]));
      const log = th.audit.export();
      const { size } = th.audit.head();
      const core = it.last();
      const from = region(core, abi.HEADER_STATE_FROM);
      const to = region(core, abi.HEADER_STATE_TO);
      const regions = [
        abi.HEADER_QUARANTINE,
        abi.HEADER_SLOTS,
        abi.HEADER_SLAB,
        abi.HEADER_AUDIT,
        abi.HEADER_RING,
        abi.HEADER_LIMITER,
        abi.HEADER_LIMITER_RECORDS,
      ];
      for (let wound = 0; wound < 1 + Math.floor(roll() * 6); wound++) {
        const at = region(core, pick(roll, regions)) + Math.floor(roll() * 1_600);
        const length = pick(roll, [1, 4, 8, 64, 600]);
        const filler = pick(roll, [0, 255, undefined]);
        for (let i = Math.max(at, from); i < Math.min(at + length, to); i++) {
          view(core).setUint8(i, filler ?? Math.floor(roll() * 256));
        }
      }
      stop(it, th);
      const label = `seed ${seed}`;
      expect(th.watcher.snapshot().status, label).toBe('up');
      const after = th.quarantine.list();
      // While the size of the log was legible, every item was compared with its record; without it, with its hash.
      const legible = recordOf(th, abi.KIND_PANIC).size === size;
      for (const handle of after) {
        const old = before.get(handle.id);
        const known = [...before.values()].find(({ hash }) => hash === handle.hash);
        expect(bytes.get(known?.id ?? '')?.equals(th.quarantine.read(handle.signature)), label).toBe(true);
        if (!legible) continue;
        for (const fact of ['signature', 'hash', 'sourceTag', 'category', 'size'] as const) {
          expect(handle[fact], label).toBe(old?.[fact]);
        }
      }
      for (const { from: start, records } of th.audit.carried()) {
        records.forEach((record, i) => {
          expect(Buffer.compare(record, log.records[start + i - log.from] as Uint8Array), label).toBe(0);
        });
      }
      kept.items += after.length;
      kept.lost += recordOf(th, abi.KIND_PANIC).count;
      expect(after.length, label).toBeLessThanOrEqual(ITEMS);
      expect(th.intercept(threat(40)).status, label).toBe('quarantined');
      th.quarantine.purgeAll();
      expect(th.audit.verify().ok, label).toBe(true);
      expect([it.cores.length, it.violations], label).toEqual([2, []]);
    }
    expect(kept.items).toBeGreaterThan(300);
    expect(kept.lost).toBeGreaterThan(100);
  });
});
