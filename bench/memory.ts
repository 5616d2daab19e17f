/**
 * What is kept: JavaScript heap and resident memory under threats and sources, beside peers and beside the formula.
 *
 * Relies on: children with gc() exposed; everything is read after full collections. Refuses: to count what is reserved
 * as used — untouched pages cost nothing — or to take a heap for the whole: resident memory is measured, too.
 */
import { collectGarbage, hire } from './child.ts';
import { type Configuration, DEFAULTS, memoryBytes, resident, total } from './formula.ts';
import { type KeyKind, keys } from './keys.ts';
import { type Figure, median, type Task } from './measure.ts';
import { CONTENDERS, type Contender, limiter } from './peers.ts';
import { subject } from './subject.ts';

const MiB = 1_048_576;

interface Reading {
  readonly heap: number;
  readonly rss: number;
}

/** Bytes after everything collectable is gone. Freed pages return to the system a moment later. */
async function reading(times: number): Promise<Reading> {
  for (let i = 0; i < times; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}

/** A heap of a million things takes more than one look; a test has not the time. */
const collections = (things: number): number => (things >= 10_000 ? 3 : 1);

const growth = (before: Reading, after: Reading): Reading => ({
  heap: after.heap - before.heap,
  rss: after.rss - before.rss,
});

const PAYLOAD_BYTES = 1_024;
const CATEGORY = 'sqli';

/** A child that takes threats in. */
async function threatsRole({ maxCount, sources }: { maxCount: number; sources: number }) {
  const { createTracehound } = await subject();
  const texts = keys('flat', sources);
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(7);
  const counter = new DataView(payload.buffer);
  const configuration: Configuration = {
    ...DEFAULTS,
    maxCount,
    maxBytes: maxCount * PAYLOAD_BYTES,
    maxSources: 4 * sources,
  };
  const { limit, maxSources, maxBytes } = configuration;
  const make = () =>
    createTracehound({ rateLimit: { windowMs: 1_000, limit, maxSources }, quarantine: { maxCount, maxBytes } });
  let made = 0;
  const send = (th: ReturnType<typeof make>, threats: number): void => {
    for (let i = 0; i < threats; i++) {
      counter.setUint32(0, made);
      const source = texts.make(made++ % sources);
      const { status } = th.intercept({ source, payload, threat: { category: CATEGORY, severity: 'high' } });
      if (status !== 'quarantined') throw new Error(`memory: expected quarantined, got ${status}`);
    }
  };
  send(make(), Math.min(2_000, sources)); // compiles what the first thousand calls compile
  const before = await reading(collections(sources));
  const th = make();
  return {
    /** Sends so many more threats; what was gained since the instance was made, and what the formula says. */
    run: async (threats: number): Promise<Reading & { formula: number }> => {
      send(th, threats);
      const { heap, rss } = growth(before, await reading(collections(sources)));
      const { quarantine, audit, rateLimiter } = th.watcher.snapshot();
      const bill = resident(configuration, {
        items: quarantine.count,
        payloadBytes: PAYLOAD_BYTES,
        head: CATEGORY.length,
        records: audit.size,
        forgotten: rateLimiter?.evictions ?? 0,
      });
      return { heap, rss, formula: total(bill) };
    },
  };
}

async function sourcesRole({
  contender,
  keyKind,
  sources,
}: {
  contender: Contender;
  keyKind: KeyKind;
  sources: number;
}) {
  const texts = keys(keyKind, sources);
  const maxSources = sources > 100_000 ? 2_097_152 : 8_192;
  const times = collections(sources);
  const warm = await limiter(contender, { limit: 100, maxSources: 1_024 });
  for (let index = 0; index < 1_000; index++) await warm.decide(texts.make(index));
  warm.close();
  const before = await reading(times);
  const current = await limiter(contender, { limit: 100, maxSources });
  return {
    fill: async (): Promise<Reading & { evictions: number }> => {
      for (let index = 0; index < sources; index++) {
        const answer = current.decide(texts.make(index));
        if (typeof answer !== 'boolean') await answer;
      }
      const { heap, rss } = growth(before, await reading(times));
      return { heap, rss, evictions: current.census().evictions };
    },
  };
}

/** A child that makes an instance and touches every page of its memory. */
async function formulaRole() {
  const { createTracehound, node } = await subject();
  return {
    touch: async (of: Configuration): Promise<{ rss: number; reported: number }> => {
      let memory: WebAssembly.Memory | undefined;
      const runtime = {
        ...node,
        core: () => {
          const instance = node.core();
          memory = instance.exports.memory as WebAssembly.Memory;
          return instance;
        },
      };
      const before = await reading(3);
      const th = createTracehound({
        runtime,
        rateLimit: of.limit === 0 ? false : { limit: of.limit, maxSources: of.maxSources },
        quarantine: { maxCount: of.maxCount, maxBytes: of.maxBytes },
        maxPayloadBytes: of.maxPayloadBytes,
        audit: { maxRecords: of.maxRecords },
      });
      th.id();
      const bytes = new Uint8Array(memory!.buffer);
      for (let at = 0; at < bytes.length; at += 4_096) bytes[at] = bytes[at]!; // reading alone maps the zero page
      const { rss } = growth(before, await reading(3));
      return { rss, reported: th.watcher.snapshot().core.memoryBytes };
    },
  };
}

export const roles = { threats: threatsRole, sources: sourcesRole, formula: formulaRole };

/** Threats held, then threats passing through. */
async function underThreats(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const count = full ? 100_000 : 1_000;
  const holding = await hire<typeof threatsRole>(task.size, import.meta.url, 'threats', {
    maxCount: count,
    sources: count,
  });
  const held = await holding.ask('run', count);
  await holding.dismiss();
  task.progress(`memory: ${count} threats held`);
  const passing = await hire<typeof threatsRole>(task.size, import.meta.url, 'threats', {
    maxCount: count / 10,
    sources: count,
  });
  const young = await passing.ask('run', count);
  const old = await passing.ask('run', full ? 900_000 : 1_000);
  await passing.dismiss();
  task.progress(`memory: ${full ? '1M' : count} threats passed through`);
  return [
    {
      id: 'memory.threats.heap',
      what: 'memory: JS heap growth, 100k threats of 1 KiB held',
      value: held.heap / MiB,
      unit: 'MiB',
    },
    {
      id: 'memory.threats.rss',
      what: 'memory: RSS growth, 100k threats of 1 KiB held',
      value: held.rss / MiB,
      unit: 'MiB',
    },
    {
      id: 'memory.threats.formula',
      what: 'memory: the same ÷ what docs/memory.md says',
      value: held.rss / held.formula,
      unit: '×',
    },
    {
      id: 'memory.threats.passing.heap',
      what: 'memory: JS heap growth, 100k threats through 10k slots',
      value: young.heap / MiB,
      unit: 'MiB',
    },
    {
      id: 'memory.threats.flat.heap',
      what: 'memory: JS heap growth from 100k to 1M threats',
      value: (old.heap - young.heap) / MiB,
      unit: 'MiB',
    },
    {
      id: 'memory.threats.flat.rss',
      what: 'memory: RSS growth from 100k to 1M threats',
      value: (old.rss - young.rss) / MiB,
      unit: 'MiB',
    },
  ];
}

/** A million sources, each seen once. */
async function ofSources(task: Task): Promise<Figure[]> {
  const sources = task.size === 'full' ? 1_000_000 : 1_000;
  const figures: Figure[] = [];
  for (const keyKind of ['flat', 'joined'] as const) {
    if (task.size === 'small' && keyKind === 'joined') continue;
    for (const contender of CONTENDERS) {
      if (contender === 'nobody') continue;
      const child = await hire<typeof sourcesRole>(task.size, import.meta.url, 'sources', {
        contender,
        keyKind,
        sources,
      });
      const { heap, rss, evictions } = await child.ask('fill');
      await child.dismiss();
      const id = `memory.sources.${keyKind}`;
      const what = `memory, 1M sources, ${keyKind} keys`;
      const row = (part: string, name: string, bytes: number): Figure => ({
        id: `${id}.${part}.${contender}`,
        what: `${what}: ${name}, ${contender}`,
        value: bytes / sources,
        unit: 'B/source',
        ...(contender === 'tracehound' ? { note: `2,097,152 slots, ${evictions} forgotten while live` } : {}),
      });
      figures.push(row('heap', 'JS heap', heap), row('rss', 'RSS', rss));
      if (contender !== 'tracehound') continue;
      const nothing = { items: 0, payloadBytes: 0, head: 0, records: 1, forgotten: evictions };
      const bill = resident({ ...DEFAULTS, maxSources: 2_097_152 }, nothing);
      figures.push(
        { id: `${id}.formula`, what: `${what}: RSS ÷ what docs/memory.md says`, value: rss / total(bill), unit: '×' },
        {
          id: `${id}.slot`,
          what: `${what}: what docs/memory.md says for one slot`,
          value: bill.sources / 2_097_152,
          unit: 'B/slot',
        },
      );
    }
    task.progress(`memory: 1M sources, ${keyKind} keys`);
  }
  return figures;
}

/** Configurations whose memory is touched whole, by name. */
export const CONFIGURATIONS: Readonly<Record<string, Configuration>> = {
  default: DEFAULTS,
  'no limiter': { ...DEFAULTS, limit: 0, maxBytes: 64 * MiB },
  '1M sources': { ...DEFAULTS, maxSources: 1_048_576 },
  'limit 10,000': { ...DEFAULTS, limit: 10_000, maxSources: 262_144 },
  'limit 1M': { ...DEFAULTS, limit: 1_000_000, maxSources: 131_072 },
  '100k items': { ...DEFAULTS, maxCount: 100_000, maxBytes: 128 * MiB, maxPayloadBytes: MiB },
  '1M records': { ...DEFAULTS, maxRecords: MiB },
};

async function byFormula(task: Task): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, configuration] of Object.entries(CONFIGURATIONS)) {
    if (task.size === 'small' && name !== 'default') continue;
    const ratios: number[] = [];
    let reported = 0;
    for (let round = 0; round < (task.size === 'full' ? 3 : 1); round++) {
      // A process of its own at every size: where others were weighed before, their memory goes back during this one.
      const child = await hire<typeof formulaRole>('full', import.meta.url, 'formula', undefined);
      const touched = await child.ask('touch', configuration);
      await child.dismiss();
      reported = touched.reported;
      ratios.push(touched.rss / memoryBytes(configuration));
    }
    figures.push(
      {
        id: `memory.formula.${name}`,
        what: `memory touched whole ÷ formula: ${name}`,
        value: median(ratios),
        unit: '×',
      },
      { id: `memory.reserved.${name}`, what: `memory reserved: ${name}`, value: reported / MiB, unit: 'MiB' },
    );
  }
  task.progress('memory: formula');
  return figures;
}

export async function memory(task: Task): Promise<Figure[]> {
  return [...(await underThreats(task)), ...(await ofSources(task)), ...(await byFormula(task))];
}
