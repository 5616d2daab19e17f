/** Guards src/http/guard.ts: the order of the five steps, and that no failure of anybody lets a flagged request pass. */

import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Facts } from '../../../src/http/facts';
import { type GuardOptions, guard, type Outcome, type Visit } from '../../../src/http/guard';
import type { Heard, InterceptResult, Signals, Source, ThreatSignal } from '../../../src/types/index';
import { type Fake, type FakeOptions, fakeTracehound } from '../../lab/fake-tracehound';

const threat: ThreatSignal = { category: 'sqli', severity: 'high' };
type Options = GuardOptions<string>;

function facts(over: Partial<Facts> = {}): Facts {
  return {
    method: 'GET',
    url: 'http://shop.example/',
    headers: new Headers({ host: 'shop.example' }),
    body: () => null,
    ...over,
  };
}

interface Room {
  fake: Fake;
  ask(over?: Partial<Visit<string>>): Promise<Outcome>;
}

function room(options: Partial<Options> = {}, fakeOptions: FakeOptions = {}): Room {
  const fake = fakeTracehound(fakeOptions);
  const decide = guard<string>(fake.th, { detect: () => undefined, ...options });
  return {
    fake,
    ask: (over = {}) =>
      decide({ context: 'c', request: 'request', platform: 'platform', facts: () => facts(), ...over }),
  };
}

const status = (outcome: Outcome): number | undefined => outcome.response?.status;
const boom = (): never => {
  throw new Error('boom');
};

afterEach(() => {
  vi.useRealTimers();
});

describe('step 1: the source', () => {
  test('is read once and before anything else, from the option, else from the runtime', async () => {
    const order: string[] = [];
    const { fake, ask } = room({
      source: (c) => {
        order.push(`source ${c}`);
        return '198.51.100.7';
      },
      skip: () => {
        order.push('skip');
        return false;
      },
      detect: () => {
        order.push('detect');
        return undefined;
      },
    });
    const asked = ask();
    expect(order[0]).toBe('source c'); // before the first await
    await asked;
    expect(order).toEqual(['source c', 'skip', 'detect']);
    expect(fake.charges).toEqual(['198.51.100.7']);
    expect(fake.asked).toEqual([]);

    const other = room({ source: () => undefined });
    await other.ask();
    expect(other.fake.charges).toEqual(['192.0.2.1']);
    expect(other.fake.asked).toEqual([['request', 'platform']]);
  });

  test('that comes as a promise refuses the request, says so, and is nobody’s unhandled rejection', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const late = [async () => '198.51.100.7', () => Promise.reject(new Error('boom')), () => new Promise(() => {})];
    for (const source of late as never[]) {
      const detect = vi.fn();
      const { fake, ask } = room({ source, detect });
      expect(status(await ask())).toBe(503);
      expect(detect).not.toHaveBeenCalled();
      expect(fake.charges).toEqual([]);
      expect(fake.uninspected).toEqual([['192.0.2.1', 'refused', 'threw']]);
      expect(fake.reported.map(String)).toEqual([
        'TypeError: source: answers later, expected an answer at once, got a promise',
      ]);
      const shadow = room({ source, shadow: true });
      expect(status(await shadow.ask())).toBe(undefined);
      expect(shadow.fake.charges).toEqual(['192.0.2.1']);
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('that is missing or fails is limited with all unknown clients, never passed unlimited', async () => {
    const wrong: [Options['source'], FakeOptions][] = [
      [() => undefined, { source: undefined }],
      [boom, { source: undefined }],
      [() => '', { source: '192.0.2.1' }],
      [(() => null) as never, { source: null as never }],
    ];
    for (const [source, options] of wrong) {
      const { fake, ask } = room(source === undefined ? {} : { source }, { ...options, limit: 2 });
      const answers = [await ask(), await ask(), await ask()].map(status);
      expect(answers).toEqual([undefined, undefined, 429]);
      expect(fake.charges).toEqual(['', '', '']);
    }
    const broken = room({ source: boom });
    broken.fake.broken.add('source');
    await broken.ask();
    expect(broken.fake.charges).toEqual(['']);
    expect(broken.fake.reported.map(String)).toEqual(['Error: boom', 'TracehoundError: fake: source is broken']);
  });

  test('that the option cannot give falls back to the runtime’s', async () => {
    const { fake, ask } = room({ source: boom });
    await ask();
    expect(fake.charges).toEqual(['192.0.2.1']);
  });
});

describe('step 3: the charge', () => {
  test('exactly the limit passes, then 429 and nothing else runs', async () => {
    const detect = vi.fn();
    const skip = vi.fn(() => false);
    const allow = vi.fn(() => false);
    const { fake, ask } = room({ detect, skip, allow }, { limit: 5 });
    const answers: (number | undefined)[] = [];
    for (let index = 0; index < 9; index++) answers.push(status(await ask()));
    expect(answers).toEqual([...Array(5).fill(undefined), 429, 429, 429, 429]);
    // What exempts is asked of everybody, refused or not; what inspects only of who may spend.
    expect([detect, skip, allow].map((one) => one.mock.calls.length)).toEqual([5, 9, 9]);
    expect(fake.scents).toEqual([]);
    expect(fake.charges).toHaveLength(9);
  });

  test('refused says when to come back, and under a block says so', async () => {
    const { fake, ask } = room({}, { limit: 1, windowMs: 60_000 });
    fake.now = 500;
    await ask();
    const over = await ask();
    expect(over.response?.headers.get('retry-after')).toBe('60');
    expect(over.response?.headers.get('ratelimit')).toMatch(/^"default";r=0;t=60;pk=:[\w+/]{11}=:$/);
    expect(over.result).toMatchObject({ status: 'rate_limited', blocked: false, retryAfterMs: 59_500 });
    fake.blocked.add('192.0.2.1');
    const blocked = await ask();
    expect(await blocked.response?.json()).toMatchObject({ type: expect.stringContaining('abnormal-usage-detected') });
    expect(blocked.result).toMatchObject({ status: 'rate_limited', blocked: true });
  });

  test('that fails: open passes and counts, closed refuses with 503', async () => {
    const open = room();
    open.fake.broken.add('charge');
    expect(await open.ask()).toMatchObject({ fields: [], result: { status: 'clean' } });
    expect(open.fake.counts).toMatchObject({ failedOpen: 1, passed: 1 });

    const detect = vi.fn();
    const closed = room({ detect }, { failMode: 'closed' });
    closed.fake.broken.add('charge');
    const refused = await closed.ask();
    expect(status(refused)).toBe(503);
    expect(refused.result).toMatchObject({ status: 'error', error: { code: 'CORE_DOWN' } });
    expect(detect).not.toHaveBeenCalled();
  });

  test('that fails open still refuses what is flagged, and does not count it as passed', async () => {
    const { fake, ask } = room({ detect: () => threat });
    fake.broken.add('charge');
    expect(status(await ask())).toBe(403);
    expect(fake.scents[0]).not.toHaveProperty('rate');
    expect(fake.counts.failedOpen).toBe(0);
  });

  test('that fails with something that is no TracehoundError is an error with its cause', async () => {
    const { fake, ask } = room({}, { failMode: 'closed' });
    (fake.th.http.limits as { charge: unknown }).charge = boom;
    const { result } = await ask();
    expect(result).toMatchObject({ status: 'error', error: { code: 'RUNTIME_FAILED', cause: { message: 'boom' } } });
  });

  test('is made once when a receipt is there already', async () => {
    const { fake, ask } = room({ detect: () => threat });
    const receipt = fake.th.http.limits.charge('192.0.2.1');
    const outcome = await ask({ receipt });
    expect(fake.charges).toHaveLength(1);
    expect(fake.scents[0]?.rate).toBe(receipt);
    expect(outcome.fields).toEqual([]);
    expect(status(await ask({ receipt: { ...receipt, allowed: false } as never }))).toBe(429);
  });

  test('with rateLimit off there is neither rate nor field', async () => {
    const { fake, ask } = room({}, { unlimited: true });
    expect(await ask()).toEqual({ rate: undefined, fields: [], result: { status: 'clean' } });
    const flagged = room({ detect: () => threat }, { unlimited: true });
    const { response } = await flagged.ask();
    expect(response?.headers.has('ratelimit')).toBe(false);
    expect(fake.scents).toEqual([]);
  });
});

describe('RateLimit fields', () => {
  test('are on every answer that has a rate, unless switched off', async () => {
    const passed = await room().ask();
    expect(passed.fields.map(([name]) => name)).toEqual(['RateLimit-Policy', 'RateLimit']);
    const refused = await room({ detect: () => threat }).ask();
    expect(refused.response?.headers.get('ratelimit')).toMatch(/^"default";r=99;t=60;pk=:/);
    const failing = await room({ detect: boom, onDetectorFailure: 'refuse' }).ask();
    expect(failing.response?.headers.get('ratelimit-policy')).toMatch(/^"default";q=100;w=60;pk=:/);
    expect((await room({ headers: false }).ask()).fields).toEqual([]);
  });

  test('go without a partition key when that fails', async () => {
    const { fake, ask } = room();
    fake.broken.add('partition');
    expect((await ask()).fields[1]?.[1]).toBe('"default";r=99;t=60');
  });
});

describe('step 2: skip and allow', () => {
  test('exempt means exempt: never charged, never refused, never inspected, whatever the source has spent', async () => {
    const rules: [keyof Options, 'skipped' | 'allowed'][] = [
      ['skip', 'skipped'],
      ['allow', 'allowed'],
    ];
    for (const [rule, counted] of rules) {
      for (const yes of [() => true, async () => true]) {
        const detect = vi.fn(() => threat);
        const { fake, ask } = room({ [rule]: yes, detect }, { limit: 1 });
        fake.blocked.add('192.0.2.1');
        for (let index = 0; index < 20; index++) {
          const outcome = await ask();
          expect([outcome.response, outcome.result, outcome.rate]).toEqual([undefined, undefined, undefined]);
          expect(outcome.fields).toEqual([]);
        }
        expect(fake.counts).toEqual({ passed: 0, skipped: 0, allowed: 0, gone: 0, failedOpen: 0, [counted]: 20 });
        expect(fake.charges).toEqual([]);
        expect(detect).not.toHaveBeenCalled();
      }
    }
  });

  test('a source that is blocked and not exempt is refused before any further function of the user runs', async () => {
    const order: string[] = [];
    const note = (name: string) => () => {
      order.push(name);
      return undefined;
    };
    const { fake, ask } = room({
      source: note('source'),
      skip: note('skip') as never,
      allow: note('allow') as never,
      detect: note('detect'),
      signals: [{ detector: 'd', secrets: [], read: () => ({ strip: [], threat: note('signals')() }) }],
    });
    fake.blocked.add('192.0.2.1');
    expect(status(await ask())).toBe(429);
    expect(order).toEqual(['source', 'skip', 'allow']);
  });

  test('the questions of one sender in flight are bounded: beyond it nobody is asked, and the request is charged', async () => {
    vi.useFakeTimers();
    const allow = vi.fn(() => new Promise<boolean>(() => {}));
    let address = 0;
    const { fake, ask } = room({ allow, source: () => `2001:db8::${(address++).toString(16)}` });
    const flood = Array.from({ length: 200 }, () => ask());
    await vi.advanceTimersByTimeAsync(999);
    expect([allow.mock.calls.length, fake.charges.length]).toEqual([64, 136]);
    address = 0x10000 * 0x100; // no address any more: another sender
    const other = ask();
    expect(allow.mock.calls.length).toBe(65);
    await vi.advanceTimersByTimeAsync(1_001);
    await Promise.all([...flood, other]);
    expect(fake.charges.length).toBe(201);
    address = 0;
    const again = ask();
    expect(allow.mock.calls.length).toBe(66);
    await vi.advanceTimersByTimeAsync(1_000);
    await again;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a request that a guard further outside charged is exempt as well, and counted once', async () => {
    const { fake, ask } = room({ skip: () => true });
    const receipt = fake.th.http.limits.charge('192.0.2.1');
    expect((await ask({ receipt })).rate).toBe(receipt);
    expect(fake.counts).toMatchObject({ passed: 1, skipped: 0 });
  });

  test('a skip or allow that fails, hangs or says something else leaves the request to the detector', async () => {
    vi.useFakeTimers();
    const odd: Partial<Options>[] = [
      { skip: boom },
      { skip: (() => 'yes') as never },
      { skip: () => Promise.reject(new Error('boom')) },
      { skip: (async () => 'yes') as never },
      { skip: () => new Promise<boolean>(() => {}) },
      { allow: boom },
      { allow: () => Promise.reject(new Error('boom')) },
      { allow: (() => 'yes') as never },
      { allow: () => new Promise<boolean>(() => {}) },
    ];
    for (const options of odd) {
      const { ask } = room({ ...options, detect: () => threat });
      const asked = ask();
      await vi.advanceTimersByTimeAsync(1_000);
      expect(status(await asked)).toBe(403);
    }
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('step 4: the detector', () => {
  test('that says nothing lets the request pass as clean', async () => {
    for (const said of [undefined, null, false] as const) {
      for (const detect of [() => said, async () => said]) {
        const { fake, ask } = room({ detect });
        const outcome = await ask();
        expect(outcome.response).toBe(undefined);
        expect(outcome.result).toMatchObject({ status: 'clean', rate: { allowed: true } });
        expect(fake.scents).toEqual([]);
      }
    }
  });

  test('that says anything else has flagged the request, however malformed', async () => {
    for (const said of [true, 0, 1, '', 'sqli', {}, [], () => {}, Symbol('x'), 1n, { category: 7 }] as never[]) {
      for (const detect of [() => said, async () => said]) {
        const { fake, ask } = room({ detect });
        expect(status(await ask())).toBe(403);
        expect(typeof fake.scents[0]?.threat).toBe('object');
      }
    }
    const { fake, ask } = room({ detect: () => threat });
    await ask();
    expect(fake.scents[0]?.threat).toBe(threat);
  });

  test('that throws is UNINSPECTED, and onDetectorFailure decides (default: as failMode)', async () => {
    const expected: [Partial<Options>, FakeOptions, number | undefined, string][] = [
      [{}, {}, undefined, 'passed'],
      [{}, { failMode: 'closed' }, 503, 'refused'],
      [{ onDetectorFailure: 'refuse' }, {}, 503, 'refused'],
      [{ onDetectorFailure: 'pass' }, { failMode: 'closed' }, undefined, 'passed'],
      [{ onDetectorFailure: 'refuse', shadow: true }, {}, undefined, 'observed'],
    ];
    for (const detect of [boom, () => Promise.reject(new Error('boom'))]) {
      for (const [options, fakeOptions, answer, disposition] of expected) {
        const { fake, ask } = room({ ...options, detect }, fakeOptions);
        const outcome = await ask();
        expect(status(outcome)).toBe(answer);
        expect(outcome.result).toBe(undefined);
        expect(fake.uninspected).toEqual([['192.0.2.1', disposition, 'threw']]);
        expect(fake.reported.map(String)).toEqual(['Error: boom']);
        expect(fake.counts.failedOpen).toBe(0);
      }
    }
  });

  test('that hangs is given up after the deadline, and what it says later is nobody’s', async () => {
    vi.useFakeTimers();
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    let late: (error: Error) => void = () => {};
    const { fake, ask } = room({
      detectTimeoutMs: 250,
      detect: () =>
        new Promise((_, reject) => {
          late = reject;
        }),
    });
    const asked = ask();
    await vi.advanceTimersByTimeAsync(249);
    expect(fake.uninspected).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(status(await asked)).toBe(undefined);
    expect(fake.uninspected).toEqual([['192.0.2.1', 'passed', 'timeout']]);
    late(new Error('late'));
    vi.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('that answers in time leaves no timer behind', async () => {
    vi.useFakeTimers();
    await room({ detect: async () => undefined }).ask();
    await room({ detect: () => Promise.reject(new Error('boom')) }).ask();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('whose failure cannot be recorded: failMode decides', async () => {
    const open = room({ detect: boom });
    open.fake.broken.add('uninspected');
    expect(status(await open.ask())).toBe(undefined);
    expect(open.fake.counts).toMatchObject({ failedOpen: 1, passed: 1 });
    const closed = room({ detect: boom, onDetectorFailure: 'pass' }, { failMode: 'closed' });
    closed.fake.broken.add('uninspected');
    const refused = await closed.ask();
    expect(status(refused)).toBe(503);
    expect(refused.result).toMatchObject({ status: 'error' });
    const shadow = room({ detect: boom, shadow: true }, { failMode: 'closed' });
    shadow.fake.broken.add('uninspected');
    expect(status(await shadow.ask())).toBe(undefined);
  });

  test('that a stranger can break does not fill the error log: the 1st, 2nd, 4th, 8th … failure is reported', async () => {
    const { fake, ask } = room({ detect: boom }, { limit: 1_000 });
    for (let index = 0; index < 1_000; index++) await ask();
    expect(fake.uninspected).toHaveLength(1_000);
    expect(fake.reported).toHaveLength(10);
  });
});

describe('step 5: the refusal', () => {
  const evidence = { id: 'an-id' } as never;
  const rate = {} as never;
  const results: InterceptResult[] = [
    { status: 'quarantined', rate, evidence },
    { status: 'duplicate', rate, evidence },
    { status: 'dropped', rate, id: 'an-id', reason: 'capacity' },
    { status: 'dropped', id: 'an-id', reason: 'invalid' },
    { status: 'payload_too_large', id: 'an-id', limit: 1, size: 2 },
    { status: 'error', error: new Error('x') as never },
    { status: 'clean' },
  ];

  test('is the same 403 whatever became of the evidence, but for the trace', async () => {
    const seen = new Set<string>();
    for (const intercept of [...results.map((result) => () => result), boom, () => Promise.reject(new Error('no'))]) {
      const { response } = await room({ detect: () => threat, headers: false }, { intercept }).ask();
      const answer = (await response?.text()) as string;
      const { trace } = JSON.parse(answer);
      expect(trace).toMatch(/^[0-9a-f]{48}$/);
      seen.add(JSON.stringify([response?.status, [...(response?.headers ?? [])], answer.replace(trace, '')]));
    }
    expect(seen.size).toBe(1);
  });

  test('survives every failure after the signal, together or one by one', async () => {
    const parts = ['redact', 'traceId', 'interceptAsync', 'partition', 'defer', 'count'];
    for (let mask = 0; mask < 1 << parts.length; mask++) {
      const { fake, ask } = room({ detect: () => threat, onResult: boom, onRefused: boom });
      for (const [index, part] of parts.entries()) if (mask & (1 << index)) fake.broken.add(part);
      const outcome = await ask({ facts: () => facts({ headers: new Headers({ cookie: 'a' }) }) });
      expect(status(outcome)).toBe(403);
      expect(await outcome.response?.json()).toMatchObject({ trace: expect.stringMatching(/^[0-9a-f]{48}$/) });
    }
  });

  test('hands over payload, fingerprint, receipt and what was cut', async () => {
    const { fake, ask } = room({ detect: () => threat });
    await ask();
    expect(fake.payload()).toMatch(/^GET \/ HTTP\/0\.0\r\nhost: shop\.example\r\nTracehound-Target: normalised\r\n/);
    expect(fake.payload()).toContain('Tracehound-Source: 192.0.2.1\r\nTracehound-Source-Derivation: runtime\r\n\r\n');
    expect(fake.scents[0]).toMatchObject({
      source: '192.0.2.1',
      disposition: 'refused',
      truncated: false,
      rate: { allowed: true },
    });
    expect(fake.scents[0]?.fingerprint).toBeInstanceOf(Uint8Array);
  });

  test('keeps the record of a threat even when the capture fails', async () => {
    const { fake, ask } = room({ detect: () => threat });
    const headers = new Proxy(new Headers(), { get: boom });
    let calls = 0;
    const outcome = await ask({ facts: () => (calls++ === 0 ? facts({ headers }) : facts()) });
    expect(status(outcome)).toBe(403);
    expect(fake.scents[0]).toEqual({
      source: '192.0.2.1',
      threat,
      disposition: 'refused',
      truncated: true,
      rate: outcome.rate,
    });
  });

  test('does not need the request to be readable at all', async () => {
    for (const options of [{ detect: () => threat }, { detect: boom, onDetectorFailure: 'refuse' as const }]) {
      const { response } = await room(options).ask({ facts: boom });
      expect([403, 503]).toContain(response?.status);
      expect(response?.headers.get('connection')).toBe('close');
    }
  });

  test('the same attack again is a duplicate', async () => {
    const { ask } = room({ detect: () => threat });
    expect((await ask()).result?.status).toBe('quarantined');
    expect((await ask()).result?.status).toBe('duplicate');
    expect((await ask({ facts: () => facts({ url: 'http://shop.example/b' }) })).result?.status).toBe('quarantined');
  });

  test('rate_limited without a receipt is still answered with 429', async () => {
    const intercept = (): InterceptResult => ({
      status: 'rate_limited',
      rate: {
        allowed: false,
        blocked: true,
        limit: 1,
        remaining: 0,
        resetMs: 1_500,
        retryAfterMs: 2_500,
        degraded: false,
      },
      retryAfterMs: 2_500,
      blocked: true,
    });
    const { response, rate: charged } = await room({ detect: () => threat }, { intercept }).ask();
    expect(response?.status).toBe(429);
    expect(response?.headers.get('retry-after')).toBe('3');
    expect(charged?.blocked).toBe(true);
  });

  test('reads no more than captureMax bodies at the same time', async () => {
    vi.useFakeTimers();
    const hanging = () =>
      new ReadableStream<Uint8Array>({ pull: () => new Promise<void>(() => {}) }, { highWaterMark: 0 });
    const headers = new Headers({ 'content-length': '9' });
    const { fake, ask } = room({ detect: () => threat, captureMax: 2 });
    const visit = { facts: () => facts({ method: 'POST', headers, body: hanging }) };
    const asked = [ask(visit), ask(visit), ask(visit)];
    expect(status(await (asked[2] as Promise<Outcome>))).toBe(403);
    expect(fake.payload(0)).toContain('Tracehound-Body-State: busy');
    await vi.advanceTimersByTimeAsync(2_000);
    await Promise.all(asked);
    expect(
      [fake.payload(1), fake.payload(2)].every((payload) => payload.includes('Tracehound-Body-State: timeout')),
    ).toBe(true);
    const later = ask(visit);
    await vi.advanceTimersByTimeAsync(2_000);
    await later;
    expect(fake.payload(3)).toContain('Tracehound-Body-State: timeout');
  });

  test('HEAD is answered without a body', async () => {
    const { response } = await room({ detect: () => threat }).ask({ facts: () => facts({ method: 'HEAD' }) });
    expect(response?.status).toBe(403);
    expect(response?.body).toBe(null);
  });

  test('closes an HTTP/1 connection exactly when a body may be left on it', async () => {
    const body = () => new Response('abc').body as ReadableStream<Uint8Array>;
    const long = () => new Response('x'.repeat(99_999)).body as ReadableStream<Uint8Array>;
    const sized = new Headers({ 'content-length': '3' });
    const closes = async (over: Partial<Facts>, options: Partial<Options> = { detect: () => threat }, limit = 100) => {
      const { ask } = room(options, { limit });
      if (limit === 1) await ask();
      const { response } = await ask({ facts: () => facts({ method: 'POST', version: '1.1', ...over }) });
      return response?.headers.get('connection') === 'close';
    };
    expect(await closes({ headers: sized, body })).toBe(false); // read to its end
    expect(await closes({ headers: sized, body: long })).toBe(true);
    expect(await closes({ headers: new Headers({ 'transfer-encoding': 'chunked' }), body: long })).toBe(true);
    expect(await closes({ headers: sized })).toBe(true); // a GET's body, hidden
    expect(await closes({ headers: new Headers({ 'content-length': '0' }) })).toBe(false);
    expect(await closes({})).toBe(false);
    expect(await closes({ headers: sized, body: long, version: '2.0' })).toBe(false);
    expect(await closes({ headers: sized, body: long, version: undefined })).toBe(false);
    expect(await closes({ headers: sized, body }, {}, 1)).toBe(true); // 429: not read
    expect(await closes({ headers: new Headers({ 'content-length': '0' }) }, {}, 1)).toBe(false);
    expect(await closes({}, {}, 1)).toBe(false);
    expect(await closes({ headers: sized, body }, { detect: boom, onDetectorFailure: 'refuse' })).toBe(true);
  });
});

describe('shadow', () => {
  test('changes no answer and records what it saw', async () => {
    const { fake, ask } = room({ detect: () => threat, shadow: true }, { limit: 2 });
    const first = await ask();
    expect(first).toMatchObject({
      fields: [],
      result: { status: 'quarantined', evidence: { disposition: 'observed' } },
    });
    expect(first.response).toBe(undefined);
    expect(first.body).toBe(undefined);
    await ask();
    const third = await ask();
    expect(third.response).toBe(undefined);
    expect(third.result?.status).toBe('rate_limited');
    expect(fake.scents.map((scent) => scent.disposition)).toEqual(['observed', 'observed']);
  });

  test('puts no fields on clean answers either', async () => {
    expect(await room({ shadow: true }).ask()).toMatchObject({ fields: [], result: { status: 'clean' } });
  });

  test('hands the whole body on', async () => {
    const content = 'x'.repeat(100_000);
    const { fake, ask } = room({ detect: () => threat, shadow: true });
    const outcome = await ask({
      facts: () => facts({ method: 'POST', body: () => new Response(content).body as ReadableStream<Uint8Array> }),
    });
    expect(fake.payload()).toMatch(/Tracehound-Body-Captured: 6[45]\d{3}\r\n/);
    expect(await new Response(outcome.body as ReadableStream).text()).toBe(content);
  });

  test('passes even when Tracehound fails and failMode is closed', async () => {
    const { fake, ask } = room({ detect: () => threat, shadow: true }, { failMode: 'closed' });
    for (const part of ['charge', 'interceptAsync', 'redact', 'count']) fake.broken.add(part);
    const outcome = await ask();
    expect(outcome.response).toBe(undefined);
    expect(outcome.result?.status).toBe('error');
  });
});

describe('onResult and onRefused', () => {
  test('onResult hears every decision once, before the answer, and cannot change it', async () => {
    const heard: string[] = [];
    const options: Partial<Options> = { onResult: (c, result) => heard.push(`${c} ${result.status}`) };
    const { ask } = room({ ...options, detect: () => (heard.length === 1 ? threat : undefined) }, { limit: 2 });
    await ask();
    await ask();
    await ask();
    expect(heard).toEqual(['c clean', 'c quarantined', 'c rate_limited']);
    for (const onResult of [boom, () => Promise.reject(new Error('boom'))]) {
      const { fake, ask: again } = room({ onResult, detect: () => threat });
      expect(status(await again())).toBe(403);
      await Promise.resolve();
      expect(fake.reported.map(String)).toEqual(['Error: boom']);
    }
  });

  test('onRefused may replace the refusal, at once or later', async () => {
    const own = new Response('mine', { status: 418 });
    for (const onRefused of [() => own, async () => own]) {
      expect((await room({ detect: () => threat, onRefused }).ask()).response).toBe(own);
    }
    const seen: unknown[] = [];
    const { ask } = room({
      detect: boom,
      onDetectorFailure: 'refuse',
      onRefused: (c, result, response) => {
        seen.push(c, result, response.status);
        return undefined;
      },
    });
    expect(status(await ask())).toBe(503);
    expect(seen).toEqual(['c', undefined, 503]);
  });

  test('an onRefused that fails or gives no response leaves the refusal as it was', async () => {
    const odd = [
      boom,
      () => Promise.reject(new Error('boom')),
      () => 'no',
      () => null,
      () => ({}),
      () => ({ status: 200 }),
    ];
    for (const onRefused of odd as never[]) {
      expect(status(await room({ detect: () => threat, onRefused }).ask())).toBe(403);
    }
  });

  test('a replaced refusal still closes the connection, whatever its headers', async () => {
    const replaced = new Response('mine', { status: 418, headers: { 'x-own': '1' } });
    Object.defineProperty(replaced.headers, 'set', { value: boom, configurable: true });
    const { response } = await room({ detect: boom, onDetectorFailure: 'refuse', onRefused: () => replaced }).ask({
      facts: () => facts({ method: 'POST', version: '1.1', headers: new Headers({ 'content-length': '9' }) }),
    });
    expect([response?.status, response?.headers.get('connection'), response?.headers.get('x-own')]).toEqual([
      418,
      'close',
      '1',
    ]);
    expect(await response?.text()).toBe('mine');
  });
});

describe('options', () => {
  const th = fakeTracehound().th;
  const build = (options: unknown) => () => guard(th, options as Options);
  const detect = (): undefined => undefined;

  test('need an instance and a detector', () => {
    expect(() => guard(undefined as never, { detect })).toThrow(TypeError);
    expect(() => guard({} as never, { detect })).toThrow('tracehound: no instance, expected createTracehound()');
    for (const options of [undefined, null, [], 'x']) expect(build(options)).toThrow(TypeError);
    expect(build({})).toThrow('tracehound.detect: wrong kind, expected a function, got undefined');
  });

  test('are refused with part, problem, expectation and kind, never with the value', () => {
    const secret = 's3cr3t value';
    const wrong: [Record<string, unknown>, typeof TypeError | typeof RangeError, string][] = [
      [
        { detekt: 1 },
        TypeError,
        'tracehound.detekt: no such option (did you mean `detect`?), expected one of detect, ',
      ],
      [
        { redact: { cookies: [] } },
        TypeError,
        'tracehound.redact.?: no such option, expected one of mode, headers, query, got another name',
      ],
      [{ redact: [] }, TypeError, 'tracehound.redact: wrong kind, expected an object, got an array'],
      [
        { redact: { mode: 'all' } },
        RangeError,
        "tracehound.redact.mode: unknown, expected 'deny-list' or 'allow-list'",
      ],
      [{ redact: { headers: secret } }, TypeError, 'tracehound.redact.headers: wrong kind'],
      [{ redact: { headers: [1] } }, TypeError, 'tracehound.redact.headers[0]: wrong kind, expected a string, got 1'],
      [{ redact: { headers: [secret] } }, RangeError, 'tracehound.redact.headers[0]: not a name'],
      [{ redact: { query: ['', 'a'] } }, RangeError, 'tracehound.redact.query[0]: too short'],
      [{ trace: [secret] }, RangeError, 'tracehound.trace[0]'],
      [{ shadow: secret }, TypeError, 'tracehound.shadow: wrong kind, expected true or false, got a string'],
      [{ headers: null }, TypeError, 'got null'],
      [{ onDetectorFailure: secret }, RangeError, "'pass' or 'refuse'"],
      [{ onDetectorFailure: 1 }, TypeError, "'pass' or 'refuse'"],
      [{ detectTimeoutMs: 0 }, RangeError, 'too small, expected an integer ≥ 1 (ms), got 0'],
      [{ detectTimeoutMs: 2 ** 31 }, RangeError, 'too large, expected an integer ≤ 2147483647 (ms)'],
      [
        { detectTimeoutMs: Number.NaN },
        RangeError,
        'not an integer, expected an integer from 1 to 2147483647 (ms), got NaN',
      ],
      [{ captureTimeoutMs: 1.5 }, RangeError, 'not an integer'],
      [{ captureTimeoutMs: '1' }, TypeError, 'tracehound.captureTimeoutMs: wrong kind'],
      [{ captureMax: -1 }, RangeError, 'tracehound.captureMax: too small'],
      ...['source', 'skip', 'allow', 'onResult', 'onRefused'].map(
        (name): [Record<string, unknown>, typeof TypeError, string] => [
          { [name]: secret },
          TypeError,
          `tracehound.${name}: wrong kind, expected a function`,
        ],
      ),
    ];
    for (const [options, kind, part] of wrong) {
      let thrown: unknown;
      try {
        build({ detect, ...options })();
      } catch (error) {
        thrown = error;
      }
      expect(thrown, part).toBeInstanceOf(kind);
      expect((thrown as Error).message).toContain(part);
      expect((thrown as Error).message).toMatch(/^tracehound\.[\w.?[\]]+: [^:]+, expected .+, got .+$/);
      expect((thrown as Error).message).not.toContain(secret);
    }
  });

  test('that are right are taken', () => {
    const right: Partial<Options> = {
      source: (): Source => 'a',
      shadow: true,
      skip: () => true,
      allow: () => true,
      onResult: () => {},
      onRefused: () => undefined,
      detectTimeoutMs: 1,
      captureTimeoutMs: 2 ** 31 - 1,
      captureMax: 0,
      onDetectorFailure: 'refuse',
      headers: false,
      redact: { headers: ['X-Own'], query: ['api key'] },
      trace: ['X-Own-Trace'],
    };
    expect(build({ detect, ...right })).not.toThrow();
    const unset = Object.fromEntries(Object.keys(right).map((name) => [name, undefined]));
    expect(build({ detect, ...unset })).not.toThrow();
  });

  test('redact and trace are compared without case', async () => {
    const { fake, ask } = room({
      detect: () => threat,
      redact: { headers: ['X-Own'], query: ['TOKEN'] },
      trace: ['X-Own-Trace'],
    });
    const visit = (trace: string) => ({
      facts: () =>
        facts({ url: 'http://a/?token=s3cr3t', headers: new Headers({ 'x-own': 's3cr3t', 'x-own-trace': trace }) }),
    });
    await ask(visit('1'));
    expect(fake.payload()).not.toContain('s3cr3t');
    expect((await ask(visit('2'))).result?.status).toBe('duplicate');
  });
});

describe('afterwards', () => {
  test('the log may be stored, once for each request, whatever became of it', async () => {
    const { fake, ask } = room(
      { detect: (c) => (c === 'bad' ? { category: 'xss', severity: 'low' } : undefined) },
      { limit: 2 },
    );
    expect(status(await ask())).toBe(undefined);
    expect(status(await ask({ context: 'bad', platform: 'other' }))).toBe(403);
    expect(status(await ask())).toBe(429);
    expect(fake.shipped).toEqual(['platform', 'other', 'platform']);
  });

  test('a log that cannot be stored changes no answer', async () => {
    const { fake, ask } = room();
    fake.broken.add('ship');
    expect(status(await ask())).toBe(undefined);
    expect(fake.reported.map(String)).toEqual(['TracehoundError: fake: ship is broken']);
  });
});

describe('detectors in front', () => {
  const says = (said: Partial<Heard>, secrets: string[] = []): Signals => ({
    detector: 'd',
    secrets,
    read: () => ({ strip: [], ...said }),
  });
  const failing = says({ strip: ['x-f'], failure: { error: new Error('boom') } });

  test('are asked with what the adapter shows, the source as it is limited, and the runtime’s clock', async () => {
    const read = vi.fn(() => ({ strip: [] }));
    const { fake, ask } = room({ signals: [{ detector: 'd', secrets: [], read }], source: () => '198.51.100.7' });
    fake.now = 4711;
    const shown = facts({ fields: [['Host', 'a']], peer: '10.0.0.1:9' });
    await ask({ facts: () => shown });
    const { headers, fields, peer } = shown;
    expect(read.mock.calls).toEqual([
      [{ headers, fields, peer, request: 'request', source: '198.51.100.7', now: 4711 }],
    ]);
  });

  test('that flag: refused, and detect is not asked; that say nothing: detect decides', async () => {
    const detect = vi.fn(() => undefined);
    const flagged = room({ signals: [says({}), says({ threat })], detect });
    expect(status(await flagged.ask())).toBe(403);
    expect(flagged.fake.scents[0]?.threat).toEqual(threat);
    expect(detect).not.toHaveBeenCalled();
    const quiet = room({ signals: [says({})], detect });
    expect(await quiet.ask()).toMatchObject({ result: { status: 'clean' } });
    expect(detect).toHaveBeenCalledTimes(1);
  });

  test('may be the only ones', async () => {
    expect(await room({ signals: [says({})], detect: undefined as never }).ask()).toMatchObject({
      result: { status: 'clean' },
    });
    expect(status(await room({ signals: [says({ threat })], detect: undefined as never }).ask())).toBe(403);
  });

  test('that fail leave the request uninspected, unless another one or detect flags it', async () => {
    const open = room({ signals: [failing] });
    expect(await open.ask()).toEqual({ rate: expect.anything(), fields: expect.anything(), strip: ['x-f'] });
    expect(open.fake.uninspected).toEqual([['192.0.2.1', 'passed', 'threw']]);
    expect(open.fake.reported.map(String)).toEqual(['Error: boom']);
    const closed = room({ signals: [failing], onDetectorFailure: 'refuse' });
    expect(status(await closed.ask())).toBe(503);
    for (const flagging of [{ signals: [failing, says({ threat })] }, { signals: [failing], detect: () => threat }]) {
      const flagged = room(flagging);
      expect(status(await flagged.ask())).toBe(403);
      expect(flagged.fake.uninspected).toEqual([]);
    }
  });

  test('cannot be asked about a request that cannot be shown: it is uninspected', async () => {
    const read = vi.fn(() => ({ strip: [] }));
    const { fake, ask } = room({ signals: [{ detector: 'd', secrets: [], read }] });
    await ask({ facts: boom });
    expect(read).not.toHaveBeenCalled();
    expect(fake.uninspected).toEqual([['192.0.2.1', 'passed', 'threw']]);
  });

  test('are not asked about what the limiter refused', async () => {
    const read = vi.fn(() => ({ strip: [] }));
    const { ask } = room({ signals: [{ detector: 'd', secrets: [], read }] }, { limit: 1 });
    expect([status(await ask()), status(await ask()), read.mock.calls.length]).toEqual([undefined, 429, 1]);
  });

  test('strip what is forged from everything that passes, except in shadow', async () => {
    const signals = [says({ strip: ['x-a'] }), says({ strip: ['x_a'] })];
    for (const passing of [{}, { skip: () => true }, { allow: () => true }, { detect: boom }]) {
      expect((await room({ signals, ...passing }).ask()).strip).toEqual(['x-a', 'x_a']);
      expect((await room({ signals, ...passing, shadow: true }).ask()).strip).toBeUndefined();
    }
    expect(await room({ signals: [says({})] }).ask()).not.toHaveProperty('strip');
  });

  test('have secrets that evidence does not keep', async () => {
    const { fake, ask } = room({ signals: [says({ threat }, ['x-hop'])] });
    await ask({ facts: () => facts({ headers: new Headers({ 'x-hop': 'hunter2', 'x-own': 'kept' }) }) });
    expect(fake.payload()).toContain('x-own: kept');
    expect(fake.payload()).not.toContain('hunter2');
  });

  test('are checked before the first request', () => {
    const { th } = fakeTracehound();
    for (const signals of [5, {}, [undefined], [{}], [{ read: () => {} }], [{ secrets: [] }], ['cloudflare']]) {
      expect(() => guard(th, { signals: signals as never, detect: () => undefined })).toThrow(/^tracehound\.signals/);
    }
    expect(() => guard(th, { signals: [] })).toThrow(/^tracehound\.detect/);
    expect(() => guard(th, { signals: [says({})], detect: 'no' as never })).toThrow(/^tracehound\.detect/);
  });
});
