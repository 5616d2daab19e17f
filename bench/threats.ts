/**
 * The flagged path: unique payloads of three sizes into an empty store, a full one, and a full one of a million slots.
 *
 * Relies on: one child per store, taking turns. Refuses: repeats — every payload begins with a number of its own and
 * every threat comes from another source, so nothing is a duplicate, nobody is limited, no share is passed.
 *
 * Sketch, per threat of ours: payload copied in and into the slab, hashed once (by the host from HOST_DIGEST_BYTES on),
 * one HMAC (source tag), two commitments, one or two records of 3 compressions and a tree node each, one frozen handle
 * with 4 strings out: 15 compressions for 256 B, and 5 more when something is evicted. Memory that is touched for the
 * first time costs the system a page fault each 4 KiB; that is shown apart, because it is paid once and never again.
 */
import { hire, inTurns, type Worker } from './child.ts';
import { keys } from './keys.ts';
import { cpuMicros, type Figure, type Latency, latencyOf, median, medianRatio, type Task } from './measure.ts';
import { subject } from './subject.ts';

interface Order {
  readonly payloadBytes: number;
  /** Slots; as many threats fill the store, by count and by bytes. */
  readonly maxCount: number;
  /** Different sources that take turns. */
  readonly sources: number;
}

async function storeRole({ payloadBytes, maxCount, sources }: Order) {
  const { createTracehound } = await subject();
  const texts = keys('flat', sources);
  const make = (): ReturnType<typeof createTracehound> =>
    createTracehound({
      rateLimit: { windowMs: 1_000, limit: 255, maxSources: 4 * sources },
      quarantine: { maxCount, maxBytes: maxCount * payloadBytes },
    });
  let th = make();
  const payload = new Uint8Array(payloadBytes);
  for (let i = 0; i < payloadBytes; i++) payload[i] = (i * 167) & 255;
  const counter = new DataView(payload.buffer);
  let made = 0;
  let source = '';
  const next = (): void => {
    counter.setUint32(0, made);
    source = texts.make(made++ % sources);
  };
  const one = (): string =>
    th.intercept({ source, payload, threat: { category: 'sqli', severity: 'high', detector: 'bench' } }).status;
  const quarantine = (threats: number): void => {
    for (let i = 0; i < threats; i++) {
      next();
      const status = one();
      if (status !== 'quarantined') throw new Error(`threats: expected quarantined, got ${status}`);
    }
  };
  return {
    /** CPU µs for each of `threats`. */
    run: (threats: number): number => {
      const before = cpuMicros();
      quarantine(threats);
      return (cpuMicros() - before) / threats;
    },
    /** An empty store whose memory nobody touched. */
    renew: (): void => {
      void th.close();
      th = make();
      quarantine(1);
    },
    /** An empty store whose memory was used before. */
    empty: (): number => th.quarantine.flush(),
    latency: (threats: number): Latency => latencyOf(threats, next, one),
    held: (): number => th.quarantine.stats.count,
  };
}

export const roles = { store: storeRole };

type Store = Worker<typeof storeRole>;

const open = (task: Task, order: Omit<Order, 'sources'>): Promise<Store> =>
  hire<typeof storeRole>(task.size, import.meta.url, 'store', {
    ...order,
    sources: task.size === 'full' ? 100_000 : 1_000,
  });

/** CPU cost by payload and by how full the store is. */
async function bySize(task: Task, payloadBytes: number, name: string): Promise<Figure[]> {
  const full = task.size === 'full';
  const maxCount = full ? 10_000 : 200;
  const rounds = full ? 7 : 2;
  const threats = full ? 8_000 : 150;
  const stores = [await open(task, { payloadBytes, maxCount }), await open(task, { payloadBytes, maxCount })] as const;
  try {
    const [empty, brimful] = stores;
    await empty.ask('run', maxCount / 2);
    await brimful.ask('run', maxCount + threats);
    const first: number[] = [];
    const again: number[] = [];
    const evicting: number[] = [];
    for (let round = 0; round < rounds; round++) {
      await empty.ask('renew');
      first.push(await empty.ask('run', threats));
      evicting.push(await brimful.ask('run', threats));
      await empty.ask('empty');
      again.push(await empty.ask('run', threats));
    }
    const latency = await brimful.ask('latency', full ? 40_000 : 200);
    const id = `threat.${name}`;
    const what = `threat, ${name}`;
    return [
      { id: `${id}.first`, what: `${what}, store filling for the first time`, value: median(first), unit: 'µs CPU' },
      { id: `${id}.empty`, what: `${what}, store filling`, value: median(again), unit: 'µs CPU' },
      { id: `${id}.full`, what: `${what}, store full (10k), evicting`, value: median(evicting), unit: 'µs CPU' },
      { id: `${id}.full.ratio`, what: `${what}, full ÷ filling`, value: medianRatio(evicting, again), unit: '×' },
      { id: `${id}.full.p50`, what: `${what}, store full: p50`, value: latency.p50, unit: 'µs' },
      { id: `${id}.full.p99`, what: `${what}, store full: p99`, value: latency.p99, unit: 'µs' },
    ];
  } finally {
    for (const store of stores) await store.dismiss();
  }
}

/** The same threats into ten thousand slots and into a million, both full. */
async function flatness(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const slots = full ? [10_000, 1_000_000] : [100, 400];
  const threats = full ? 30_000 : 100;
  const rounds = full ? 7 : 2;
  const stores: Store[] = [];
  try {
    for (const maxCount of slots) {
      const store = await open(task, { payloadBytes: 256, maxCount });
      stores.push(store);
      for (let left = maxCount + threats; left > 0; left -= 200_000) await store.ask('run', Math.min(left, 200_000));
      task.progress(`threat, ${maxCount} slots: filled`);
    }
    const [few, lots] = await inTurns(stores, rounds, (store) => store.ask('run', threats));
    const latency = await stores[1]!.ask('latency', full ? 40_000 : 100);
    return [
      { id: 'threat.flat.10k', what: 'threat, 256 B, 10k slots full', value: median(few!), unit: 'µs CPU' },
      { id: 'threat.flat.1M', what: 'threat, 256 B, 1M slots full', value: median(lots!), unit: 'µs CPU' },
      {
        id: 'threat.flat.ratio',
        what: 'threat, 256 B, 1M slots ÷ 10k slots',
        value: medianRatio(lots!, few!),
        unit: '×',
      },
      { id: 'threat.flat.1M.p99', what: 'threat, 256 B, 1M slots full: p99', value: latency.p99, unit: 'µs' },
    ];
  } finally {
    for (const store of stores) await store.dismiss();
  }
}

/** One hundred thousand threats in a row, each timed alone. */
async function hundredThousand(task: Task): Promise<Figure[]> {
  const threats = task.size === 'full' ? 100_000 : 500;
  const store = await open(task, { payloadBytes: 1_024, maxCount: task.size === 'full' ? 10_000 : 100 });
  try {
    const latency = await store.ask('latency', threats);
    const what = 'threat, 100k of 1 KiB in a row';
    return [
      { id: 'threat.100k.p50', what: `${what}: p50`, value: latency.p50, unit: 'µs' },
      { id: 'threat.100k.p99', what: `${what}: p99`, value: latency.p99, unit: 'µs' },
      { id: 'threat.100k.worst', what: `${what}: longest`, value: latency.worst / 1_000, unit: 'ms' },
    ];
  } finally {
    await store.dismiss();
  }
}

export async function threats(task: Task): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [bytes, name] of [
    [256, '256B'],
    [1_024, '1KiB'],
    [16_384, '16KiB'],
  ] as const) {
    figures.push(...(await bySize(task, bytes, name)));
    task.progress(`threat, ${name}`);
  }
  figures.push(...(await hundredThousand(task)));
  task.progress('threat, 100k in a row');
  figures.push(...(await flatness(task)));
  return figures;
}
