/**
 * Guards runtimes/cloudflare/object.ts: whoever holds the binding can call the calls, with anything, and nothing else; the
 * secret stays inside. The platform's class is replaced by an empty one; test/wide has the real one.
 */
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { CALL_NAMES, type CallName } from '../../../runtimes/cloudflare/rpc';
import { sqliteStorage } from '../../lab/sqlite';

vi.mock('cloudflare:workers', () => ({
  DurableObject: class {},
}));
const { TracehoundObject } = await import('../../../runtimes/cloudflare/object');

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

async function wake<Class extends (typeof CLASSES)[number]>(Made: Class): Promise<InstanceType<Class>> {
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
    const own = Made === WithMethod ? ['forget'] : [];
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

  it('has methods of its class, which act as ours do', async () => {
    const object = await wake(WithMethod);
    for (let i = 0; i < 1_001; i++) await object.charge('192.0.2.1');
    expect(await object.peek('192.0.2.1')).toMatchObject({ value: { allowed: false } });
    await object.forget('192.0.2.1');
    expect(await object.peek('192.0.2.1')).toMatchObject({ value: { allowed: true } });
  });
});
