/**
 * Guards what only Fastly has: its rate counter and penalty box in the place of our limiter, called approximate wherever they
 * speak, and keys from its stores. In its own engine: test/engines/fastly-data.test.ts.
 *
 * Files: `runtimes/fastly/edge-rate-limit.ts`, `runtimes/fastly/keys.ts`.
 */
import { describe, expect, it } from 'vitest';
import {
  createTracehound,
  type EdgeRateLimitOptions,
  edgeRateLimit,
  fastly,
  secretFrom,
  settingFrom,
  signerFrom,
} from '../../runtimes/fastly/index';
import { tracehound } from '../../src/adapters/fetch';
import { parseNote, parseVerifierKey } from '../../src/formats/note';
import { generateKey, signNote } from '../../src/signers/index';
import type { Source, TracehoundOptions } from '../../src/types/index';
import { checkNote } from '../../src/verify/signature';

/** A counter and a box that are exact, and a rate that is whatever the counter holds. */
function edge(options: Partial<EdgeRateLimitOptions> = {}) {
  const counts = new Map<string, number>();
  const boxed = new Map<string, number>();
  const limiter = edgeRateLimit({
    counter: {
      increment: (entry, delta) => counts.set(entry, (counts.get(entry) ?? 0) + delta),
      lookupRate: (entry) => counts.get(entry) ?? 0,
      lookupCount: (entry) => counts.get(entry) ?? 0,
    },
    penaltyBox: { add: (entry, minutes) => boxed.set(entry, minutes), has: (entry) => boxed.has(entry) },
    limitPerSecond: 10,
    windowSeconds: 1,
    ...options,
  });
  return { limiter, counts, boxed };
}

const event = { client: { address: '192.0.2.1' } };

function guarded(options: TracehoundOptions & { shadow?: boolean } = {}) {
  const { shadow = false, ...given } = options;
  const { limiter, counts, boxed } = edge();
  const th = createTracehound({ rateLimit: limiter, ...given });
  const detect = ({ url }: Request) =>
    url.endsWith('/attack') ? ({ category: 'sqli', severity: 'high' } as const) : undefined;
  const handler = tracehound(th, { detect, shadow })((_request, _event: unknown) => new Response('hello'));
  const ask = (path = '/', who: unknown = event): Promise<Response> =>
    handler(new Request(`https://shop.example${path}`), who);
  const limitedRecords = () =>
    th.audit.export().records.flatMap((record) => {
      const view = new DataView(record.buffer, record.byteOffset, record.length);
      const [kind, reason, flags, disposition, count] = [
        record[1],
        record[3],
        view.getUint16(4),
        record[6],
        view.getUint32(44),
      ];
      return kind === 19 ? [{ reason, flags, disposition, count }] : [];
    });
  return { th, ask, counts, boxed, limitedRecords };
}

describe('edgeRateLimit', () => {
  it('lets a source pass while its rate is within the limit, then keeps it out', async () => {
    const { ask, boxed } = guarded();
    const statuses: number[] = [];
    for (let i = 0; i < 14; i++) statuses.push((await ask()).status);
    expect(statuses).toEqual([...Array(10).fill(200), ...Array(4).fill(429)]);
    expect([...boxed]).toEqual([['a:c0000201', 2]]);
    expect((await ask('/', { client: { address: '192.0.2.2' } })).status).toBe(200);
  });

  it.each([1, 10, 60] as const)('asks for what was used in a window of %i s', (windowSeconds) => {
    const { limiter } = edge({ windowSeconds, limitPerSecond: 20 });
    const limit = 20 * windowSeconds;
    const answers = Array.from({ length: limit + 1 }, () => limiter.charge('a'));
    expect(answers[0]).toEqual({
      ...{
        allowed: true,
        blocked: false,
        limit,
        remaining: limit - 1,
        resetMs: windowSeconds * 1_000,
        retryAfterMs: 0,
      },
      ...{ degraded: false, approximate: true },
    });
    expect(answers.at(-2)).toMatchObject({ allowed: true, remaining: 0 });
    expect(answers.at(-1)).toMatchObject({ allowed: false, blocked: true, remaining: 0, retryAfterMs: 120_000 });
  });

  it('says in every answer that its numbers are approximate', async () => {
    const { ask } = guarded();
    const passed = await ask();
    expect(passed.headers.get('ratelimit-policy')).toMatch(/^"approximate";q=10;w=1;pk=:[\w+/=]+:$/);
    expect(passed.headers.get('ratelimit')).toMatch(/^"approximate";r=9;t=1;pk=:/);
    for (let i = 0; i < 10; i++) await ask();
    const refused = await ask();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '120']);
    expect(await refused.json()).toMatchObject({
      title: 'Abnormal usage detected',
      'violated-policies': ['approximate'],
    });
    expect(refused.headers.get('ratelimit')).toMatch(/^"approximate";r=0;t=1;pk=:/);
    const result = await createTracehound({ rateLimit: false }).interceptAsync({
      source: 'a',
      rate: edge().limiter.charge('a'),
    });
    expect(result).toMatchObject({ status: 'clean', rate: { approximate: true, degraded: false } });
  });

  it('is asked before everything else, and its refusals are records, folded', async () => {
    const { th, ask, limitedRecords } = guarded();
    for (let i = 0; i < 10; i++) await ask();
    for (let i = 0; i < 8; i++) expect((await ask('/attack')).status).toBe(429);
    // Over the window once, then in the box: 1, 2, 4, 8 events, each record with those since the last. Flag: degraded.
    expect(limitedRecords()).toEqual([1, 1, 2, 4].map((count) => ({ reason: 2, flags: 32, disposition: 1, count })));
    expect(th.watcher.snapshot().totals).toMatchObject({
      seen: 18,
      flagged: 0,
      byStatus: { clean: 10, rate_limited: 8 },
    });
  });

  it('counts what passed and was flagged as seen, once', async () => {
    const { th, ask } = guarded();
    expect((await ask('/attack')).status).toBe(403);
    expect(th.watcher.snapshot().totals).toMatchObject({ seen: 1, flagged: 1, byStatus: { quarantined: 1 } });
  });

  it('records what it would have refused as observed in shadow mode', async () => {
    const { ask, limitedRecords } = guarded({ shadow: true });
    for (let i = 0; i < 11; i++) {
      const answer = await ask();
      expect([answer.status, answer.headers.has('ratelimit')]).toEqual([200, false]);
    }
    expect(limitedRecords()).toEqual([{ reason: 2, flags: 32, disposition: 2, count: 1 }]);
  });

  it.each(['open', 'closed'] as const)('that fails is a failure of ours: failMode %s', async (failMode) => {
    const fail = (): never => {
      throw new Error('counter: no such resource');
    };
    const limiter = edge({ penaltyBox: { add: fail, has: fail } }).limiter;
    const th = createTracehound({ rateLimit: limiter, failMode });
    const detect = ({ url }: Request) =>
      url.endsWith('/attack') ? { category: 'a', severity: 'low' as const } : undefined;
    const handler = tracehound(th, { detect })((_request, _event: unknown) => new Response('hello'));
    const ask = async (path: string) => (await handler(new Request(`https://shop.example${path}`), event)).status;
    expect([await ask('/'), await ask('/attack')]).toEqual(failMode === 'open' ? [200, 403] : [503, 503]);
  });

  it('is written into GENESIS with its limits, as approximate', () => {
    const th = createTracehound({ rateLimit: edge().limiter });
    th.intercept({ source: 'a' });
    const genesis = JSON.parse(new TextDecoder().decode(th.audit.export().details[0]!)) as { config: object };
    expect(genesis.config).toMatchObject({ rateLimit: { approximate: true, limit: 10, windowMs: 1_000 } });
    expect(() => th.rateLimiter.check('a')).toThrow('switched off');
  });

  it('counts one source as one entry, however it is spelt', () => {
    const entries: [Source, string][] = [
      ['192.0.2.1', 'a:c0000201'],
      [{ address: '192.0.2.1:443' }, 'a:c0000201'],
      ['::ffff:192.0.2.1', 'a:c0000201'],
      ['2001:db8:1:2ff::1', 'a:20010db8000102000000000000000000'],
      ['[2001:db8:1:203::9]:80', 'a:20010db8000102000000000000000000'],
      [{ key: '192.0.2.1' }, 'k:192.0.2.1'],
      ['tenant', 'k:tenant'],
      ['', 'unknown'],
      [{ address: 'nobody' }, 'unknown'],
      [{ key: 'k'.repeat(254) }, `k:${'k'.repeat(254)}`],
    ];
    for (const [source, entry] of entries) {
      const { limiter, counts } = edge();
      limiter.charge(source);
      expect([...counts.keys()], JSON.stringify(source)).toEqual([entry]);
    }
    const { limiter, counts } = edge();
    limiter.charge({ key: 'k'.repeat(255) });
    limiter.charge({ key: '€'.repeat(90) });
    for (const entry of counts.keys()) expect(entry).toMatch(/^h:[0-9a-f]{64}$/);
    expect(counts.size).toBe(2);
  });

  it('refuses numbers that Fastly would not take', () => {
    const wrong: [Partial<Record<keyof EdgeRateLimitOptions, unknown>>, ErrorConstructor][] = [
      [{ counter: undefined }, TypeError],
      [{ penaltyBox: {} }, TypeError],
      [{ limitPerSecond: '10' }, TypeError],
      [{ limitPerSecond: 9 }, RangeError],
      [{ limitPerSecond: 10_001 }, RangeError],
      [{ limitPerSecond: 10.5 }, RangeError],
      [{ windowSeconds: 30 }, RangeError],
      [{ blockMinutes: 0 }, RangeError],
      [{ blockMinutes: 61 }, RangeError],
      [{ ipv6Prefix: 0 }, RangeError],
    ];
    for (const [options, kind] of wrong)
      expect(() => edge(options as EdgeRateLimitOptions), JSON.stringify(options)).toThrow(kind);
    const charge = () => edge().limiter.charge('a');
    for (const [rateLimit, said] of [
      [{ charge }, 'rateLimit.limit: wrong kind'],
      [{ charge, limit: 10 }, 'rateLimit.windowMs: wrong kind'],
      [{ charge: 1, limit: 10, windowMs: 1 }, 'rateLimit.charge: wrong kind'],
      [{ charge, limit: 10, windowMs: 1, blockMs: 1 }, 'rateLimit.blockMs: of another limiter'],
    ] as const) {
      expect(() => createTracehound({ rateLimit } as unknown as TracehoundOptions)).toThrow(said);
    }
  });
});

describe('keys from the stores of Fastly', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => i * i * 37 + 5);
  const hex = Buffer.from(bytes).toString('hex');
  const store = (entries: Record<string, string | Uint8Array>) => ({
    get: async (name: string) => {
      const value = entries[name];
      if (value === undefined) return null;
      const raw = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      return { plaintext: () => new TextDecoder().decode(raw), rawBytes: () => raw };
    },
  });

  it('secretFrom takes hex, base64, and bytes as they are', async () => {
    const base64 = Buffer.from(bytes).toString('base64');
    for (const value of [hex, hex.toUpperCase(), `${hex}\n`, base64, ` ${base64}\r\n`, bytes]) {
      expect(await secretFrom(store({ secret: value }), 'secret')).toEqual(bytes);
    }
    for (const value of ['', 'correct horse battery staple', hex.slice(2), base64.slice(4), bytes.subarray(1)]) {
      const refused = await secretFrom(store({ secret: value }), 'secret').catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(RangeError);
      if (typeof value === 'string' && value !== '') expect(String(refused)).not.toContain(value.slice(0, 8));
    }
  });

  it('signerFrom takes a private key as text', async () => {
    const { skey, vkey } = await generateKey('example.com/deployment');
    expect((await signerFrom(store({ key: `${skey}\n` }), 'key')).vkey).toBe(vkey);
    const p256 = await generateKey('example.com/deployment', 'P-256');
    const signer = await signerFrom(store({ key: p256.skey }), 'key');
    expect([signer.name, signer.vkey]).toEqual(['example.com/deployment', p256.vkey]);
    const note = await signNote('text\n', [signer]);
    expect(await checkNote(parseNote(note), parseVerifierKey(p256.vkey))).toBe('good');
    const [head, id, ...rest] = p256.skey.split('+').slice(2) as [string, string, ...string[]];
    const other = ['PRIVATE', 'KEY', head, id === '00000000' ? '11111111' : '00000000', ...rest].join('+');
    await expect(signerFrom(store({ key: other }), 'key')).rejects.toMatchObject({ code: 'NOTE_INVALID' });
    await expect(signerFrom(store({ key: hex }), 'key')).rejects.toMatchObject({ code: 'NOTE_INVALID' });
  });

  it('says what is missing, and what failed', async () => {
    const cause = new TypeError('no');
    const failing = { get: () => Promise.reject(cause) };
    for (const read of [secretFrom, signerFrom]) {
      await expect(read(store({}), 'secret')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(read(failing, 'secret')).rejects.toMatchObject({ code: 'RUNTIME_FAILED', cause });
    }
    const config = { get: (name: string) => (name === 'vkey' ? 'a+b+c' : null) };
    expect(settingFrom(config, 'vkey')).toBe('a+b+c');
    expect(() => settingFrom(config, 'policy')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    const broken = () => {
      throw cause;
    };
    expect(() => settingFrom({ get: broken }, 'vkey')).toThrow(expect.objectContaining({ code: 'RUNTIME_FAILED' }));
  });
});

it('Fastly hashes elsewhere what is longer than two blocks', () => {
  expect(fastly.asyncDigestBytes).toBe(128);
});
