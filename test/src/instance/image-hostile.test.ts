/**
 * Guards that a snapshot in which one thing is wrong is refused whole. The images here are framed anew with a right
 * digest: what somebody could write who knows everything about the format.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import * as abi from '../../../assembly/abi';
import { openSnapshot } from '../../../src/index';
import type { OpenedSnapshot, Tracehound } from '../../../src/types/index';
import { dice, type Lab, lab, pick, sidecarOf } from '../../lab/lab';
import { options, refusal, secret, threat } from '../../lab/snapshots';

/** The parts of an unsealed snapshot, to be changed and framed again with a right digest: what a forger could write. */
interface Parts {
  header: Record<string, unknown>;
  quarantine: Uint8Array;
  audit: Uint8Array;
  /** Bytes between the sections and the digest. */
  rest: Uint8Array;
}

function taken(bytes: Uint8Array): Parts {
  const image = bytes.slice(24, -32);
  const headerBytes = new DataView(image.buffer).getUint32(0);
  const header = JSON.parse(Buffer.from(image.subarray(4, 4 + headerBytes)).toString());
  const [quarantine, audit] = header.sections as { bytes: number }[];
  const from = 4 + headerBytes;
  const to = from + (quarantine?.bytes ?? 0);
  return {
    header,
    quarantine: image.slice(from, to),
    audit: image.slice(to, to + (audit?.bytes ?? 0)),
    rest: new Uint8Array(0),
  };
}

const sorted = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? Array.isArray(value)
      ? value.map(sorted)
      : value
    : Object.fromEntries(
        Object.entries(value)
          .sort()
          .map(([key, each]) => [key, sorted(each)]),
      );

function framed(bytes: Uint8Array, parts: Parts, headerText?: string): Uint8Array {
  const { sections } = parts.header;
  for (const entry of Array.isArray(sections) ? (sections as { name: 'quarantine' | 'audit'; bytes: number }[]) : []) {
    entry.bytes = parts[entry.name].length;
  }
  const header = Buffer.from(headerText ?? JSON.stringify(sorted(parts.header)));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(header.length);
  const body = Buffer.concat([bytes.subarray(0, 24), length, header, parts.quarantine, parts.audit, parts.rest]);
  return new Uint8Array(Buffer.concat([body, createHash('sha256').update(body).digest()]));
}

const u32 = (bytes: Uint8Array, at: number, value: number, little = false): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, value, little);
const f64 = (bytes: Uint8Array, at: number, value: number): void =>
  new DataView(bytes.buffer, bytes.byteOffset).setFloat64(at, value, true);
const put = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = value;
};
const set =
  (facts: Record<string, unknown>) =>
  (parts: Parts): unknown =>
    Object.assign(parts.header, facts);
const flip = (bytes: Uint8Array, at: number): void => {
  bytes[at] = (bytes[at] as number) ^ 1;
};
const FIRST = 4; // the first slot, after the count
const CONTENT = FIRST + abi.SLOT_BYTES;
/** The log, after state and count: u16 origin bytes, origin. */
const logAt = (parts: Parts): number => {
  const at = abi.AUDIT_BYTES + 4;
  return at + 2 + new DataView(parts.audit.buffer).getUint16(at);
};

const hostile: [what: string, says: RegExp, change: (parts: Parts) => unknown][] = [
  ['another ABI', /ABI version, expected 2, got 1/, set({ abi: 1 })],
  ['no ABI', /ABI version/, set({ abi: undefined })],
  ['an empty origin', /origin/, set({ origin: '' })],
  ['an origin that never ends', /origin/, set({ origin: 'o'.repeat(293) })],
  ['another origin', /another log/, set({ origin: 'local/other' })],
  ['another size', /another log/, set({ size: 5 })],
  ['no records', /size/, set({ size: 0 })],
  ['a size that is no integer', /size/, set({ size: 1.5 })],
  ['a root that is no hash', /root\b/, set({ root: 'ff' })],
  ['another root', /tree head/, set({ root: 'ff'.repeat(32) })],
  [
    'a limiter in the open',
    /sections/,
    set({ limiter: { windowMs: 60_000, limit: 5, maxSources: 64, ipv6Prefix: 56 } }),
  ],
  [
    'an impossible limiter',
    /unusable limiter/,
    set({ limiter: { windowMs: 60_000, limit: -1, maxSources: 64, ipv6Prefix: 56 } }),
  ],
  ['a section missing', /sections/, (p) => (p.header.sections as unknown[]).pop()],
  [
    'a section twice',
    /sections/,
    (p) => Object.assign((p.header.sections as object[])[1] as object, { name: 'quarantine' }),
  ],
  ['sections that are no list', /sections/, set({ sections: 'two' })],
  [
    'a section of another version',
    /quarantine: another version/,
    (p) => Object.assign((p.header.sections as object[])[0] as object, { version: 1 }),
  ],
  ['a header with a space in it', /canonical/, (p) => ` ${JSON.stringify(sorted(p.header))}`],
  ['a header that is no JSON', /expected JSON/, () => '{'],
  ['a header that is a number', /not an object/, () => '7'],
  ['a header that is null', /not an object/, () => 'null'],
  ['bytes after the last section', /image: too long/, (p) => Object.assign(p, { rest: new Uint8Array(1) })],
  ['four billion items', /expected 4294967295 entries/, (p) => u32(p.quarantine, 0, 0xffffffff)],
  ['one item too many', /quarantine: cut short/, (p) => u32(p.quarantine, 0, 3)],
  ['one item too few', /quarantine: too long/, (p) => u32(p.quarantine, 0, 1)],
  [
    'an item of four gigabytes',
    /quarantine: cut short/,
    (p) => u32(p.quarantine, FIRST + abi.SLOT_PAYLOAD_BYTES, 0xffffffff, true),
  ],
  [
    'an id that is no UUIDv7',
    /item 0 does not verify, expected a whole item, got id$/,
    (p) => put(p.quarantine, FIRST + abi.SLOT_ID + 6, 0x40),
  ],
  ['ids out of order', /rising ids/, (p) => void p.quarantine.fill(0xff, FIRST + abi.SLOT_ID, FIRST + abi.SLOT_ID + 6)],
  [
    'a byte of the signature',
    /item 0 does not verify, expected a whole item, got payload hash$/,
    (p) => flip(p.quarantine, FIRST + abi.SLOT_HASH),
  ],
  [
    'another source',
    /item 0 does not verify, expected a whole item, got record$/,
    (p) => flip(p.quarantine, FIRST + abi.SLOT_SOURCE_TAG),
  ],
  [
    'another salt',
    /item 0 does not verify, expected a whole item, got record$/,
    (p) => flip(p.quarantine, CONTENT + abi.ITEM_SALT),
  ],
  [
    'another record',
    /item 0 does not verify, expected a whole item, got record$/,
    (p) => f64(p.quarantine, CONTENT + abi.ITEM_SEQ, 0),
  ],
  ['a record that is no number', /sequence number/, (p) => f64(p.quarantine, CONTENT + abi.ITEM_SEQ, Number.NaN)],
  [
    'another category',
    /item 0 does not verify, expected a whole item, got record$/,
    (p) => flip(p.quarantine, CONTENT + abi.ITEM_HEAD_BYTES),
  ],
  [
    'a category that is none',
    /item 0 does not verify, expected a whole item, got category$/,
    (p) => put(p.quarantine, CONTENT + abi.ITEM_HEAD_BYTES, 0x3a),
  ],
  [
    'a byte of the payload',
    /item 0 does not verify, expected a whole item, got payload hash$/,
    (p) => flip(p.quarantine, CONTENT + abi.ITEM_HEAD_BYTES + 9),
  ],
  ['a severity that is none', /severity/, (p) => put(p.quarantine, FIRST + abi.SLOT_SEVERITY, 4)],
  ['a disposition that is none', /severity/, (p) => put(p.quarantine, FIRST + abi.SLOT_DISPOSITION, 4)],
  ['an unknown flag', /flags/, (p) => put(p.quarantine, FIRST + abi.SLOT_FLAGS, 0x80)],
  ['an unknown state', /state/, (p) => put(p.quarantine, FIRST + abi.SLOT_STATE, 9)],
  ['nothing held', /state/, (p) => put(p.quarantine, FIRST + abi.SLOT_STATE, 2)],
  ['never seen', /counts/, (p) => u32(p.quarantine, FIRST + abi.SLOT_SEEN, 0, true)],
  ['nothing accounted for', /counts/, (p) => u32(p.quarantine, FIRST + abi.SLOT_ACCOUNTED, 0, true)],
  ['captured at no time', /times/, (p) => f64(p.quarantine, FIRST + abi.SLOT_CAPTURED_AT, Number.NaN)],
  ['last seen before it was captured', /times/, (p) => f64(p.quarantine, FIRST + abi.SLOT_LAST_SEEN_AT, 1)],
  ['four billion logs', /audit: unusable/, (p) => u32(p.audit, abi.AUDIT_BYTES, 0xffffffff)],
  ['no log', /audit: unusable/, (p) => u32(p.audit, abi.AUDIT_BYTES, 0)],
  ['one log too many', /audit: cut short/, (p) => u32(p.audit, abi.AUDIT_BYTES, 2)],
  ['four billion records', /expected 4294967295 entries/, (p) => u32(p.audit, logAt(p) + 8, 0xffffffff)],
  ['records that begin later', /another log/, (p) => u32(p.audit, logAt(p) + 4, 1)],
  ['records beyond counting', /a log is unusable/, (p) => u32(p.audit, logAt(p), 0x00ffffff)],
  ['an origin that is no text', /UTF-8/, (p) => put(p.audit, abi.AUDIT_BYTES + 6, 0xff)],
  ['a byte of a record', /do not follow/, (p) => flip(p.audit, logAt(p) + 12 + abi.LOG_BYTES + abi.LOG_TIME)],
  [
    'a byte of the newest record',
    /do not follow/,
    (p) => flip(p.audit, logAt(p) + 12 + 2 * abi.LOG_BYTES + abi.LOG_TIME),
  ],
  ['another previous leaf', /do not follow/, (p) => flip(p.audit, abi.AUDIT_PREV)],
  ['a byte of the frontier', /tree head/, (p) => flip(p.audit, abi.AUDIT_FRONTIER + 32)],
  ['a byte of a sidecar', /sidecar/, (p) => flip(p.audit, p.audit.length - 9)],
  ['a sidecar beyond the end', /audit: cut short/, (p) => put(p.audit, logAt(p) + 12 + 3 * abi.LOG_BYTES, 0xff)],
];

describe('a hostile image with a right digest', () => {
  const bytes = (async () => {
    const th = lab().make(options);
    th.intercept(threat(1));
    th.intercept(threat(2));
    return th.snapshot({ unsealed: true });
  })();

  test('is framed here as it is there', async () => {
    const right = await bytes;
    expect(Buffer.from(right).equals(framed(right, taken(right)))).toBe(true);
    await expect(openSnapshot(framed(right, taken(right)))).resolves.toMatchObject({ version: 1, size: 3 });
  });

  test.each(hostile)('is refused for %s', async (_, says, change) => {
    const right = await bytes;
    const parts = taken(right);
    const text = change(parts);
    expect(await refusal(openSnapshot(framed(right, parts, typeof text === 'string' ? text : undefined)))).toMatch(
      says,
    );
  });

  test('says nothing of where an item lay in the core that wrote it', async () => {
    const { quarantine } = taken(await bytes);
    const slot = quarantine.subarray(FIRST, FIRST + abi.SLOT_BYTES);
    const links = [
      ...slot.subarray(abi.SLOT_FIRST_BLOCK, abi.SLOT_SEEN),
      ...slot.subarray(abi.SLOT_SEVERITY_PREV, abi.SLOT_EXPIRES_AT),
    ];
    expect(links.every((byte) => byte === 0)).toBe(true);
  });

  test('is refused when payload and hash were exchanged together', async () => {
    const th = lab().make(options);
    th.intercept(threat(1, { fingerprint: 'print' }));
    const right = await th.snapshot({ unsealed: true });
    const parts = taken(right);
    const payload = CONTENT + abi.ITEM_HEAD_BYTES + 32 + 'sqli'.length + 'lab'.length;
    flip(parts.quarantine, payload);
    const hash = createHash('sha256').update(parts.quarantine.subarray(payload)).digest();
    parts.quarantine.set(hash, CONTENT + abi.ITEM_HEAD_BYTES);
    expect(await refusal(openSnapshot(framed(right, parts)))).toMatch(
      /item 0 does not verify, expected a whole item, got record$/,
    );
  });

  test('is refused when an earlier log that it carries does not hold together', async () => {
    const it = lab();
    const first = it.make(options);
    first.intercept(threat(1));
    const second = it.make({ ...options, restore: await openSnapshot(await first.snapshot(), { secret }) });
    const right = await second.snapshot({ unsealed: true });
    const parts = taken(right);
    const record = Buffer.from(parts.audit).lastIndexOf(first.audit.export().records[0] as Uint8Array);
    flip(parts.audit, record + abi.LOG_TIME);
    expect(await refusal(openSnapshot(framed(right, parts)))).toMatch(/records of an earlier log/);
  });

  test('is refused when it has a limiter in it, whose hash key would lie open', async () => {
    const th = lab().make(options);
    th.rateLimiter.check('x');
    const { sections } = await openSnapshot(await th.snapshot(), { secret });
    const { header, limiter, quarantine, audit } = sections as Record<string, Uint8Array>;
    const length = Buffer.alloc(4);
    length.writeUInt32BE((header as Uint8Array).length);
    const prefix = (await bytes).subarray(0, 24);
    const body = Buffer.concat([prefix, length, header, limiter, quarantine, audit] as Uint8Array[]);
    const forged = new Uint8Array(Buffer.concat([body, createHash('sha256').update(body).digest()]));
    expect(await refusal(openSnapshot(forged))).toMatch(/limiter: not allowed/);
  });

  test('is refused when two items have one signature', async () => {
    const right = await bytes;
    const parts = taken(right);
    const [first, second] = [parts.quarantine.slice(FIRST), parts.quarantine.slice(FIRST)];
    first[abi.SLOT_FLAGS] = (first[abi.SLOT_FLAGS] as number) | abi.ITEM_SALVAGED;
    const one =
      new DataView(first.buffer).getUint32(abi.SLOT_PAYLOAD_BYTES, true) + abi.SLOT_BYTES + abi.ITEM_HEAD_BYTES + 7;
    second.set(first.subarray(0, one));
    (second[abi.SLOT_ID + 15] as number)++;
    parts.quarantine = Uint8Array.of(0, 0, 0, 2, ...first.subarray(0, one), ...second.subarray(0, one));
    expect(await refusal(openSnapshot(framed(right, parts)))).toMatch(/two items have one signature/);
  });

  test('whatever byte was changed, it is refused or restores without stopping a core', async () => {
    const right = await bytes;
    const roll = dice(20_26);
    let refused = 0;
    for (let round = 0; round < 150; round++) {
      const parts = taken(right);
      const section = pick(roll, [parts.quarantine, parts.audit]);
      const at = Math.floor(roll() * section.length);
      section[at] = (section[at] as number) ^ (1 << Math.floor(roll() * 8));
      let opened: OpenedSnapshot;
      try {
        opened = await openSnapshot(framed(right, parts));
      } catch (error) {
        expect(error, `round ${round}`).toMatchObject({ code: 'SNAPSHOT_INVALID' });
        refused++;
        continue;
      }
      const it = lab({ seed: round });
      const th = it.make({ ...options, restore: opened });
      expect(th.intercept(threat(9)).status, `round ${round}`).toBe('quarantined');
      th.quarantine.purgeAll();
      expect(th.audit.verify().ok).toBe(true);
      expect([it.cores.length, it.violations]).toEqual([1, []]);
    }
    expect(refused).toBeGreaterThan(60);
  });
});

describe('a hostile limiter, sealed by somebody who knows the secret', () => {
  const ways = (opened: OpenedSnapshot): Uint8Array => opened.sections.limiter as Uint8Array;
  const stateBytes = abi.LIMITER_BYTES;

  /** A snapshot whose one tracked source has used its limit, with its limiter section changed after the opening. */
  async function changed(it: Lab, change: (section: Uint8Array) => void): Promise<Tracehound> {
    const old = it.make({ ...options, rateLimit: { ...options.rateLimit, blockMs: 0 } });
    for (let i = 0; i < 5; i++) old.rateLimiter.check('203.0.113.9');
    const opened = await openSnapshot(await old.snapshot(), { secret });
    change(ways(opened));
    const th = it.make({ ...options, rateLimit: { ...options.rateLimit, blockMs: 0 }, restore: opened });
    th.id();
    return th;
  }

  test('unchanged it is believed', async () => {
    const th = await changed(lab(), () => {});
    expect(th.rateLimiter.check('203.0.113.9').allowed).toBe(false);
    expect(sidecarOf(th, abi.KIND_RESUME)).toMatchObject({ limiter: 'restored', sourcesLost: 0 });
  });

  const record = stateBytes + 8;
  test.each<[string, (section: Uint8Array) => void]>([
    ['a sum that is not the counters’', (s) => u32(s, record + abi.RECORD_USED, 1, true)],
    ['more used than the limit', (s) => s.fill(255, record + abi.RECORD_COUNTERS, record + abi.RECORD_BYTES_U8)],
    ['a tag that is none', (s) => u32(s, stateBytes + 4, 0, true)],
    ['a head beyond all ticks', (s) => u32(s, record + abi.RECORD_HEAD, 0xffffffff, true)],
    ['a block without end', (s) => s.fill(255, record + abi.RECORD_BLOCK_LOW, record + abi.RECORD_BLOCK_HIGH + 4)],
  ])('a record with %s is left out and counted', async (_, change) => {
    const th = await changed(lab(), change);
    expect(sidecarOf(th, abi.KIND_RESUME)).toMatchObject({ limiter: 'restored', sourcesLost: 1 });
    expect(th.rateLimiter.check('203.0.113.9').allowed).toBe(true);
  });

  test.each<[string, (section: Uint8Array) => void]>([
    ['a clock that is no number', (s) => f64(s, abi.LIMITER_RAW, Number.NaN)],
    ['a window that is no number', (s) => f64(s, abi.LIMITER_WINDOW, Number.POSITIVE_INFINITY)],
    ['clocks that contradict each other', (s) => f64(s, abi.LIMITER_OFFSET, 12)],
  ])('a state with %s is dropped', async (_, change) => {
    const th = await changed(lab(), change);
    expect(sidecarOf(th, abi.KIND_RESUME).limiter).toBe('dropped');
    expect(th.rateLimiter.check('203.0.113.9').allowed).toBe(true);
  });

  test('a way that comes twice is no snapshot at all', async () => {
    const it = lab();
    const old = it.make(options);
    old.rateLimiter.check('203.0.113.9');
    const opened = await openSnapshot(await old.snapshot(), { secret });
    const limiter = Uint8Array.of(...ways(opened), ...ways(opened).subarray(stateBytes));
    const restore = { ...opened, sections: { ...opened.sections, limiter } };
    expect(() => it.make({ ...options, restore })).toThrow(/limiter: an entry is out of place/);
  });

  test('a way outside the table is no snapshot at all', async () => {
    await expect(changed(lab(), (s) => u32(s, stateBytes, 64, true))).rejects.toMatchObject({
      code: 'SNAPSHOT_INVALID',
    });
  });

  test('any bit of it changed stops no core', async () => {
    const roll = dice(7);
    for (let round = 0; round < 60; round++) {
      const it = lab({ seed: round });
      const th = await changed(it, (s) => {
        const at = Math.floor(roll() * s.length);
        if (at >= stateBytes && at < stateBytes + 4) return; // the way's index: see above
        s[at] = (s[at] as number) ^ (1 << Math.floor(roll() * 8));
      });
      for (let i = 0; i < 20; i++) {
        it.now += 3_000;
        th.rateLimiter.check('203.0.113.9');
        th.rateLimiter.check(`198.51.100.${i}`);
      }
      expect([it.cores.length, it.violations], `round ${round}`).toEqual([2, []]);
    }
  });
});
