/**
 * Guards runtimes/cloudflare/object.ts: whoever holds the binding can call the calls, with anything, and nothing else; the
 * secret stays inside. The platform's class is replaced by an empty one; test/wide has the real one.
 */
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CALL_NAMES, type CallName } from '../../../runtimes/cloudflare/rpc';
import { createTracehound } from '../../../runtimes/node/index';
import type { Scent, Source } from '../../../src/types/index';
import { decided, Form, scents, throwing } from '../../lab/scents';
import { sqliteStorage } from '../../lab/sqlite';

vi.mock('cloudflare:workers', () => ({
  DurableObject: class {},
}));
const { shardedTracehound, TracehoundObject } = await import('../../../runtimes/cloudflare/object');

const SECRET = new Uint8Array(32).fill(7);
const settings = {
  secret: SECRET,
  rateLimit: { limit: 1_000, windowMs: 60_000, maxSources: 64, blockMs: 1_000 },
  quarantine: { maxCount: 32, maxBytes: 65_536, maxShare: 1 },
  maxPayloadBytes: 1_024,
  audit: { maxRecords: 2_048 },
};

class WithMethod extends TracehoundObject {
  options() {
    return settings;
  }
  /** What the sidecars of acts say, without their salts. */
  details() {
    return this.act((th) =>
      th.audit.export().details.flatMap((detail) => {
        const { salt: _, ...facts } = detail ? JSON.parse(new TextDecoder().decode(detail)) : {};
        return 'actor' in facts ? [facts as object] : [];
      }),
    );
  }
  forget(source: string) {
    return this.act((th) => th.rateLimiter.reset(source));
  }
}
class WithField extends TracehoundObject {
  options = () => settings;
}
class WithPromise extends TracehoundObject {
  async options() {
    return settings;
  }
}
const CLASSES = [WithMethod, WithField, WithPromise];

let aborts: string[];
beforeEach(() => {
  aborts = [];
});

async function wake<Class extends new (ctx: never, env: object) => object>(Made: Class): Promise<InstanceType<Class>> {
  let woken: Promise<unknown> | undefined;
  const ctx = {
    id: 'an object',
    storage: { ...sqliteStorage(), setAlarm: async () => {} },
    waitUntil: (work: Promise<unknown>) => void work.catch(() => {}),
    abort: (reason: string) => void aborts.push(reason),
    blockConcurrencyWhile: (work: () => Promise<unknown>) => {
      woken = work();
      return woken;
    },
  };
  const object = new Made(ctx as never, {});
  await woken;
  return object as InstanceType<Class>;
}

/** What Workers RPC finds by name: what the prototypes hold, unless the instance has a property of that name. */
function reachable(object: object): string[] {
  const names = new Set<string>();
  for (let at = Object.getPrototypeOf(object); at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (!Object.hasOwn(object, name)) names.add(name);
  }
  return [...names].sort();
}

const anyCall = (object: object) => object as unknown as Record<string, (...of: unknown[]) => Promise<object>>;

describe('an object, for whoever holds its binding', () => {
  it.each(CLASSES)('has the calls, the alarm and what its class adds, and nothing else: %o', async (Made) => {
    const object = await wake(Made);
    const own = Made === WithMethod ? ['details', 'forget'] : [];
    expect(reachable(object)).toEqual(['alarm', 'constructor', ...CALL_NAMES, ...own].sort());
  });

  it.each(CLASSES)('does not hand out what it is made with: %o', async (Made) => {
    const object = await wake(Made);
    expect(await anyCall(object).options!({}, 'x')).toEqual({
      error: expect.objectContaining({ code: 'ACCESS_DENIED' }),
    });
    for (const name of CALL_NAMES) {
      const answer = await anyCall(object)[name]!('192.0.2.1', 'refused', 'threw');
      expect(Buffer.from(JSON.stringify(answer)).includes(Buffer.from(SECRET).toString('hex'))).toBe(false);
    }
  });

  it('answers a value or an error whatever it is called with, and lives on', async () => {
    const object = await wake(WithMethod);
    const before = await object.intercept({
      source: 'k',
      payload: 'p',
      threat: { category: 'sqli', severity: 'high' },
    });
    expect(before).toMatchObject({ value: { status: 'quarantined' } });
    const word = fc.constantFrom<unknown>(
      'nonsense',
      '__proto__',
      'constructor',
      'threw',
      'passed',
      'erased',
      -1,
      {},
      null,
    );
    const call = fc.tuple(fc.constantFrom(...CALL_NAMES), fc.array(fc.oneof(fc.anything(), word), { maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(call, async ([name, given]: [CallName, unknown[]]) => {
        const answer = await anyCall(object)[name]!(...given);
        expect(Object.keys(answer)).toHaveLength(1);
        expect('value' in answer || 'error' in answer).toBe(true);
        const { error } = answer as { error?: { code: string } };
        expect(['CORE_PANIC', 'CORE_DOWN', 'RUNTIME_FAILED']).not.toContain(error?.code);
      }),
      { numRuns: 600, seed: 26 },
    );
    expect(aborts).toEqual([]);
    expect(await object.watch()).toMatchObject({ value: { status: 'up', core: { panics: 0 } } });
    expect(await object.find((before as { value: { evidence: { id: string } } }).value.evidence.id)).toMatchObject({
      value: { category: 'sqli' },
    });
  });

  it('writes down who asked for what, and why: three strings, whatever else is sent', async () => {
    const object = await wake(WithMethod);
    const held = await object.intercept({ source: 'k', payload: 'p', threat: { category: 'sqli', severity: 'high' } });
    const { signature } = (held as { value: { evidence: { signature: string } } }).value.evidence;
    const calls: [name: CallName, args: unknown[]][] = [
      ['block', ['192.0.2.1', 5_000]],
      ['unblock', ['192.0.2.1']],
      ['reset', ['192.0.2.1']],
      ['read', [signature]],
      ['purge', [signature, 'erased']],
    ];
    const said: object[] = [];
    for (const [i, [name, args]] of calls.entries()) {
      for (const extra of [{}, { case: `c${i}` }]) {
        const who = { actor: `kim ${name}`, purpose: `because of ${i}`, ...extra, password: 'never', sign: () => 1 };
        // Forgetting what is not there is no act either.
        if (name === 'reset') await object.charge('192.0.2.1');
        const answer = await anyCall(object)[name]!(...args, who);
        expect(answer).toHaveProperty('value');
        // What changed nothing is no act.
        if ((answer as { value: unknown }).value !== false)
          said.push({ actor: who.actor, purpose: who.purpose, ...extra });
      }
    }
    const written = await object.details();
    expect(written).toEqual(said);
    for (const name of ['block', 'unblock', 'reset', 'read', 'purge']) {
      expect(written).toContainEqual(expect.objectContaining({ actor: `kim ${name}` }));
    }
    expect(JSON.stringify(written)).not.toContain('never');
    // Who has to be said whole, or not at all.
    for (const who of [5, 'kim', {}, { actor: 'kim' }, { actor: 5, purpose: 'x' }, null]) {
      expect(await anyCall(object).block!('192.0.2.1', 5, who)).toMatchObject({ error: { code: 'TypeError' } });
    }
  });

  it('has methods of its class, which act as ours do', async () => {
    const object = await wake(WithMethod);
    for (let i = 0; i < 1_001; i++) await object.charge('192.0.2.1');
    expect(await object.peek('192.0.2.1')).toMatchObject({ value: { allowed: false } });
    await object.forget('192.0.2.1');
    expect(await object.peek('192.0.2.1')).toMatchObject({ value: { allowed: true } });
  });
});

describe('a Worker and its object', () => {
  const clock = (): number => 1_700_000_000_000;
  class Ticking extends TracehoundObject {
    options() {
      return { ...settings, clock };
    }
  }
  /** A namespace of one object. Everything is copied on its way, as RPC does, and what cannot be copied fails as there. */
  const namespaceOf = (object: object) => ({
    idFromName: (name: string) => name,
    get: () =>
      new Proxy(
        {},
        {
          get:
            (_, name: string) =>
            async (...given: unknown[]) =>
              structuredClone(await anyCall(object)[name]!(...structuredClone(given))),
        },
      ),
  });

  it('answer together as one instance would, whatever the scent is made of, and none of it stays behind', async () => {
    let flagged = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(scents, { minLength: 1, maxLength: 4 }), async (given) => {
        const object = await wake(Ticking);
        const th = shardedTracehound(namespaceOf(object), { ...settings, clock, shards: 1 });
        const one = createTracehound({ ...settings, clock });
        for (const scent of given) {
          const alone = await one.interceptAsync(scent as Scent);
          expect(decided(await th.interceptAsync(scent as Scent))).toEqual(decided(alone));
        }
        flagged += one.quarantine.stats.count;
        expect(th.quarantine.stats.count).toBe(0);
        expect(th.watcher.snapshot().totals.flagged).toBe(0);
        expect((await object.stats()) as object).toEqual({ value: one.quarantine.stats });
        for (const { signature } of one.quarantine.list()) {
          expect(await th.shards[0]!.read(signature)).toEqual(one.quarantine.read(signature));
        }
      }),
      { numRuns: 120, seed: 27 },
    );
    expect(flagged).toBeGreaterThan(50);
  });

  it('charge a source by whatever names it, also by what cannot be copied', async () => {
    const object = await wake(Ticking);
    const th = shardedTracehound(namespaceOf(object), { ...settings, clock, shards: 1, whenUnreachable: 'fail' });
    const sources: unknown[] = [
      'k',
      { key: 'k', f: () => 1 },
      { address: '::1', who: Symbol('x') },
      new Form(),
      throwing,
      5,
    ];
    for (const source of sources) {
      expect(await th.http.limits.charge(source as Source)).toMatchObject({ allowed: true, degraded: false });
    }
    await th.http.counters.uninspected({ key: 'k', f: () => 1 } as Source, 'passed', 'threw');
    expect(await object.watch()).toMatchObject({ value: { totals: { seen: sources.length, uninspected: 1 } } });
  });

  it('name an argument that no object takes, before anything is sent', async () => {
    const th = shardedTracehound(namespaceOf(await wake(Ticking)), { ...settings, clock, shards: 1 });
    const [shard] = th.shards as unknown as [Record<string, (...of: unknown[]) => Promise<unknown>>];
    await expect(shard.find!(() => 1)).rejects.toThrow('object.find id: wrong kind, expected a string, got a function');
    await expect(shard.block!('k', '5')).rejects.toThrow(
      'object.block ms: wrong kind, expected a number, got a string',
    );
    await expect(shard.unblock!('k', { actor: 5 })).rejects.toThrow('who.actor: wrong kind, expected a string, got 5');
    await expect(shard.intercept!(5)).rejects.toMatchObject({ code: 'SCENT_INVALID' });
  });
});
