/**
 * The clean path: one source, ten thousand, a million; allowed and denied; beside other limiters.
 *
 * Relies on: one child per contender, alive for a whole section, so that each has its own heap and all take turns.
 * Refuses: to hide the key: decisions per CPU-second include making a new source string for every request, as a server
 * must. That cost is the same for all and is also shown alone (`nobody`), so it can only narrow our lead.
 *
 * Sketch, per clean request of ours: 1 scent read, ≤ 39 bytes copied in, 1 crossing, 1 keyed hash, 1 line of tags and
 * 1–2 lines of counters touched, 3 small objects out.
 */
import { hire, inTurns, type Worker } from './child.ts';
import { type KeyKind, keys } from './keys.ts';
import {
  cpuMicros,
  type Figure,
  type Latency,
  latencyOf,
  latencyOfAsync,
  median,
  medianRatio,
  type Task,
  uniform,
  zipf,
} from './measure.ts';
import { type Census, CONTENDERS, type Contender, type Limiter, limiter, PEERS, type Terms } from './peers.ts';

type Pattern = 'distinct' | 'uniform' | 'zipf';

interface Order extends Terms {
  readonly contender: Contender;
  readonly keyKind: KeyKind;
  readonly sources: number;
}

interface Draw {
  readonly pattern: Pattern;
  readonly decisions: number;
  readonly seed: number;
  /** With `distinct`: the first source. */
  readonly from?: number;
}

interface Answer {
  readonly micros: number;
  readonly allowed: number;
}

/** A child that drives one limiter. */
async function contenderRole(order: Order) {
  const texts = keys(order.keyKind, order.sources);
  let current: Limiter = await limiter(order.contender, order);
  const indexes = ({ pattern, decisions, seed, from = 0 }: Draw): Uint32Array => {
    if (pattern === 'zipf') return zipf(order.sources, decisions, seed);
    if (pattern === 'uniform') return uniform(order.sources, decisions, seed);
    return Uint32Array.from({ length: decisions }, (_, index) => from + index);
  };
  const drive = async (sources: Uint32Array): Promise<number> => {
    let allowed = 0;
    if (current.kind === 'sync') {
      for (let i = 0; i < sources.length; i++) if (current.decide(texts.make(sources[i]!))) allowed++;
    } else {
      for (let i = 0; i < sources.length; i++) if (await current.decide(texts.make(sources[i]!))) allowed++;
    }
    return allowed;
  };
  return {
    /** Makes decisions, timed. */
    run: async (draw: Draw): Promise<Answer> => {
      const sources = indexes(draw);
      const before = cpuMicros();
      const allowed = await drive(sources);
      return { micros: cpuMicros() - before, allowed };
    },
    /** Begins anew, with every source seen `times` over, untimed. */
    renew: async (times: number): Promise<void> => {
      current.close();
      current = await limiter(order.contender, order);
      const all = indexes({ pattern: 'distinct', decisions: order.sources, seed: 1 });
      for (let time = 0; time < times; time++) await drive(all);
    },
    /** Times each decision alone. */
    latency: async (draw: Draw): Promise<Latency> => {
      const sources = indexes(draw);
      let key = '';
      const prepare = (call: number): void => {
        key = texts.make(sources[call]!);
      };
      const limiter = current;
      return limiter.kind === 'sync'
        ? latencyOf(sources.length, prepare, () => limiter.decide(key))
        : latencyOfAsync(sources.length, prepare, () => limiter.decide(key));
    },
    census: (): Census => current.census(),
  };
}

export const roles = { contender: contenderRole };

type Crew = readonly (readonly [Contender, Worker<typeof contenderRole>])[];

/** Hires one child per contender for the time of `work`. */
async function withCrew(
  task: Task,
  order: Omit<Order, 'contender'>,
  work: (crew: Crew) => Promise<void>,
): Promise<void> {
  const crew: [Contender, Worker<typeof contenderRole>][] = [];
  try {
    for (const contender of CONTENDERS) {
      crew.push([
        contender,
        await hire<typeof contenderRole>(task.size, import.meta.url, 'contender', { ...order, contender }),
      ]);
    }
    await work(crew);
  } finally {
    for (const [, worker] of crew) await worker.dismiss();
  }
}

/** Rounds of CPU µs per decision, by contender. */
type Costs = Readonly<Record<Contender, readonly number[]>>;

async function costsOf(
  crew: Crew,
  rounds: number,
  ask: (of: Crew[number], round: number) => Promise<number>,
): Promise<Costs> {
  const answers = await inTurns(crew, rounds, ask);
  return Object.fromEntries(crew.map(([contender], index) => [contender, answers[index]!])) as unknown as Costs;
}

/** The table's rows for one section, and the ratios that budgets speak of. */
function figuresOf(id: string, what: string, costs: Costs, ratios = true): Figure[] {
  const ours = costs.tracehound;
  const figures: Figure[] = CONTENDERS.map((contender) => ({
    id: `${id}.${contender}`,
    what: `${what}: ${contender}`,
    value: 1 / median(costs[contender]),
    unit: 'M decisions/CPU-s',
    ...(contender === 'nobody'
      ? { note: 'making the key alone' }
      : { note: `${Math.round(1_000 * (median(costs[contender]) - median(costs.nobody)))} ns without making the key` }),
  }));
  if (!ratios) return figures;
  const best = PEERS.reduce((a, b) => (median(costs[b]) < median(costs[a]) ? b : a));
  figures.push(
    {
      id: `${id}.ratio.peer`,
      what: `${what}: decisions per CPU-second, ours ÷ the best peer's`,
      value: medianRatio(costs[best], ours),
      unit: '×',
      note: best,
    },
    {
      id: `${id}.ratio.map`,
      what: `${what}: decisions per CPU-second, ours ÷ a bare Map's`,
      value: medianRatio(costs.map, ours),
      unit: '×',
    },
  );
  return figures;
}

/** Many live sources: first each for the first time, then again by two patterns. */
async function many(task: Task, keyKind: KeyKind): Promise<Figure[]> {
  const full = task.size === 'full';
  const sources = full ? 1_000_000 : 2_000;
  const chunks = full ? 20 : 2;
  const decisions = full ? 250_000 : 1_000;
  const rounds = full ? 5 : 2;
  const id = `clean.1M.${keyKind}`;
  const what = `clean, 1M sources, ${keyKind} keys`;
  const figures: Figure[] = [];
  // Twice as many slots as sources: sixteen-way sets then hold a million keyed-hash-distributed sources alive.
  await withCrew(task, { keyKind, sources, limit: 100, maxSources: full ? 2_097_152 : 8_192 }, async (crew) => {
    const chunk = sources / chunks;
    const first = await costsOf(crew, chunks, async ([, worker], round) => {
      const { micros } = await worker.ask('run', {
        pattern: 'distinct',
        from: round * chunk,
        decisions: chunk,
        seed: 1,
      });
      return micros / chunk;
    });
    // The whole million is one measurement: a Map pays for growing in some chunks only.
    const total = Object.fromEntries(
      CONTENDERS.map((contender) => [contender, [first[contender].reduce((a, b) => a + b, 0) / chunks]]),
    ) as unknown as Costs;
    figures.push(...figuresOf(`${id}.distinct`, `${what}, each new`, total));
    task.progress(`${what}: filled`);
    for (const pattern of ['uniform', 'zipf'] as const) {
      const costs = await costsOf(crew, rounds, async ([, worker], round) => {
        const { micros } = await worker.ask('run', { pattern, decisions, seed: 11 + round });
        return micros / decisions;
      });
      figures.push(...figuresOf(`${id}.${pattern}`, `${what}, ${pattern}`, costs));
      task.progress(`${what}: ${pattern}`);
    }
    const { tracked, evictions } = await crew[0]![1].ask('census');
    figures.push(
      { id: `${id}.tracked`, what: `${what}: remembered`, value: tracked, unit: 'sources' },
      { id: `${id}.evictions`, what: `${what}: forgotten while live`, value: evictions, unit: 'sources' },
    );
  });
  return figures;
}

/** Refusals are recorded at 1, 2, 4 … 256: what is measured lies between the records, where a flood spends its time. */
const REFUSED = 260;

/** Ours against ours: the same sources, once with nothing left and once with plenty, in turns. */
async function deniedByAllowed(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const sources = full ? 10_000 : 50;
  const decisions = full ? 200_000 : 1_000;
  const order = { contender: 'tracehound', keyKind: 'joined', sources, maxSources: 65_536 } as const;
  const workers: Worker<typeof contenderRole>[] = [];
  try {
    for (const limit of [100, 60_000]) {
      const worker = await hire<typeof contenderRole>(task.size, import.meta.url, 'contender', { ...order, limit });
      workers.push(worker);
      await worker.ask('renew', 101 + REFUSED);
    }
    const [denied, allowed] = await inTurns(workers, full ? 11 : 2, async (worker, round) => {
      const { micros } = await worker.ask('run', { pattern: 'uniform', decisions, seed: 31 + round });
      return micros / decisions;
    });
    return [
      {
        id: 'clean.10k.denied.ratio.allowed',
        what: 'clean, 10k sources: cost of a denied decision ÷ cost of an allowed one',
        value: medianRatio(denied!, allowed!),
        unit: '×',
      },
    ];
  } finally {
    for (const worker of workers) await worker.dismiss();
  }
}

/** What fits a cache: ten thousand sources, allowed by both patterns, then denied. */
async function tenThousand(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const sources = full ? 10_000 : 50;
  const decisions = full ? 400_000 : 1_000; // 40 a source and round: below the limit of 100
  const rounds = full ? 7 : 2;
  const figures: Figure[] = [];
  await withCrew(task, { keyKind: 'joined', sources, limit: 100, maxSources: 65_536 }, async (crew) => {
    const measure = (pattern: Pattern, times: number): Promise<Costs> =>
      costsOf(crew, rounds, async ([, worker], round) => {
        if (times === 1 || round === 0) await worker.ask('renew', times);
        const { micros } = await worker.ask('run', { pattern, decisions, seed: 23 + round });
        return micros / decisions;
      });
    const allowed = await measure('uniform', 1);
    figures.push(...figuresOf('clean.10k.uniform', 'clean, 10k sources, uniform, allowed', allowed));
    task.progress('clean, 10k sources: uniform');
    figures.push(...figuresOf('clean.10k.zipf', 'clean, 10k sources, zipf, mixed', await measure('zipf', 1)));
    task.progress('clean, 10k sources: zipf');
    const denied = await measure('uniform', 101 + REFUSED);
    figures.push(...figuresOf('clean.10k.denied', 'clean, 10k sources, uniform, denied', denied));
    task.progress('clean, 10k sources: denied');
  });
  return figures;
}

/** One source that may always pass, and one that never may. */
async function one(task: Task): Promise<Figure[]> {
  const decisions = task.size === 'full' ? 400_000 : 2_000;
  const rounds = task.size === 'full' ? 5 : 2;
  const figures: Figure[] = [];
  for (const [answer, limit] of [
    ['allowed', 1_000_000_000],
    ['denied', 1],
  ] as const) {
    await withCrew(task, { keyKind: 'joined', sources: 1, limit, maxSources: 65_536 }, async (crew) => {
      for (const [, worker] of crew) await worker.ask('run', { pattern: 'uniform', decisions: 2_000, seed: 1 });
      const costs = await costsOf(crew, rounds, async ([, worker]) => {
        const { micros } = await worker.ask('run', { pattern: 'uniform', decisions, seed: 1 });
        return micros / decisions;
      });
      figures.push(...figuresOf(`clean.1.${answer}`, `clean, one source, ${answer}`, costs));
    });
    task.progress(`clean, one source: ${answer}`);
  }
  return figures;
}

/** Single calls: a million first requests, which is where a Map stalls to grow, then a million live sources. */
async function latency(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const sources = full ? 1_000_000 : 1_000;
  const calls = full ? 300_000 : 1_000;
  const figures: Figure[] = [];
  await withCrew(
    task,
    { keyKind: 'joined', sources, limit: 100, maxSources: full ? 2_097_152 : 8_192 },
    async (crew) => {
      for (const [contender, worker] of crew) {
        // Calls of the first tenth of a second stall for the compiler of the platform, whoever is called.
        const warm = sources / 20;
        await worker.ask('run', { pattern: 'distinct', decisions: warm, seed: 1 });
        const draw = { pattern: 'distinct', from: warm, decisions: sources - warm, seed: 1 } as const;
        const first = await worker.ask('latency', draw);
        const live = await worker.ask('latency', { pattern: 'uniform', decisions: calls, seed: 5 });
        figures.push(
          figure(contender, 'p50', 'p50, live', live.p50, 'µs'),
          figure(contender, 'p99', 'p99, live', live.p99, 'µs'),
          figure(contender, 'p99.distinct', 'p99, each new', first.p99, 'µs'),
          figure(contender, 'stall', 'longest call', Math.max(first.worst, live.worst) / 1_000, 'ms'),
        );
        task.progress(`clean, single calls: ${contender}`);
      }
    },
  );
  return figures;

  function figure(contender: Contender, id: string, what: string, value: number, unit: string): Figure {
    return { id: `clean.latency.${id}.${contender}`, what: `clean, 1M sources, ${what}: ${contender}`, value, unit };
  }
}

export async function intercept(task: Task): Promise<Figure[]> {
  return [
    ...(await one(task)),
    ...(await tenThousand(task)),
    ...(await deniedByAllowed(task)),
    ...(await many(task, 'joined')),
    ...(await many(task, 'flat')),
    ...(await latency(task)),
  ];
}
