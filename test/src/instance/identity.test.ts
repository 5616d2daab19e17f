/**
 * Guards docs/identity.md: two isolates, panics and one snapshot restored twice share no id, fork no log, and leave no
 * key in any exported byte.
 */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import * as abi from '../../../assembly/abi';
import { openSnapshot } from '../../../src/index';
import type { AuditExport, Severity, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { dice, type Lab, lab, parsed, pick, region, treeHead, view, type Watched } from '../../lab/lab';
import { options as shared } from '../../lab/snapshots';

const secret = Uint8Array.from({ length: 48 }, (_, i) => (i * 73 + 19) & 255);
const options: TracehoundOptions = {
  ...shared,
  secret,
  rateLimit: { limit: 40, windowMs: 60_000, blockMs: 500, maxSources: 16 },
  quarantine: { maxCount: 24, maxBytes: 16_384, maxShare: 1 },
};
const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'critical'];

/** The labels as docs/identity.md prints them. */
const LABELS = ['source-tag', 'header-fingerprint', 'trace-id', 'pk', 'snapshot-seal'].map(
  (name) => `tracehound/v1/${name}`,
);
const hmac = (key: Uint8Array, text: string): Uint8Array => createHmac('sha256', key).update(text).digest();

/** Everything that ever left an instance, and what the world that it lived in kept secret. */
class World {
  readonly labs: Lab[] = [];
  readonly hounds: { th: Tracehound; it: Lab }[] = [];
  /** Ids that `id()` made. */
  readonly ids: string[] = [];
  /** Ids of evidence, by the hash of what it is, as first seen. */
  readonly evidence = new Map<string, string>();
  /** Logs by origin: each record by its number. */
  readonly logs = new Map<string, Map<number, string>>();
  readonly exported: Uint8Array[] = [];
  readonly snapshots: Uint8Array[] = [];
  /** Keys of cores, by name and content. */
  readonly keys = new Map<string, Uint8Array>();
  /** What is left in the pool of each core: drawn bytes become salts and ids, these never anything. */
  readonly pools = new Map<Watched, Uint8Array>();

  add(seed: number, given: TracehoundOptions): { th: Tracehound; it: Lab } {
    const it = lab({ seed });
    it.now += seed;
    const hound = { th: it.make(given), it };
    this.labs.push(it);
    this.hounds.push(hound);
    return hound;
  }

  out(value: unknown): void {
    this.exported.push(value instanceof Uint8Array ? value : Buffer.from(JSON.stringify(value) ?? ''));
  }

  /** Takes in a log as somebody outside would: no number of one origin may ever mean two records. */
  collect(log: AuditExport): void {
    const known = this.logs.get(log.origin) ?? new Map<number, string>();
    this.logs.set(log.origin, known);
    log.records.forEach((record, i) => {
      const text = Buffer.from(record).toString('hex');
      const before = known.get(log.from + i);
      if (before !== undefined) expect(text, `${log.origin} forks at ${log.from + i}`).toBe(before);
      known.set(log.from + i, text);
      this.out(record);
    });
    for (const detail of log.details) if (detail !== null) this.out(detail);
  }

  /** Evidence that came over keeps its id; no id ever means two things. */
  meet(id: string, signature: string, capturedAt: number): void {
    const what = `${signature} ${capturedAt}`;
    expect(this.evidence.get(id) ?? what, id).toBe(what);
    this.evidence.set(id, what);
  }

  /** What must not be seen of a core, read while it lives. */
  peer(core: Watched): void {
    const bytes = new Uint8Array(core.memory.buffer);
    const take = (name: string, header: number, field: number, length: number): void => {
      const key = bytes.slice(region(core, header) + field, region(core, header) + field + length);
      this.keys.set(`${name} ${Buffer.from(key).toString('hex')}`, key);
    };
    take('hash key of the limiter', abi.HEADER_LIMITER, abi.LIMITER_PRF_0, 8);
    take('hash key of the quarantine', abi.HEADER_QUARANTINE, abi.QUARANTINE_PRF_0, 8);
    take('inner mid-state', abi.HEADER_AUDIT, abi.AUDIT_TAG_INNER, 32);
    take('outer mid-state', abi.HEADER_AUDIT, abi.AUDIT_TAG_OUTER, 32);
    const ids = region(core, abi.HEADER_IDS);
    const pool = ids + abi.IDS_POOL;
    this.pools.set(
      core,
      bytes.slice(pool + view(core).getUint32(ids + abi.IDS_POOL_USED, true), pool + abi.ENTROPY_BYTES),
    );
  }
}

/** One random thing that somebody does with an instance, and everything that it gives away. */
async function act(world: World, roll: () => number, { th, it }: World['hounds'][number]): Promise<void> {
  it.now += pick(roll, [0, 0, 1, 7, 250, 31_000]);
  const source = pick(roll, ['192.0.2.1', '2001:db8::1', { key: 'tenant' }, `198.51.100.${Math.floor(roll() * 30)}`]);
  const held = th.quarantine.list();
  const one = pick(roll, held);
  const payload = `body ${Math.floor(roll() * 60)}`;
  const threat = { category: 'sqli', severity: pick(roll, SEVERITIES) };
  const does = roll();
  if (does < 0.45) {
    const answer = th.intercept({ source, payload, ...(roll() < 0.8 ? { threat } : {}) });
    world.out(answer);
    if ('evidence' in answer) world.meet(answer.evidence.id, answer.evidence.signature, answer.evidence.capturedAt);
    if ('id' in answer) world.ids.push(answer.id);
    if (answer.status === 'error') world.out([answer.error.message, String(answer.error), answer.error.stack]);
  } else if (does < 0.6) {
    world.ids.push(th.id());
  } else if (does < 0.7 && one !== undefined) {
    world.out(th.quarantine.read(one.signature, { actor: 'ann', purpose: 'look' }));
  } else if (does < 0.75 && one !== undefined) {
    th.quarantine.neutralize(one.signature);
  } else if (does < 0.85) {
    world.out([th.http.keys.redact('cookie'), th.http.keys.traceId(one?.id), [...th.http.limits.partition(source)]]);
  } else if (does < 0.9) {
    world.out([th.watcher.snapshot(), th.rateLimiter.check(source), th.audit.verify()]);
  } else {
    world.out(await openSnapshot(new Uint8Array(40), { secret }).catch((error: Error) => [error.message, error.stack]));
  }
}

function exportAll(world: World): void {
  for (const { th } of world.hounds) {
    world.collect(th.audit.export({ from: 0 }));
    for (const log of th.audit.carried()) world.collect(log);
    for (const handle of th.quarantine.list()) world.meet(handle.id, handle.signature, handle.capturedAt);
    world.out(th.quarantine.list());
    world.out(th.watcher.snapshot());
    world.out(th.audit.head());
  }
}

/** Two isolates of one secret; snapshots, each restored twice; panics in between. */
async function story(seed: number): Promise<World> {
  const roll = dice(seed);
  const world = new World();
  world.add(seed * 100 + 1, options);
  world.add(seed * 100 + 2, options);
  for (let step = 0; step < 220; step++) {
    const hound = pick(roll, world.hounds);
    await act(world, roll, hound);
    world.peer(hound.it.last());
    if (step % 60 === 29) {
      // Far enough from the panic before, so that the instance goes on.
      hound.it.now += 61_000;
      hound.it.last().stopAt = { name: 'intercept', code: abi.PANIC_AUDIT };
      world.out(String((hound.th.intercept({ source: 'x' }) as { error?: unknown }).error));
    }
    if (step % 70 === 49) {
      const bytes = await hound.th.snapshot();
      world.snapshots.push(bytes);
      const plain = await hound.th.snapshot({ unsealed: true });
      world.out(plain);
      const opened = await openSnapshot(bytes, { secret });
      world.add(seed * 100 + step, { ...options, restore: opened });
      world.add(seed * 100 + step + 1, { ...options, restore: opened });
    }
    if (step % 25 === 0) exportAll(world);
  }
  exportAll(world);
  return world;
}

describe.each([1, 2, 3])('two isolates, panics, snapshots restored twice (seed %i)', (seed) => {
  const telling = story(seed);

  test('every id ever made is another one, and no evidence id means two things', async () => {
    const { ids, evidence } = await telling;
    expect(ids.length).toBeGreaterThan(30);
    expect(evidence.size).toBeGreaterThan(30);
    const all = [...ids, ...evidence.keys()];
    expect(new Set(all).size).toBe(all.length);
    expect(new Set(all.map((id) => id.slice(0, 36))).size, 'UUIDs alone').toBe(all.length);
    expect(new Set(all.map((id) => id.slice(37))).size, 'suffixes alone').toBe(all.length);
  });

  test('every epoch has an origin and a GENESIS of its own, and no number of a log means two records', async () => {
    const { logs, labs } = await telling;
    const cores = labs.reduce((sum, it) => sum + it.cores.length, 0);
    expect(cores).toBeGreaterThan(8);
    expect(logs.size).toBe(cores);
    const geneses = [...logs.values()].map((log) => log.get(0));
    expect(new Set(geneses).size).toBe(cores);
    expect(geneses).not.toContain(undefined);
  });

  test('every log but the first two names its predecessor: its size and its tree head', async () => {
    const { logs } = await telling;
    const heads = new Set<string>();
    for (const log of logs.values()) {
      const records = Array.from({ length: log.size }, (_, i) => Buffer.from(log.get(i) as string, 'hex'));
      for (let size = 1; size <= records.length; size++) heads.add(`${size} ${treeHead(records.slice(0, size))}`);
    }
    const heirs = [...logs.values()].flatMap((log) => {
      const second = parsed(Buffer.from(log.get(1) ?? '', 'hex'));
      return second.kind === abi.KIND_PANIC || second.kind === abi.KIND_RESUME ? [second] : [];
    });
    expect(heirs).toHaveLength(logs.size - 2);
    for (const { size, overlay } of heirs) expect(heads).toContain(`${size} ${overlay}`);
  });

  test('no core is called again after it failed', async () => {
    const { labs } = await telling;
    expect(labs.flatMap(({ violations }) => violations)).toEqual([]);
  });

  test('no key is in any exported byte: not the secret, its five subkeys, the hash keys, mid-states or entropy', async () => {
    const world = await telling;
    const keys = new Map(world.keys);
    keys.set('secret', secret);
    for (const label of LABELS) keys.set(label, hmac(secret, label));
    const out = new Haystack(world.exported);
    expect(world.exported.length).toBeGreaterThan(400);
    expect(keys.size).toBeGreaterThan(20);
    for (const [name, key] of keys) expect(out.spells(key), name).toBe(false);

    // Drawn entropy becomes salts and ids, at most 24 bytes of a batch side by side: no more of it may be found together.
    const batches = world.labs.flatMap(({ drawn }) => drawn.filter(({ length }) => length === abi.ENTROPY_BYTES));
    expect(batches.length).toBeGreaterThan(10);
    for (const batch of batches) expect(out.run(batch)).toBeLessThanOrEqual(24);
    for (const pool of world.pools.values()) expect(out.run(pool)).toBeLessThan(8);
    for (const part of world.exported.slice(0, 20)) expect(out.spells(part)).toBe(true);
  });

  test('a sealed snapshot says nothing of what is in it', async () => {
    const { snapshots, evidence } = await telling;
    expect(snapshots.length).toBeGreaterThan(1);
    const sealed = new Haystack(snapshots);
    for (const id of [...evidence.keys()].slice(0, 20)) {
      expect(sealed.spells(Buffer.from(id.slice(0, 36).replaceAll('-', ''), 'hex'))).toBe(false);
    }
    for (const text of ['local/', 'quarantine', 'sqli', 'body ']) expect(sealed.spells(Buffer.from(text))).toBe(false);
  });
});

/** Byte strings that left an instance. */
class Haystack {
  readonly #all: Buffer;
  #windows: Set<bigint> | undefined;

  constructor(parts: readonly Uint8Array[]) {
    this.#all = Buffer.concat(parts.flatMap((part) => [part, Buffer.of(0xff, 0, 0xff)]));
  }

  /** As bytes, as hex, as base64 or as the numbers of a JSON list. */
  spells(needle: Uint8Array): boolean {
    const bytes = Buffer.from(needle);
    const base64 = bytes.toString('base64').replace(/..?.?=*$/, '');
    return [bytes, bytes.toString('hex'), base64, [...bytes].join(',')].some((text) =>
      this.#all.includes(text as Buffer),
    );
  }

  /** The longest run of `bytes` that is found anywhere, if it is 8 or more; else less than 8. */
  run(bytes: Uint8Array): number {
    this.#windows ??= new Set(Array.from({ length: this.#all.length - 7 }, (_, at) => this.#all.readBigUInt64BE(at)));
    const from = Buffer.from(bytes);
    let longest = 0;
    for (let at = 0, found = 7; at + 8 <= from.length; at++) {
      found = this.#windows.has(from.readBigUInt64BE(at)) ? found + 1 : 7;
      longest = Math.max(longest, found);
    }
    return longest;
  }
}

describe('an instance without a secret', () => {
  test('draws its own: no two share tags, and what was drawn is nowhere', () => {
    const { secret: _, ...open } = options;
    const tags = [1, 2, 3].map((seed) => {
      const it = lab({ seed });
      const th = it.make(open);
      const answer = th.intercept({ source: '192.0.2.1', payload: 'p', threat: { category: 'sqli', severity: 'low' } });
      const { records, details } = th.audit.export();
      const out = new Haystack([
        ...records,
        ...details.flatMap((detail) => detail ?? []),
        Buffer.from(JSON.stringify(answer)),
      ]);
      const own = it.drawn.find(({ length }) => length === 32) as Uint8Array;
      expect(own).toBeDefined();
      for (const key of [own, ...LABELS.map((label) => hmac(own, label))]) expect(out.spells(key)).toBe(false);
      return 'evidence' in answer ? answer.evidence.sourceTag : '';
    });
    expect(new Set(tags).size).toBe(3);
  });
});

describe('origins', () => {
  const named = { ...options, audit: { origin: 'edge.example/log', maxRecords: 256 } };

  test('a verbatim origin is used for the first epoch only; what follows appends its own UUID', async () => {
    const it = lab();
    const th = it.make(named);
    expect(th.audit.head().origin).toBe('edge.example/log');
    const opened = await openSnapshot(await th.snapshot(), { secret });
    it.last().stopAt = { name: 'intercept', code: 1 };
    th.intercept({ source: 'x' });
    const after = [th, it.make({ ...named, restore: opened }), it.make({ ...named, restore: opened })].map(
      (each) => each.audit.head().origin,
    );
    for (const origin of after) expect(origin).toMatch(/^edge\.example\/log\/[0-9a-f-]{36}$/);
    expect(new Set(after).size).toBe(3);
  });

  test('{instance} becomes the UUID of the epoch, wherever it stands', async () => {
    const it = lab();
    const th = it.make({ ...options, audit: { origin: 'a/{instance}/b' } });
    const first = th.audit.head().origin;
    it.last().stopAt = { name: 'intercept', code: 1 };
    th.intercept({ source: 'x' });
    const second = th.audit.head().origin;
    for (const origin of [first, second]) expect(origin).toMatch(/^a\/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}\/b$/);
    expect(second).not.toBe(first);
  });
});
