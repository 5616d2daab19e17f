/**
 * Guards the suite of ledgers (`test/conformance/ledger.ts`): a ledger that keeps every promise passes, and for each assertion
 * there is a ledger with one fault that it finds.
 */
import { describe } from 'vitest';
import { type BlockChanges, type Ledger, type RateLimitResult, TracehoundError } from '../../src/index';
import { LEDGER_CASES } from '../conformance/ledger';
import { swapCases } from '../conformance/swap';
import { type LabLedger, memoryLedger } from '../lab/memory-ledger';
import { suite } from '../lab/suite';
import { eachFails } from './broken';

const broken = (faults: (ledger: Ledger, stage: LabLedger) => Partial<Ledger>) => () =>
  memoryLedger((stage) => faults(stage.ledger, stage));
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Another total than is right. */
const adding = (change: (total: number, key: string, n: number) => number) =>
  broken((ledger) => ({ add: async (key, n, ttlMs) => change(await ledger.add(key, n, ttlMs), key, n) }));
/** Another answer to a charge than is right. */
const charging = (change: (answer: RateLimitResult, cost: number) => Partial<RateLimitResult>) =>
  broken((ledger) => ({
    charge: async (key, policy, cost) => {
      const answer = await ledger.charge(key, policy, cost);
      return { ...answer, ...change(answer, cost) };
    },
  }));
/** Other blocks than there are. */
const showing = (change: (changes: BlockChanges, since: string | undefined) => Partial<BlockChanges>) =>
  broken((ledger) => ({
    blocks: async (since) => {
      const changes = await ledger.blocks(since);
      return { ...changes, ...change(changes, since) };
    },
  }));
const isCost = (cost: number): boolean => Number.isSafeInteger(cost) && cost > 0 && cost <= 8;
/** What an outage rejects with. */
const outage = (as: (error: TracehoundError) => Error) =>
  broken((ledger) => ({
    read: (key) =>
      ledger.read(key).catch((error: unknown) => {
        throw error instanceof TracehoundError ? as(error) : error;
      }),
  }));

/** Window and count of a limiter that begins anew when its window is over. */
const fixed = broken((ledger, { now }) => {
  const windows = new Map<string, { began: number; used: number }>();
  return {
    charge: async (key, policy, cost) => {
      const answer = await ledger.charge(key, policy, cost);
      let window = windows.get(key);
      if (window === undefined || now() - window.began >= policy.windowMs) window = { began: now(), used: 0 };
      windows.set(key, window);
      const allowed = window.used + cost <= policy.limit;
      if (allowed) window.used += cost;
      return { ...answer, allowed, remaining: policy.limit - window.used };
    },
  };
});

const counts = {
  'a first add': adding((total) => total - 1),
  'a second add': adding((_, __, n) => n),
  'an add elsewhere': broken((ledger) => ({ add: (_, n, ttlMs) => ledger.add('one', n, ttlMs) })),
  'the totals that 16 were told': broken((ledger) => {
    const totals = new Map<string, number>();
    return {
      add: async (key, n, ttlMs) => {
        await ledger.add(key, n, ttlMs);
        const total = (totals.get(key) ?? 0) + n;
        await later();
        totals.set(key, total);
        return total;
      },
    };
  }),
  'an add before the end': broken((ledger) => ({ add: (key, n, ttlMs) => ledger.add(key, n, ttlMs / 2) })),
  'an add after the end': broken((ledger) => ({ add: (key, n, ttlMs) => ledger.add(key, n, ttlMs * 2) })),
  'an add of no count': broken((ledger) => ({ add: (key, n, ttlMs) => ledger.add(key, n || 1, ttlMs) })),
  'how an add of no count is refused': broken((ledger) => ({
    add: (key, n, ttlMs) =>
      ledger.add(key, n, ttlMs).catch(() => {
        throw new Error('no');
      }),
  })),
  'what refused adds left': broken((ledger) => ({
    add: (key, n, ttlMs) =>
      ledger.add(key, n, ttlMs).catch(async (error: unknown) => {
        await ledger.add(key, 1, ttlMs);
        throw error;
      }),
  })),
};

const charges = {
  'an admitted charge': charging(({ remaining }) => ({ remaining: remaining + 1 })),
  'a charge of what remains': charging(({ remaining, allowed }) => ({ allowed: allowed && remaining > 0 })),
  'a charge beyond the limit': charging(() => ({ allowed: true })),
  'a refusal says when, within a window': charging(() => ({ retryAfterMs: 0 })),
  'a charge of somebody else': broken((ledger) => ({
    charge: (_, policy, cost) => ledger.charge('one', policy, cost),
  })),
  'more than what remains': charging(({ allowed, remaining }) => ({ allowed: allowed || remaining > 0 })),
  'what remains after refusals': broken((ledger) => ({
    charge: async (key, policy, cost) => {
      const answer = await ledger.charge(key, policy, cost);
      if (!answer.allowed && answer.remaining > 0) await ledger.charge(key, policy, answer.remaining);
      return answer;
    },
  })),
  'the whole limit, a window later': broken((ledger) => ({
    charge: (key, policy, cost) => ledger.charge(key, { ...policy, windowMs: policy.windowMs * 2 }, cost),
  })),
  'what is admitted around the end of a window is within the limit': fixed,
  'a charge when it was told to come back': charging(({ retryAfterMs }) => ({
    retryAfterMs: Math.max(0, retryAfterMs - 1),
  })),
  'how many of 48 at once are admitted': broken((ledger) => {
    let used = 0;
    return {
      charge: async (key, policy, cost) => {
        const answer = await ledger.charge(key, policy, cost);
        const before = used;
        await later();
        used = before + cost;
        return { ...answer, allowed: before + cost <= policy.limit };
      },
    };
  }),
  'a charge of no cost': broken((ledger) => ({
    charge: (key, policy, cost) => ledger.charge(key, policy, isCost(cost) ? cost : 1),
  })),
  'how a charge of no cost is refused': broken((ledger) => ({
    charge: (key, policy, cost) =>
      ledger.charge(key, policy, cost).catch(() => {
        throw new TypeError('no');
      }),
  })),
  'the whole limit after such charges': broken((ledger) => ({
    charge: async (key, policy, cost) => {
      if (!isCost(cost)) await ledger.charge(key, policy, 1).catch(() => {});
      return ledger.charge(key, policy, cost);
    },
  })),
};

const blocks = {
  'blocks where there are none': showing(({ blocked }) => ({ blocked: [...blocked, { tag: 'z', ms: 1 }] })),
  'two blocks': showing(({ blocked }) => ({ blocked: blocked.slice(0, 1) })),
  'a block lasts as long as was asked for': showing(({ blocked }) => ({
    blocked: blocked.map(({ tag, ms }) => ({ tag, ms: ms + 1_000_000 })),
  })),
  'blocks after one has ended': broken((ledger) => ({ block: (tag, ms) => ledger.block(tag, Math.max(ms, 5_000)) })),
  'a block that a shorter one followed': broken((ledger) => ({
    block: async (tag, ms) => {
      await ledger.unblock(tag);
      await ledger.block(tag, ms);
    },
  })),
  'a block that a longer one followed': broken((ledger) => {
    const tags = new Set<string>();
    return {
      block: async (tag, ms) => {
        if (!tags.has(tag)) await ledger.block(tag, ms);
        tags.add(tag);
      },
    };
  }),
  'what changed when nothing did': broken((ledger) => ({ blocks: () => ledger.blocks() })),
  'an end of a block': broken((ledger) => ({ unblock: async (tag) => (await ledger.unblock(tag)) && false })),
  'blocks since then': showing(({ blocked }, since) => (since === undefined ? {} : { blocked: blocked.slice(1) })),
  'ended blocks since then': showing(() => ({ unblocked: [] })),
  'what changed since the changes': broken((ledger) => {
    let first: string | undefined;
    return {
      blocks: async (since) => {
        const changes = await ledger.blocks(since);
        first ??= changes.at;
        return { ...changes, at: first };
      },
    };
  }),
  'an end of no block': broken((ledger) => ({ unblock: async (tag) => (await ledger.unblock(tag)) || true })),
  'blocks after the end of the only one': broken(() => ({ unblock: async () => false })),
};

const outages = {
  'a call in an outage': broken((ledger) => ({ read: (key) => ledger.read(key).catch(() => undefined) })),
  'the code of an outage': outage((error) => error.cause as Error),
  'whether an outage is recoverable': outage(({ cause }) => new TracehoundError('LEDGER_FAILED', 'no', { cause })),
  'a charge after an outage': broken((ledger) => {
    let lost = false;
    return {
      charge: async (key, policy, cost) => {
        if (lost) return ledger.charge('another', policy, cost);
        return ledger.charge(key, policy, cost).catch((error: unknown) => {
          lost = error instanceof TracehoundError;
          throw error;
        });
      },
    };
  }),
};

describe('the suite of ledgers', () => {
  suite('passes a ledger that remembers everything', () => memoryLedger(), LEDGER_CASES);

  // What is swapped is looked at as in stores, where each fault of it is shown.
  const own = new Set(swapCases(() => memoryLedger().ledger).map(({ promise }) => promise));
  eachFails(
    ['ledger.ts'],
    LEDGER_CASES.filter(({ promise }) => !own.has(promise)),
    { ...counts, ...charges, ...blocks, ...outages },
  );
});
