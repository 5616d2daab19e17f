/**
 * Guards that an instance lives on in the storage of its Durable Object: killed between any two calls, it goes on as if
 * nothing had happened, down to the last byte of its state.
 *
 * Files: `runtimes/cloudflare/memory.ts`, `runtimes/cloudflare/rows.ts`, `runtimes/cloudflare/sealed.ts`,
 * `runtimes/cloudflare/storage.ts`.
 */
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { ObjectMemory } from '../../../runtimes/cloudflare/memory';
import { node } from '../../../runtimes/node/index';
import { Persistence } from '../../../src/engine/index';
import { wire } from '../../../src/tracehound';
import type { Runtime, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { LIVES, replay } from '../../conformance/replay';
import type { World } from '../../conformance/world';
import { seeded } from '../../ground';
import { lab, stateOf } from '../../lab/lab';
import { copyOf, sqliteStorage } from '../../lab/sqlite';

/** Plays a life in which the process ends before one step in `every`, on average; it had answered, so it had committed. */
async function interrupted(options: Parameters<typeof replay>[1], every: number) {
  const storage = sqliteStorage();
  const roll = seeded(every);
  let memory: ObjectMemory;
  let wakings = 0;
  let checkpoints = 0;
  let again: () => Promise<Tracehound>;
  const make = async (runtime: Runtime, given: TracehoundOptions): Promise<Tracehound> => {
    again = async () => {
      memory = await ObjectMemory.open(storage, { secret: given.secret as Uint8Array, object: 'one' });
      return wire(runtime, given, memory.persistence);
    };
    return again();
  };
  const before = async (th: Tracehound, world: World): Promise<Tracehound> => {
    await memory.commit();
    // The trace stops a core once it is asked about a threat: not in the calls that are made again.
    if (world.isStopping) return th;
    if (roll(every * 3) === 0) {
      checkpoints++;
      await memory.checkpoint();
    }
    if (roll(every) !== 0) return th;
    wakings++;
    return again();
  };
  return { report: await replay(node, { ...options, make, before }), wakings, checkpoints };
}

describe('an instance in the memory of an object', () => {
  it.each(LIVES)('goes on as if nothing had happened: %s, %s', async (profile, mode) => {
    const options = { seed: 11, count: 700, profile, mode };
    const { answers: _, census, ms: __, sealed: ___, ...whole } = await replay(node, options);
    for (const every of [1, 7, 60]) {
      const { report, wakings, checkpoints } = await interrupted(options, every);
      expect(report, `killed before one step in ${every}`).toMatchObject(whole);
      expect(report.census).toEqual(census);
      expect(wakings).toBeGreaterThan(every === 60 ? 1 : 50);
      expect(checkpoints).toBeGreaterThan(0);
    }
  });
});

const secret = new Uint8Array(32).fill(5);
const options: TracehoundOptions = {
  secret,
  rateLimit: { limit: 3, windowMs: 60_000, maxSources: 64 },
  quarantine: { maxCount: 64, maxBytes: 262_144, maxShare: 1 },
  audit: { maxRecords: 256 },
};

interface Slept {
  readonly disk: ReturnType<typeof sqliteStorage>;
  readonly th: Tracehound;
  readonly memory: ObjectMemory;
}

/** An instance on `disk`, on its own world unless one is given. */
async function wake(
  disk = sqliteStorage(),
  more: Partial<TracehoundOptions> = {},
  it = lab(),
  former?: Uint8Array,
  object = 'one',
): Promise<Slept> {
  const given = { ...options, ...more };
  const memory = await ObjectMemory.open(disk, { secret: given.secret as Uint8Array, former, object });
  return { disk, memory, th: wire(it.runtime, given, memory.persistence) };
}

const who = { actor: 'kim', purpose: 'look' };
/** Some of everything, so that a sidecar, evidence, a block and counters have to be kept. */
function live(th: Tracehound, name: string): void {
  if (th.http.limits.policy !== undefined) {
    for (let i = 0; i < 5; i++) th.rateLimiter.check('192.0.2.1');
    th.rateLimiter.block('192.0.2.9', 5_000, who);
  }
  const threat = { category: 'sqli', severity: 'high', rule: 'r1', reason: `because of ${name}` } as const;
  th.intercept({ source: '192.0.2.2', payload: `payload of ${name}`, threat });
  th.intercept({ source: '192.0.2.2', payload: `other of ${name}`, threat });
  th.quarantine.read(th.quarantine.list()[0]!.signature, who);
}

/** Every row as it lies there. */
const rows = (disk: Slept['disk']): { table: string; n: number; bytes: Uint8Array }[] =>
  ['pages', 'calls'].flatMap((table) =>
    disk.sql
      .exec(`SELECT n, bytes FROM tracehound_${table} ORDER BY n`)
      .toArray()
      .map(({ n, bytes }) => ({ table, n: n as number, bytes: bytes as Uint8Array })),
  );

describe('what is stored of an instance', () => {
  it.each([false, true])(
    'brings sidecars, logs of earlier epochs and evidence back; checkpoint: %s',
    async (isWritten) => {
      const it = lab();
      const first = await wake(sqliteStorage(), {}, it);
      live(first.th, 'one');
      it.last().stopAt = { name: 'intercept', code: 1 };
      first.th.intercept({ source: 'x' });
      live(first.th, 'two');
      expect(first.th.watcher.snapshot().core.panics).toBe(1);
      await first.memory.commit();
      live(first.th, 'three');
      await (isWritten ? first.memory.checkpoint() : first.memory.commit());
      const { th } = await wake(first.disk, {}, it);
      expect(th.audit.carried()).toEqual(first.th.audit.carried());
      expect(th.audit.carried()).toHaveLength(1);
      expect(th.audit.export()).toEqual(first.th.audit.export());
      expect(th.audit.export().details.filter((detail) => detail !== null).length).toBeGreaterThan(4);
      expect(th.quarantine.list()).toEqual(first.th.quarantine.list());
      expect(th.watcher.snapshot().core.panics).toBe(1);
      expect(rows(first.disk).filter(({ table }) => table === 'calls').length).toBe(isWritten ? 0 : 1);
    },
  );

  it('says nothing to who has not the secret: no payload, no source, no sidecar, no key', async () => {
    const it = lab();
    const { th, memory, disk } = await wake(sqliteStorage(), {}, it);
    live(th, 'needle');
    await memory.commit();
    live(th, 'haystack');
    await memory.commit();
    await memory.checkpoint();
    live(th, 'needle in a haystack');
    await memory.commit();
    const all = Buffer.concat(rows(disk).map(({ bytes }) => bytes));
    expect(all.length).toBeGreaterThan(20_000);
    for (const text of ['needle', 'haystack', '192.0.2', 'sqli', 'because', 'kim'])
      expect(all.includes(text)).toBe(false);
    expect(all.includes(Buffer.from(secret))).toBe(false);
    for (const drawn of it.drawn) expect(all.includes(Buffer.from(drawn.subarray(0, 16)))).toBe(false);
  });

  it('is given to the platform in buffers of its own: SQL takes the whole buffer of a view', async () => {
    const disk = sqliteStorage();
    const { exec } = disk.sql;
    const views: [bytes: number, carried: number][] = [];
    const noted = {
      ...disk,
      sql: {
        exec: (query: string, ...bindings: unknown[]) => {
          for (const one of bindings) if (one instanceof Uint8Array) views.push([one.length, one.buffer.byteLength]);
          return exec(query, ...bindings);
        },
      },
    };
    const { th, memory } = await wake(noted);
    for (let i = 0; i < 20; i++) {
      live(th, `${i}`);
      await (i % 5 === 4 ? memory.checkpoint() : memory.commit());
    }
    expect(views.length).toBeGreaterThan(30);
    for (const [bytes, carried] of views) expect(carried).toBe(bytes);
  });

  it('has no two rows under one nonce of one key, whoever wrote them', async () => {
    const disk = sqliteStorage();
    const seen = new Set<string>();
    for (let life = 0; life < 3; life++) {
      const { th, memory } = await wake(disk);
      for (let i = 0; i < 5; i++) {
        live(th, `${life}.${i}`);
        await (i === 3 ? memory.checkpoint() : memory.commit());
        for (const { bytes } of rows(disk)) seen.add(Buffer.from(bytes.subarray(0, 28)).toString('hex'));
      }
    }
    const salts = new Set([...seen].map((head) => head.slice(0, 32)));
    expect(salts.size).toBe(3);
    const written = seen.size;
    // Each head names one row only: as many heads as there ever were rows.
    expect(written).toBeGreaterThan(15);
    const now = rows(disk).map(({ bytes }) => Buffer.from(bytes.subarray(0, 28)).toString('hex'));
    expect(new Set(now).size).toBe(now.length);
  });

  it('is believed only whole: a flipped bit, two rows in each other’s place, another secret', async () => {
    const { th, memory, disk } = await wake();
    live(th, 'one');
    await memory.commit();
    live(th, 'two');
    await memory.commit();
    const refused = { code: 'SNAPSHOT_INVALID' };
    const put = ({ table, n, bytes }: ReturnType<typeof rows>[number]) =>
      disk.sql.exec(`UPDATE tracehound_${table} SET bytes = ? WHERE n = ?`, bytes, n);
    const all = rows(disk);
    expect(all.length).toBeGreaterThan(4);
    for (const row of all) {
      for (const at of [0, 20, 30, row.bytes.length - 1]) {
        const bytes = row.bytes.slice();
        bytes[at]! ^= 1;
        put({ ...row, bytes });
        await expect(wake(disk), `${row.table} ${row.n}, byte ${at}`).rejects.toMatchObject(refused);
      }
      put(row);
    }
    const [one, other] = all.filter(({ table, n }) => table === 'pages' && n >= 0) as [
      (typeof all)[0],
      (typeof all)[0],
    ];
    put({ ...one, bytes: other.bytes });
    await expect(wake(disk)).rejects.toMatchObject(refused);
    put(one);
    await expect(wake(disk, { secret: new Uint8Array(32).fill(6) })).rejects.toMatchObject(refused);
    expect((await wake(disk)).th.audit.head()).toEqual(th.audit.head());
  });

  it.each(Array.from({ length: 40 }, (_, seed) => seed))(
    'is believed only if no row was removed, moved, or put back from before or from another object: seed %i',
    async (seed) => {
      const roll = seeded(seed + 1);
      const [one, other] = [await wake(), await wake(sqliteStorage(), {}, lab({ seed: 2 }), undefined, 'other')];
      const past: ReturnType<typeof rows>[] = [];
      for (let i = 0; i < 3 + roll(6); i++) {
        for (const { th, memory } of [one, other]) {
          live(th, `${i}`);
          await (roll(4) === 0 ? memory.checkpoint() : memory.commit());
        }
        past.push(rows(one.disk));
      }
      // Set back to this moment it lives another life: rows of the same generation and number, sealed by the same object.
      const fork = await wake(copyOf(one.disk), {}, lab({ seed: 3 }));
      for (const { th, memory } of [one, fork]) {
        for (let i = 0; i < 3; i++) {
          live(th, `last ${i}`);
          await memory.commit();
        }
      }
      const now = rows(one.disk);
      // Earlier moments of this object, its other life, and another object, row by row.
      const foreign = [...past.slice(0, -1).flat(), ...rows(other.disk), ...rows(fork.disk), ...rows(fork.disk)];
      const at = (table: string, n: number) => now.findIndex((row) => row.table === table && row.n === n);
      const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.from(a).equals(Buffer.from(b));
      const calls = now.filter(({ table }) => table === 'calls');
      const attacks: [string, () => typeof now | undefined][] = [
        [
          'removes a row that is not the last of calls',
          () => {
            const victim = roll(now.length);
            return now[victim] === calls.at(-1) ? undefined : now.filter((_, i) => i !== victim);
          },
        ],
        [
          'puts a row back from before, or from another object',
          () => {
            const row = foreign[roll(foreign.length)]!;
            const place = at(row.table, row.n);
            if (place < 0 || isSame(now[place]!.bytes, row.bytes)) return undefined;
            return now.with(place, row);
          },
        ],
        [
          'adds a row from before, or from another object',
          () => {
            const row = foreign[roll(foreign.length)]!;
            return at(row.table, row.n) >= 0 ? undefined : [...now, row];
          },
        ],
        [
          'swaps two rows',
          () => {
            const [a, b] = [now[roll(now.length)]!, now[roll(now.length)]!];
            if (a === b) return undefined;
            return now.map((row) =>
              row === a ? { ...a, bytes: b.bytes } : row === b ? { ...b, bytes: a.bytes } : row,
            );
          },
        ],
        [
          'moves calls up by one',
          () => {
            const from = roll(calls.length);
            if (calls[from] === calls.at(-1)) return undefined;
            const moved = calls.filter((_, i) => i !== from).map((row, i) => ({ ...row, n: i + 1 }));
            return [...now.filter(({ table }) => table === 'pages'), ...moved];
          },
        ],
        [
          'puts back one table whole',
          () => {
            const before = past[roll(past.length - 1)]!;
            const table = (['pages', 'calls'] as const)[roll(2)]!;
            const mixed = [...before.filter((row) => row.table === table), ...now.filter((row) => row.table !== table)];
            const whole = (some: typeof now): string =>
              some
                .map((row) => `${row.table}${row.n}${Buffer.from(row.bytes).toString('hex')}`)
                .sort()
                .join();
            // Fewer calls on the same pages, or exactly what was there: an earlier moment, which no row can tell.
            return [...past, now].some((moment) => whole(moment) === whole(mixed)) ||
              (table === 'calls' &&
                whole(before.filter((row) => row.table === 'pages')) ===
                  whole(now.filter((row) => row.table === 'pages')))
              ? undefined
              : mixed;
          },
        ],
        ['takes the whole memory of another object', () => rows(other.disk)],
        ['leaves calls without pages', () => calls],
        ['leaves pages without facts', () => now.filter(({ table, n }) => table === 'calls' || n >= 0)],
      ];
      let tried = 0;
      for (const [what, attack] of attacks) {
        for (let i = 0; i < 3; i++) {
          const forged = attack();
          if (forged === undefined) continue;
          tried++;
          for (const table of ['pages', 'calls']) one.disk.sql.exec(`DELETE FROM tracehound_${table}`);
          for (const { table, n, bytes } of forged) {
            one.disk.sql.exec(`INSERT INTO tracehound_${table} (n, bytes) VALUES (?, ?)`, n, bytes);
          }
          await expect(wake(one.disk), `${what}, ${i}`).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' });
        }
      }
      expect(tried).toBeGreaterThan(10);
      for (const table of ['pages', 'calls']) one.disk.sql.exec(`DELETE FROM tracehound_${table}`);
      for (const { table, n, bytes } of now) {
        one.disk.sql.exec(`INSERT INTO tracehound_${table} (n, bytes) VALUES (?, ?)`, n, bytes);
      }
      expect((await wake(one.disk)).th.audit.head()).toEqual(one.th.audit.head());
    },
  );

  it.each<[what: string, more: Partial<TracehoundOptions>, limiter: string]>([
    ['another limit', { rateLimit: { limit: 9, windowMs: 60_000, maxSources: 64 } }, 'dropped'],
    ['more evidence', { quarantine: { maxCount: 128, maxBytes: 262_144, maxShare: 1 } }, 'restored'],
    ['another origin', { audit: { maxRecords: 256, origin: 'example.com/other' } }, 'restored'],
    ['another secret', { secret: new Uint8Array(32).fill(6) }, 'restored'],
  ])('is taken over under %s: evidence stays, and a new log says where it came from', async (_, more, limiter) => {
    const { th, memory, disk } = await wake();
    live(th, 'one');
    await memory.commit();
    const before = th.audit.head();
    const next = await wake(disk, more, lab({ seed: 2 }), secret);
    expect(next.th.quarantine.list().map(({ id }) => id)).toEqual(th.quarantine.list().map(({ id }) => id));
    expect(next.th.audit.head().origin).not.toBe(before.origin);
    const { records, details } = next.th.audit.export();
    const at = records.findIndex((record) => record[1] === 8);
    expect(JSON.parse(new TextDecoder().decode(details[at]!))).toMatchObject({
      ...pick(before),
      items: 2,
      lost: 0,
      limiter,
    });
    expect(next.th.audit.carried()).toMatchObject([{ origin: before.origin, from: 0 }]);
    expect(next.th.rateLimiter.peek('192.0.2.1').allowed).toBe(limiter === 'dropped');
    // And from here on as if it had always been so.
    await next.memory.commit();
    const last = await wake(disk, more, lab({ seed: 3 }));
    expect(last.th.audit.head()).toEqual(next.th.audit.head());
    expect(last.th.audit.carried()).toEqual(next.th.audit.carried());
  });

  it('is taken over by another build of the core, and not by one of another ABI', async () => {
    const { th, memory, disk } = await wake();
    live(th, 'one');
    await memory.commit();
    const other = lab({ seed: 2 });
    const runtime = { ...other.runtime, coreDigest: '11'.repeat(32) };
    const built = await wake(disk, {}, { ...other, runtime });
    expect(built.th.quarantine.stats.count).toBe(2);
    expect(built.th.audit.head().origin).not.toBe(th.audit.head().origin);
    const facts = new TextEncoder().encode(JSON.stringify({ abi: abi.ABI_VERSION + 1 }));
    const left = {
      facts: Uint8Array.of(facts.length, 0, 0, 0, ...facts),
      pages: [],
      calls: new Uint8Array(0),
      isOwn: true,
    };
    expect(() => wire(other.runtime, options, new Persistence(left))).toThrow(
      'memory: not usable, another ABI version',
    );
  });

  it('is stored anew as soon as it was taken over, and not believed when its log does not hold together', async () => {
    const { th, memory, disk } = await wake();
    live(th, 'one');
    await memory.commit();
    const other = { rateLimit: false } as const;
    const next = await wake(disk, other, lab({ seed: 2 }));
    await next.memory.commit();
    const last = await wake(disk, other, lab({ seed: 3 }));
    expect(last.th.audit.head()).toEqual(next.th.audit.head());

    const facts = next.memory.persistence.take(true).checkpoint!.facts;
    const it = lab({ seed: 4 });
    const whole = new Persistence(undefined);
    live(wire(it.runtime, { ...options, ...other }, whole), 'two');
    const { pages } = whole.take(true).checkpoint!;
    const ring = new DataView(it.last().memory.buffer).getUint32(abi.HEADER_AT + abi.HEADER_RING, true);
    const page = pages.find(([index]) => index === Math.floor(ring / 16_384))![1];
    page[(ring % 16_384) + 20]! ^= 1;
    const left = { facts, pages, calls: new Uint8Array(0), isOwn: true };
    expect(() => wire(lab().runtime, { ...options, ...other }, new Persistence(left))).toThrow(
      'does not hold together',
    );
  });

  it('is what was committed: what nobody was told did not happen', async () => {
    const { th, memory, disk } = await wake();
    live(th, 'one');
    await memory.commit();
    const told = th.audit.head();
    live(th, 'two');
    expect((await wake(disk)).th.audit.head()).toEqual(told);
  });

  it('is one row for all who wait together, and pages when calls are many', async () => {
    const { th, memory, disk } = await wake();
    live(th, 'one');
    await memory.commit();
    const acts = Array.from({ length: 50 }, async (_, i) => {
      th.rateLimiter.check(`198.51.100.${i}`);
      await memory.commit();
    });
    await Promise.all(acts);
    // The first went alone, the others together behind it.
    expect(rows(disk).filter(({ table }) => table === 'calls')).toHaveLength(2);
    for (let i = 0; i < 5_000; i++) th.rateLimiter.check(`203.0.113.${i % 200}`);
    await memory.commit();
    expect(rows(disk).filter(({ table }) => table === 'calls')).toHaveLength(0);
    expect((await wake(disk)).th.audit.head()).toEqual(th.audit.head());
  });
});

const pick = ({ origin, size }: { origin: string; size: number }) => ({ origin, size });

describe('what is not written down', () => {
  it('changes nothing that has to outlive the process', async () => {
    const it = lab();
    const { th } = await wake(sqliteStorage(), {}, it);
    live(th, 'one');
    const { signature, id } = th.quarantine.list()[0]!;
    const state = (): string => Buffer.from(stateOf(it.last())).toString('base64');
    const before = state();
    const looks: (() => unknown)[] = [
      () => th.quarantine.has(signature),
      () => th.quarantine.get('sqli:0'),
      () => th.quarantine.find(id),
      () => th.quarantine.find(th.http.keys.traceId(id)),
      () => th.quarantine.list(),
      () => th.audit.head(),
      () => th.audit.verify(),
      () => th.audit.export(),
      () => th.http.keys.redact('secret'),
      () => th.http.limits.partition('192.0.2.77'),
      () => th.watcher.snapshot(),
    ];
    for (const [i, look] of looks.entries()) {
      look();
      expect(state(), `look ${i}`).toBe(before);
    }
  });
});
