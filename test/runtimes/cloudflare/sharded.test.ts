/**
 * Guards the Worker's side of the objects: one place for all spellings of a source, what is asked where, and what becomes
 * of a request whose object does not answer. The objects here are instances behind a door; test/wide has the real ones.
 *
 * Files: `runtimes/cloudflare/sharded.ts`, `runtimes/cloudflare/blocks.ts`.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { answered } from '../../../runtimes/cloudflare/rpc';
import { type ShardedOptions, shardedTracehound } from '../../../runtimes/cloudflare/sharded';
import { createTracehound } from '../../../runtimes/node/index';
import { tracehound } from '../../../src/adapters/fetch';
import { TracehoundError } from '../../../src/index';
import { placeOf } from '../../../src/instance/place';
import type { InterceptResult, Scent, Source, Tracehound } from '../../../src/types/index';

beforeEach(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}));
afterEach(() => void vi.restoreAllMocks());

const secret = new Uint8Array(32).fill(3);
const instance = { secret, rateLimit: { limit: 3, windowMs: 60_000, maxSources: 64 } };
const settings = { ...instance, shards: 4 };

/** A namespace whose objects are instances in this process. `fail` decides what becomes of a call. */
function namespace(fail: (call: string, name: string) => unknown = () => undefined) {
  const objects = new Map<string, Tracehound>();
  const calls: string[] = [];
  const told = async (work: () => unknown) => structuredClone(await answered(work));
  const object = (name: string): Tracehound => {
    const made = objects.get(name) ?? createTracehound(instance);
    objects.set(name, made);
    return made;
  };
  const stub = (name: string) =>
    new Proxy(
      {},
      {
        get:
          (_, call: string) =>
          async (...args: unknown[]) => {
            calls.push(`${call} ${name}`);
            const fault = fail(call, name);
            if (fault instanceof Promise) return fault;
            if (fault !== undefined) throw fault;
            const th = object(name);
            const doors: Record<string, () => unknown> = {
              charge: () => th.http.limits.charge(args[0] as Source, args[1] as 'refused'),
              intercept: async () => {
                const result = await th.interceptAsync(structuredClone(args[0]) as Scent);
                if (result.status === 'error') throw result.error;
                return result;
              },
              uninspected: () => th.http.counters.uninspected(args[0] as Source, 'passed', 'threw'),
              find: () => th.quarantine.find(args[0] as string),
              block: () => th.rateLimiter.block(args[0] as Source, args[1] as number),
              unblock: () => th.rateLimiter.unblock(args[0] as Source),
            };
            return told(doors[call] as () => unknown);
          },
      },
    );
  return { objects, calls, idFromName: (name: string) => name, get: (name: string) => stub(name) };
}

const make = (objects: ReturnType<typeof namespace>, more: Partial<ShardedOptions> = {}) =>
  shardedTracehound(objects, { ...settings, ...more } as ShardedOptions);
const threat = (source: Source): Scent => ({
  source,
  payload: 'attack',
  threat: { category: 'sqli', severity: 'high' },
});
const evidenceOf = (result: InterceptResult) => {
  if (result.status !== 'quarantined' && result.status !== 'duplicate') throw new Error(result.status);
  return result.evidence;
};

describe('objects that answer', () => {
  it('limit a source together, whoever asks, in one object', async () => {
    const objects = namespace();
    const isolates = [make(objects), make(objects), make(objects)];
    const rates = [];
    for (const th of [...isolates, ...isolates]) rates.push(await th.http.limits.charge('192.0.2.1'));
    expect(rates.map((rate) => rate?.allowed)).toEqual([true, true, true, false, false, false]);
    expect(new Set(objects.calls).size).toBe(1);
    const others = Array.from({ length: 64 }, (_, i) => `198.51.100.${i}`);
    for (const source of others) await isolates[0]!.http.limits.charge(source);
    expect(objects.objects.size).toBe(4);
  });

  it('hold evidence that any isolate finds by id and by trace id', async () => {
    const objects = namespace();
    const [here, there] = [make(objects), make(objects)];
    const evidence = evidenceOf(await here.interceptAsync(threat('192.0.2.1')));
    expect(here.quarantine.stats.count).toBe(0);
    const found = await there.find(there.http.keys.traceId(evidence.id));
    expect(found?.evidence).toEqual(evidence);
    expect(found?.shard).toBe(there.shardOf('192.0.2.1'));
    expect(await there.find('0'.repeat(48))).toBeUndefined();
    expect(evidenceOf(await there.interceptAsync(threat('192.0.2.1'))).seen).toBe(2);
  });

  it('serve adapters: 200, 403, 429, and who failed is written down', async () => {
    const objects = namespace();
    const guarded = tracehound(make(objects), {
      source: () => '192.0.2.1',
      detect: (request) => {
        if (request.url.endsWith('/throws')) throw new Error('detector');
        return request.url.endsWith('/bad') ? { category: 'xss', severity: 'low' } : undefined;
      },
    })(() => new Response('hello'));
    const ask = (path: string) => guarded(new Request(`https://example.com${path}`));
    const first = await ask('/');
    expect(first.headers.get('ratelimit')).toContain('r=2');
    const statuses = [first.status, (await ask('/bad')).status, (await ask('/throws')).status, (await ask('/')).status];
    expect(statuses).toEqual([200, 403, 200, 429]);
    expect(objects.calls.filter((call) => call.startsWith('uninspected'))).toHaveLength(1);
  });

  it('are not asked about limits when there are none', async () => {
    const objects = namespace();
    const th = make(objects, { rateLimit: false });
    expect(await th.http.limits.charge('192.0.2.1')).toBeUndefined();
    expect(objects.calls).toEqual([]);
  });

  it('say what was wrong with a scent as the instance would', async () => {
    const th = make(namespace());
    const result = await th.interceptAsync(5 as never);
    expect(result).toMatchObject({ status: 'error', error: { code: 'SCENT_INVALID' } });
    expect((result as { error: unknown }).error).toBeInstanceOf(TracehoundError);
  });

  it('block and unblock; an isolate believes a block for a minute at most', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      const objects = namespace();
      const th = make(objects);
      await th.block('192.0.2.1', 3_600_000);
      expect(await th.http.limits.charge('192.0.2.1')).toMatchObject({ allowed: false, blocked: true });
      const asked = objects.calls.length;
      expect(await th.http.limits.charge('192.0.2.1')).toMatchObject({ allowed: false, blocked: true });
      expect(objects.calls.length).toBe(asked);
      vi.setSystemTime(Date.now() + 60_001);
      expect(await th.http.limits.charge('192.0.2.1')).toMatchObject({ allowed: false, blocked: true });
      expect(objects.calls.length).toBe(asked + 1);
      expect(await th.unblock('192.0.2.1')).toBe(true);
      expect(await th.http.limits.charge('192.0.2.1')).toMatchObject({ allowed: true });
    } finally {
      vi.useRealTimers();
    }
  });

  it('need not be asked about a source that the list of blocks names', async () => {
    const objects = namespace();
    const entries = new Map<string, string>();
    const asked: unknown[] = [];
    const blocks = {
      get: async (key: string, options?: unknown) => {
        asked.push(options);
        return entries.get(key) ?? null;
      },
      put: async () => {},
      delete: async () => {},
    };
    const th = make(objects, { blocks });
    const place = Buffer.from(placeOf(th, '192.0.2.1', 56)).toString('hex');
    entries.set(place, String(Date.now() + 5_000));
    expect(await th.http.limits.charge('192.0.2.1')).toMatchObject({ allowed: false, blocked: true });
    expect(objects.calls).toEqual([]);
    expect(asked).toEqual([{ cacheTtl: 60 }]);
    for (const said of ['nonsense', String(Date.now() - 1), '-Infinity', '']) {
      entries.set(place.replace(/^../, '00'), said);
      entries.set(Buffer.from(placeOf(th, '192.0.2.2', 56)).toString('hex'), said);
      expect(await th.http.limits.charge({ address: '192.0.2.2' })).toMatchObject({ blocked: false });
    }
    // A list that is gone is no list.
    for (const get of [() => Promise.reject(new Error('kv')), () => new Promise<never>(() => {})]) {
      const broken = make(objects, { blocks: { ...blocks, get }, timeoutMs: 50 });
      expect(await broken.http.limits.charge('192.0.2.9')).toMatchObject({ allowed: true, degraded: false });
    }
  });
});

describe('an object that does not answer', () => {
  const gone = () => namespace(() => new Error('gone'));

  it('leaves its sources to the isolate, which says so', async () => {
    const th = make(gone());
    const rates = [];
    for (let i = 0; i < 4; i++) rates.push(await th.http.limits.charge('192.0.2.1'));
    expect(rates.map((rate) => [rate?.allowed, rate?.degraded])).toEqual([
      ...Array.from({ length: 3 }, () => [true, true]),
      [false, true],
    ]);
    expect(console.warn).toHaveBeenCalledTimes(3); // The 1st, 2nd and 4th of four.
  });

  it('costs no evidence: the isolate keeps it, and the request is refused', async () => {
    const th = make(gone());
    const guarded = tracehound(th, { detect: () => ({ category: 'xss', severity: 'low' }), source: () => '192.0.2.1' });
    const answer = await guarded(() => new Response('hello'))(new Request('https://example.com/'));
    expect(answer.status).toBe(403);
    expect(th.quarantine.stats.count).toBe(1);
  });

  it('hides no evidence that another holds, and may hide its own', async () => {
    let isGone = '';
    const objects = namespace((_, name) => (name === isGone ? new Error('gone') : undefined));
    const th = make(objects);
    const { id } = evidenceOf(await th.interceptAsync(threat('192.0.2.1')));
    const home = objects.calls.at(-1)!.split(' ')[1]!;
    isGone = home === 'tracehound-0' ? 'tracehound-1' : 'tracehound-0';
    expect((await th.find(id))?.evidence.id).toBe(id);
    isGone = home;
    await expect(th.find(id)).rejects.toMatchObject({ code: 'SHARD_UNREACHABLE' });
  });

  it('may be made to fail requests instead', async () => {
    const options = { whenUnreachable: 'fail', failMode: 'closed' } as const;
    const closed = make(gone(), options);
    await expect(closed.http.limits.charge('192.0.2.1')).rejects.toMatchObject({
      code: 'SHARD_UNREACHABLE',
      recoverable: true,
    });
    const guarded = tracehound(closed, { detect: () => undefined, source: () => '192.0.2.1' });
    const answer = await guarded(() => new Response('hello'))(new Request('https://example.com/'));
    expect(answer.status).toBe(503);
  });

  it('is waited for as long as was said', async () => {
    const th = make(
      namespace(() => new Promise(() => {})),
      { timeoutMs: 5, whenUnreachable: 'fail' },
    );
    await expect(th.http.limits.charge('192.0.2.1')).rejects.toThrow('object.charge: late, expected an answer in time');
  });

  it('is asked once more where Cloudflare says that it may help, and only there', async () => {
    const once = (error: object) => {
      let failed = false;
      return namespace(() => {
        if (failed) return undefined;
        failed = true;
        return Object.assign(new Error('moved'), error);
      });
    };
    const moved = once({ retryable: true });
    expect(await make(moved).http.limits.charge('192.0.2.1')).toMatchObject({ allowed: true, degraded: false });
    expect(moved.calls).toHaveLength(2);
    for (const error of [{ retryable: true, overloaded: true }, {}]) {
      const busy = once(error);
      expect(await make(busy).http.limits.charge('192.0.2.1')).toMatchObject({ degraded: true });
      expect(busy.calls).toHaveLength(1);
    }
  });
});

describe('options', () => {
  it.each<[object, string]>([
    [{ secret: undefined }, 'secret: missing, expected the same ≥ 32 bytes in every isolate and object'],
    [{ shards: 0 }, 'shards: too small, expected an integer ≥ 1, got 0'],
    [{ timeoutMs: '5' }, 'timeoutMs: wrong kind, expected an integer from 1 to 60000 (ms)'],
    [{ whenUnreachable: 'open' }, "whenUnreachable: unknown, expected 'local' or 'fail'"],
    [{ blocks: {} }, 'blocks.get: wrong kind, expected a function'],
    [{ shard: 4 }, 'shard: no such option'],
  ])('are checked: %j', (more, message) => {
    expect(() => make(namespace(), more as ShardedOptions)).toThrow(message);
  });

  it('need a namespace', () => {
    expect(() => shardedTracehound(undefined as never, settings as ShardedOptions)).toThrow(
      'namespace: wrong kind, expected the binding of a Durable Object',
    );
  });
});
