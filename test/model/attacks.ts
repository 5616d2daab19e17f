/**
 * The people who attack a rate limiter, as functions over anything that limits. Virtual time, seeded.
 *
 * Relies on: nothing. Refuses: to know what it attacks — the same attackers meet the model, the core and the simpler
 * algorithms, so that a threshold is known to be one that can fail.
 */

export interface Subject {
  /** Sets the clock. */
  at(ms: number): void;
  /** One request of cost 1: admitted? */
  admits(source: string): boolean;
}

/** mulberry32: small, seeded, good enough to scatter requests. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The most cost admitted in any closed interval of `windowMs`. */
export function peakOf(admitted: readonly (readonly [at: number, cost: number])[], windowMs: number): number {
  let peak = 0;
  let sum = 0;
  let from = 0;
  for (const [at, cost] of admitted) {
    sum += cost;
    while (admitted[from]![0] < at - windowMs) sum -= admitted[from++]![1];
    peak = Math.max(peak, sum);
  }
  return peak;
}

const START = 1_700_000_000_000;

/** Saves up, then spends across the boundary of two windows as fast as it can. Returns its peak. */
export function boundary(subject: Subject, windowMs: number): number {
  const admitted: [number, number][] = [];
  const start = START - (START % windowMs);
  subject.at(start);
  subject.admits('warm');
  for (let ms = Math.floor(1.98 * windowMs); ms < 4 * windowMs; ms += Math.ceil(windowMs / 1_000)) {
    subject.at(start + ms);
    for (let i = 0; i < 250; i++) if (subject.admits('attacker')) admitted.push([ms, 1]);
  }
  return peakOf(admitted, windowMs);
}

/** A: every second one source bursts and 2,500 fresh ones try to flush it out of the table. Returns its peak. */
export function flush(subject: Subject, seconds: number, windowMs: number): number {
  const admitted: [number, number][] = [];
  for (let second = 0; second < seconds; second++) {
    subject.at(START + second * 1_000);
    for (let i = 0; i < 200; i++) if (subject.admits('abuser')) admitted.push([second * 1_000, 1]);
    for (let i = 0; i < 2_500; i++) subject.admits(`fresh ${second} ${i}`);
  }
  return peakOf(admitted, windowMs);
}

/**
 * B: many more real, heavy sources (5 requests a second each) than the table holds, and quiet clients with a request
 * every 20 s among them.
 */
export function crowd(subject: Subject, heavy: number, quiet: number, seconds: number, windowMs: number) {
  const random = seeded(2);
  const log: [number, number][][] = Array.from({ length: heavy }, () => []);
  const order = Array.from({ length: heavy }, (_, i) => i);
  let quietDenied = 0;
  let quietSeen = 0;
  for (let step = 0; step < seconds * 5; step++) {
    const ms = step * 200;
    subject.at(START + ms);
    for (let i = heavy - 1; i > 0; i--) {
      const other = Math.floor(random() * (i + 1));
      [order[i], order[other]] = [order[other]!, order[i]!];
    }
    for (const i of order) if (subject.admits(`heavy ${i}`)) log[i]!.push([ms, 1]);
    for (let i = step % 100; i < quiet; i += 100) {
      quietSeen++;
      if (!subject.admits(`quiet ${i}`)) quietDenied++;
    }
  }
  const peak = Math.max(...log.map((admitted) => peakOf(admitted, windowMs)));
  const total = log.reduce((sum, admitted) => sum + admitted.filter(([at]) => at >= windowMs).length, 0);
  return { peak, perMinute: total / heavy / (seconds / 60 - windowMs / 60_000), quietDenied, quietSeen };
}

/** 5,000 spoofed sources a second, one request each; 200 real clients with one a second; one abuser. */
export function flood(subject: Subject, seconds: number, windowMs: number) {
  const abuser: [number, number][] = [];
  let denied = 0;
  for (let second = 0; second < seconds; second++) {
    for (let part = 0; part < 10; part++) {
      const ms = second * 1_000 + part * 100;
      subject.at(START + ms);
      for (let i = 0; i < 500; i++) subject.admits(`spoofed ${ms} ${i}`);
      for (let i = part; i < 200; i += 10) if (!subject.admits(`legitimate ${i}`)) denied++;
      for (let i = 0; i < 20; i++) if (subject.admits('abuser')) abuser.push([ms, 1]);
    }
  }
  return { denied, abuser: peakOf(abuser, windowMs) };
}

// ── what others do, to show that the thresholds can fail ─────────────────────────────────────────

/** Fixed windows aligned to the epoch. */
export function fixedWindow(limit: number, windowMs: number): Subject {
  const counts = new Map<string, [number, number]>();
  let now = 0;
  return {
    at: (ms) => {
      now = ms;
    },
    admits: (source) => {
      const window = Math.floor(now / windowMs);
      const [at, count] = counts.get(source) ?? [window, 0];
      const used = at === window ? count : 0;
      if (used + 1 > limit) return false;
      counts.set(source, [window, used + 1]);
      return true;
    },
  };
}

/** The estimate of two counters, weighted by overlap. */
export function twoCounters(limit: number, windowMs: number): Subject {
  const counts = new Map<string, Map<number, number>>();
  let now = 0;
  return {
    at: (ms) => {
      now = ms;
    },
    admits: (source) => {
      const window = Math.floor(now / windowMs);
      const own = counts.get(source) ?? new Map<number, number>();
      counts.set(source, own);
      const before = (own.get(window - 1) ?? 0) * (1 - (now % windowMs) / windowMs);
      const current = own.get(window) ?? 0;
      if (before + current + 1 > limit) return false;
      own.set(window, current + 1);
      return true;
    },
  };
}

/** Generic cell rate algorithm with a burst of `limit`. */
export function gcra(limit: number, windowMs: number): Subject {
  const arrivals = new Map<string, number>();
  const interval = windowMs / limit;
  let now = 0;
  return {
    at: (ms) => {
      now = ms;
    },
    admits: (source) => {
      const next = Math.max(arrivals.get(source) ?? now, now) + interval;
      if (next - now > windowMs) return false;
      arrivals.set(source, next);
      return true;
    },
  };
}

/** A bounded table that forgets the least recently used source. */
export function lru(limit: number, windowMs: number, slots: number): Subject {
  const counts = new Map<string, [number, number]>();
  let now = 0;
  return {
    at: (ms) => {
      now = ms;
    },
    admits: (source) => {
      const [from, count] = counts.get(source) ?? [now, 0];
      const fresh = now - from >= windowMs;
      const used = fresh ? 0 : count;
      counts.delete(source);
      counts.set(source, [fresh ? now : from, Math.min(limit, used + 1)]);
      if (counts.size > slots) counts.delete(counts.keys().next().value!);
      return used + 1 <= limit;
    },
  };
}
