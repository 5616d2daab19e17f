/**
 * A ledger in memory by the slow, obvious rules: every charge is remembered with its time. What the suite of ledgers is
 * shown to pass, and what other ledgers can be compared with.
 *
 * Relies on: a clock that a test moves. Refuses: to be shared, durable or fast.
 */
import { type Ledger, TracehoundError } from '../../src/index';
import { copyOf, isEqual, partsOf } from '../../src/stores/keys';
import type { LedgerStage } from '../conformance/ledger';
import { outages } from './suite';

interface Charge {
  readonly at: number;
  readonly cost: number;
}

export interface LabLedger extends LedgerStage {
  /** Ms of the ledger's time so far. */
  now(): number;
}

const counted = (n: number, max: number): void => {
  if (!Number.isSafeInteger(n) || n < 1 || n > max) throw new RangeError(`ledger: no count, expected 1 … ${max}`);
};

/** A ledger whose time `wait` moves; `faults` take the place of acts of it. */
export function memoryLedger(faults: (stage: LabLedger) => Partial<Ledger> = () => ({})): LabLedger {
  let now = 1_000_000;
  const objects = new Map<string, Uint8Array>();
  const counts = new Map<string, { total: number; readonly until: number }>();
  const charges = new Map<string, Charge[]>();
  const blocks = new Map<string, { readonly until: number; readonly change: number }>();
  const ended = new Map<string, number>();
  let changes = 0;
  const { guarded, outage } = outages(new Error('no route'));
  const reached = (): void => {
    try {
      guarded(() => {});
    } catch (cause) {
      throw new TracehoundError('LEDGER_FAILED', 'memory ledger: not reached', { cause, recoverable: true });
    }
  };
  const lasting = (tag: string): boolean => (blocks.get(tag)?.until ?? 0) > now;

  const ledger: Ledger = {
    async read(key) {
      partsOf(key);
      reached();
      return objects.get(key)?.slice();
    },
    async swap(key, next, expected) {
      partsOf(key);
      const copy = copyOf(next);
      const before = expected && copyOf(expected, 'expected');
      reached();
      const current = objects.get(key);
      if (current === undefined || before === undefined ? current !== before : !isEqual(current, before)) {
        return 'conflict';
      }
      objects.set(key, copy);
      return 'swapped';
    },
    async add(key, n, ttlMs) {
      counted(n, Number.MAX_SAFE_INTEGER);
      reached();
      const before = counts.get(key);
      const count = before !== undefined && before.until > now ? before : { total: 0, until: now + ttlMs };
      count.total += n;
      counts.set(key, count);
      return count.total;
    },
    async charge(key, { limit, windowMs }, cost) {
      counted(cost, limit);
      reached();
      const live = (charges.get(key) ?? []).filter(({ at }) => at > now - windowMs);
      let used = live.reduce((sum, each) => sum + each.cost, 0);
      const allowed = used + cost <= limit;
      if (allowed) {
        live.push({ at: now, cost });
        used += cost;
      }
      charges.set(key, live);
      let retryAfterMs = 0;
      let freed = limit - used;
      for (const each of allowed ? [] : live) {
        if (freed >= cost) break;
        freed += each.cost;
        retryAfterMs = each.at + windowMs - now;
      }
      const resetMs = live.length === 0 ? 0 : live[0]!.at + windowMs - now;
      return { allowed, blocked: false, limit, remaining: limit - used, resetMs, retryAfterMs, degraded: false };
    },
    async block(tag, ms) {
      reached();
      const until = Math.max(now + ms, blocks.get(tag)?.until ?? 0);
      blocks.set(tag, { until, change: ++changes });
    },
    async unblock(tag) {
      reached();
      const was = lasting(tag);
      blocks.delete(tag);
      if (was) ended.set(tag, ++changes);
      return was;
    },
    async blocks(since) {
      reached();
      const from = since === undefined ? 0 : Number(since);
      const blocked = [...blocks]
        .filter(([tag, { change }]) => lasting(tag) && change > from)
        .map(([tag, { until }]) => ({ tag, ms: until - now }));
      const unblocked = since === undefined ? [] : [...ended].filter(([, at]) => at > from).map(([tag]) => tag);
      return { blocked, unblocked, at: String(changes) };
    },
  };
  const wait = async (ms: number): Promise<void> => {
    now += ms;
  };
  const stage = { ledger, wait, outage, now: () => now };
  return { ...stage, ledger: { ...ledger, ...faults(stage) } };
}
