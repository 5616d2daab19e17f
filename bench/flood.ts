/**
 * Floods that try to make a bounded limiter forget, on a virtual clock: what an abuser gains and what others lose.
 *
 * Relies on: the `clock` option; `th.intercept` is the whole path. Refuses: wall time and chance — the same numbers on
 * every machine, up to the random key of the table. Beside it, a Map that forgets its least recently used source, as
 * public limiters with a bound do.
 *
 * - *flush*: one source sends 200 requests a second, then 2,500 strangers send one each, into 2,048 places.
 * - *crowd*: 8,000 sources send 5 a second each, into 2,048 places; 200 quiet ones send one every ten seconds.
 * - *spoof*: 5,000 strangers a second into 8,192 places; 200 honest clients send one a second.
 */
import { hire } from './child.ts';
import { keys } from './keys.ts';
import type { Figure, Task } from './measure.ts';
import { subject } from './subject.ts';

const LIMIT = 100;
const WINDOW_MS = 60_000;

/** May this source pass at this moment? */
type Gate = (source: string, now: number) => boolean;

const POLICIES = ['tracehound', 'lru'] as const;
type Policy = (typeof POLICIES)[number];

async function gate(policy: Policy, maxSources: number): Promise<Gate> {
  if (policy === 'lru') return lru(maxSources);
  const { createTracehound } = await subject();
  let time = 0;
  const th = createTracehound({ clock: () => time, rateLimit: { windowMs: WINDOW_MS, limit: LIMIT, maxSources } });
  return (source, now) => {
    time = now;
    return th.intercept({ source }).status === 'clean';
  };
}

/** Fixed windows in a Map that holds `maxSources` of them and forgets the least recently used. */
function lru(maxSources: number): Gate {
  const windows = new Map<string, { count: number; until: number }>();
  return (source, now) => {
    let window = windows.get(source);
    if (window !== undefined) windows.delete(source);
    if (window === undefined || window.until <= now) window = { count: 0, until: now + WINDOW_MS };
    windows.set(source, window);
    if (windows.size > maxSources) windows.delete(windows.keys().next().value!);
    return ++window.count <= LIMIT;
  };
}

const BEGIN = 1_790_000_000_000;

/** Most of `times` that lie within any `WINDOW_MS`, the later end excluded. */
function peak(times: readonly number[]): number {
  let most = 0;
  let from = 0;
  for (let to = 0; to < times.length; to++) {
    while (times[to]! - times[from]! >= WINDOW_MS) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

interface Order {
  readonly policy: Policy;
  readonly seconds: number;
  /** Everybody's numbers are divided by this, places too. */
  readonly scale: number;
}

async function floodRole() {
  const texts = keys('joined', 0);
  let strangers = 1_000_000;
  const stranger = (): string => texts.make(strangers++);
  return {
    flush: async ({ policy, seconds, scale }: Order): Promise<{ peak: number; perMinute: number }> => {
      const may = await gate(policy, Math.round(2_048 / scale));
      const admitted: number[] = [];
      for (let second = 0; second < seconds; second++) {
        const at = BEGIN + second * 1_000;
        for (let i = 0; i < 200; i++) if (may('198.51.100.66', at)) admitted.push(at);
        for (let i = 0; i < 2_500 / scale; i++) may(stranger(), at + 1 + Math.floor((i * 998 * scale) / 2_500));
      }
      return { peak: peak(admitted), perMinute: (admitted.length * 60) / seconds };
    },
    crowd: async ({ policy, seconds, scale }: Order): Promise<{ perMinute: number; quietDenied: number }> => {
      const may = await gate(policy, Math.round(2_048 / scale));
      const sources = 8_000 / scale;
      const quiet = 200 / scale;
      let admitted = 0;
      let asked = 0;
      let denied = 0;
      for (let second = 0; second < seconds; second++) {
        for (let i = 0; i < 5 * sources; i++) {
          const at = BEGIN + second * 1_000 + Math.floor((i * 1_000) / (5 * sources));
          if (may(texts.make(i % sources), at) && second >= seconds / 2) admitted++;
        }
        for (let i = second % 10; i < quiet; i += 10) {
          asked++;
          if (!may(texts.make(500_000 + i), BEGIN + second * 1_000 + 999)) denied++;
        }
      }
      return {
        perMinute: (admitted * 60) / (seconds - Math.ceil(seconds / 2)) / sources,
        quietDenied: (100 * denied) / asked,
      };
    },
    spoof: async ({ policy, seconds, scale }: Order): Promise<{ honestDenied: number }> => {
      const may = await gate(policy, Math.round(8_192 / scale));
      const honest = 200 / scale;
      let asked = 0;
      let denied = 0;
      for (let second = 0; second < seconds; second++) {
        for (let i = 0; i < 5_000 / scale; i++) {
          const at = BEGIN + second * 1_000 + Math.floor((i * 1_000 * scale) / 5_000);
          may(stranger(), at);
          if (i % 25 !== 0) continue;
          asked++;
          if (!may(texts.make(500_000 + ((i / 25) % honest)), at)) denied++;
        }
      }
      return { honestDenied: (100 * denied) / asked };
    },
  };
}

export const roles = { flood: floodRole };

export async function flood(task: Task): Promise<Figure[]> {
  const full = task.size === 'full';
  const scale = full ? 1 : 40;
  const seconds = full ? 300 : 40;
  const figures: Figure[] = [];
  for (const policy of POLICIES) {
    const child = await hire<typeof floodRole>(task.size, import.meta.url, 'flood', undefined);
    const order = { policy, seconds, scale };
    const flush = await child.ask('flush', order);
    const crowd = await child.ask('crowd', { ...order, seconds: full ? 240 : 120 });
    const spoof = await child.ask('spoof', order);
    await child.dismiss();
    const who = policy === 'tracehound' ? 'tracehound' : 'LRU Map';
    figures.push(
      {
        id: `flood.flush.${policy}`,
        what: `flood, flush: abuser admitted in any minute, limit 100: ${who}`,
        value: flush.peak,
        unit: 'requests',
      },
      {
        id: `flood.flush.rate.${policy}`,
        what: `flood, flush: abuser admitted per minute: ${who}`,
        value: flush.perMinute,
        unit: 'requests',
      },
      {
        id: `flood.crowd.${policy}`,
        what: `flood, crowd of 4× the places: admitted per source and minute: ${who}`,
        value: crowd.perMinute,
        unit: 'requests',
      },
      {
        id: `flood.crowd.quiet.${policy}`,
        what: `flood, crowd: quiet clients denied: ${who}`,
        value: crowd.quietDenied,
        unit: '%',
      },
      {
        id: `flood.spoof.${policy}`,
        what: `flood, 5,000 spoofed sources/s: honest clients denied: ${who}`,
        value: spoof.honestDenied,
        unit: '%',
      },
    );
    task.progress(`flood: ${who}`);
  }
  return figures;
}
