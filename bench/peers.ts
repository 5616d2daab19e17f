/**
 * Who answers "may this source pass?": Tracehound, the in-memory stores of three public limiters, a bare Map, and nobody.
 *
 * Relies on: the published packages, driven at the door that their own middleware uses. Refuses: to flatter — every
 * contender answers with an object that says how much is left and until when, all of them count per window of the same
 * length, and only Tracehound does so over a *sliding* window, reads addresses by their bits and bounds its memory.
 */
import { createRequire } from 'node:module';
import { subject } from './subject.ts';

export const WINDOW_MS = 900_000;

export const CONTENDERS = [
  'tracehound',
  'rate-limiter-flexible',
  'express-rate-limit',
  'hono-rate-limiter',
  'map',
  'nobody',
] as const;
export type Contender = (typeof CONTENDERS)[number];
/** Published limiters that keep every live key. */
export const PEERS: readonly Contender[] = ['rate-limiter-flexible', 'express-rate-limit', 'hono-rate-limiter'];

export interface Census {
  /** Sources remembered. */
  readonly tracked: number;
  /** Sources forgotten although their window was not over. */
  readonly evictions: number;
}

export type Limiter = (
  | { readonly kind: 'sync'; decide(key: string): boolean }
  | { readonly kind: 'async'; decide(key: string): Promise<boolean> }
) & { census(): Census; close(): void };

/** How many a fresh limiter must remember, and how much each may spend. */
export interface Terms {
  readonly limit: number;
  readonly maxSources: number;
}

const require = createRequire(import.meta.url);

export async function limiter(contender: Contender, terms: Terms): Promise<Limiter> {
  switch (contender) {
    case 'tracehound':
      return tracehound(terms);
    case 'rate-limiter-flexible':
      return rateLimiterFlexible(terms);
    case 'express-rate-limit':
      return expressRateLimit(terms);
    case 'hono-rate-limiter':
      return honoRateLimiter(terms);
    case 'map':
      return mapFixedWindow(terms);
    case 'nobody':
      return nobody();
  }
}

async function tracehound({ limit, maxSources }: Terms): Promise<Limiter> {
  const { createTracehound } = await subject();
  const th = createTracehound({ rateLimit: { windowMs: WINDOW_MS, limit, maxSources } });
  th.id(); // The core comes up in the first call; bench/start measures that.
  return {
    kind: 'sync',
    decide: (source) => th.intercept({ source }).status === 'clean',
    census: () => {
      const { rateLimiter } = th.watcher.snapshot();
      return { tracked: rateLimiter?.tracked ?? 0, evictions: rateLimiter?.evictions ?? 0 };
    },
    close: () => void th.close(),
  };
}

/** Denies by rejecting; sets a timer per key, which is cleared here so that a child can go on with the next limiter. */
function rateLimiterFlexible({ limit }: Terms): Limiter {
  const { RateLimiterMemory } = require('rate-limiter-flexible') as {
    RateLimiterMemory: new (options: {
      points: number;
      duration: number;
    }) => {
      consume(key: string): Promise<unknown>;
      _memoryStorage: { _storage: Map<string, { timeoutId?: NodeJS.Timeout }> };
    };
  };
  const limiter = new RateLimiterMemory({ points: limit, duration: WINDOW_MS / 1_000 });
  const storage = limiter._memoryStorage._storage;
  const yes = (): boolean => true;
  const no = (): boolean => false;
  return {
    kind: 'async',
    decide: (key) => limiter.consume(key).then(yes, no),
    census: () => ({ tracked: storage.size, evictions: 0 }),
    close: () => {
      for (const record of storage.values()) clearTimeout(record.timeoutId);
    },
  };
}

interface RotatingStore {
  previous: Map<string, unknown>;
  current: Map<string, unknown>;
  init(options: object): void;
  shutdown(): void;
}

const rotatingCensus = (store: RotatingStore): Census => ({
  tracked: store.previous.size + store.current.size,
  evictions: 0,
});

function expressRateLimit({ limit }: Terms): Limiter {
  const { MemoryStore } = require('express-rate-limit') as {
    MemoryStore: new () => RotatingStore & { increment(key: string): Promise<{ totalHits: number }> };
  };
  const store = new MemoryStore();
  store.init({ windowMs: WINDOW_MS });
  return {
    kind: 'async',
    decide: async (key) => (await store.increment(key)).totalHits <= limit,
    census: () => rotatingCensus(store),
    close: () => store.shutdown(),
  };
}

/** Its store answers at once, so its loop does not wait: the friendliest way to drive it. */
function honoRateLimiter({ limit }: Terms): Limiter {
  const { MemoryStore } = require('hono-rate-limiter') as {
    MemoryStore: new () => RotatingStore & { increment(key: string): { totalHits: number } };
  };
  const store = new MemoryStore();
  store.init({ windowMs: WINDOW_MS });
  return {
    kind: 'sync',
    decide: (key) => store.increment(key).totalHits <= limit,
    census: () => rotatingCensus(store),
    close: () => store.shutdown(),
  };
}

/** Twelve lines that anyone would write: a fixed window in a Map, never swept. */
function mapFixedWindow({ limit }: Terms): Limiter {
  const windows = new Map<string, { count: number; resetAt: number }>();
  const check = (key: string): { allowed: boolean; remaining: number; resetAt: number } => {
    const now = Date.now();
    let window = windows.get(key);
    if (window === undefined) {
      window = { count: 0, resetAt: now + WINDOW_MS };
      windows.set(key, window);
    } else if (window.resetAt <= now) {
      window.count = 0;
      window.resetAt = now + WINDOW_MS;
    }
    const allowed = window.count < limit;
    if (allowed) window.count++;
    return { allowed, remaining: limit - window.count, resetAt: window.resetAt };
  };
  return {
    kind: 'sync',
    decide: (key) => check(key).allowed,
    census: () => ({ tracked: windows.size, evictions: 0 }),
    close: () => windows.clear(),
  };
}

/** What building the key costs: reading one character makes a joined string flat, as every limiter must. */
function nobody(): Limiter {
  let last = 0;
  return {
    kind: 'sync',
    decide: (key) => {
      last = key.charCodeAt(key.length - 1);
      return last !== 0;
    },
    census: () => ({ tracked: 0, evictions: 0 }),
    close: () => {},
  };
}
