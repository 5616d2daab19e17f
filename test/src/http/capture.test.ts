/** Guards the evidence: one message within its budget, no secrets, no forged fields, no waiting for ever. */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { pull } from '../../../src/http/body';
import {
  type Buffered,
  type CapturePlan,
  capture,
  declaredLength,
  type Facts,
  OWN_BYTES_MAX,
} from '../../../src/http/capture';
import { fingerprint, type Likeness, VOLATILE } from '../../../src/http/fingerprint';
import { type Field, fieldLines, joined, octets, startLine, targetOf } from '../../../src/http/message';
import { Redaction, SECRET_HEADERS } from '../../../src/http/redaction';
import { LATE, within } from '../../../src/time/deadline';
import type { Source } from '../../../src/types/index';
import { fakeTracehound } from '../../lab/fake-tracehound';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const bytes = (value: string): Uint8Array => new Uint8Array(Buffer.from(value, 'latin1'));

const plan = (over: Partial<CapturePlan> = {}): CapturePlan => ({
  redactHeaders: new Set(SECRET_HEADERS),
  redactQuery: new Set(),
  trace: new Set(['x-request-id']),
  timeoutMs: 2_000,
  ...over,
});

/** A stream that gives these chunks and then ends, fails or says nothing more. */
function stream(chunks: readonly unknown[], end: 'close' | 'error' | 'hang' = 'close'): ReadableStream<Uint8Array> {
  let index = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const chunk = chunks[index++];
        if (chunk !== undefined) return controller.enqueue(chunk as Uint8Array);
        if (end === 'close') controller.close();
        if (end === 'error') controller.error(new Error('aborted'));
        return end === 'hang' ? new Promise<void>(() => {}) : undefined;
      },
    },
    { highWaterMark: 0 },
  );
}

function facts(over: Partial<Facts> & { content?: string | ReadableStream<Uint8Array> | null } = {}): Facts {
  const { content = null, ...rest } = over;
  const headers = new Headers(rest.headers ?? { host: 'shop.example' });
  if (typeof content === 'string' && !headers.has('content-length'))
    headers.set('content-length', String(content.length));
  return {
    method: 'POST',
    url: 'http://shop.example/login?next=/',
    body: () => (typeof content === 'string' ? stream([bytes(content)]) : content),
    ...rest,
    headers,
  };
}

interface Taken {
  start: string;
  fields: Map<string, string>;
  names: string[];
  body: string;
  payload: string;
  fingerprint: string;
  truncated: boolean;
  drained: boolean;
  rest: (() => ReadableStream<Uint8Array>) | undefined;
}

/** Captures and reads the message back with the naivest parser there is. */
async function take(
  request: Facts,
  options: {
    plan?: Partial<CapturePlan>;
    max?: number;
    source?: Source;
    derivation?: 'option' | 'runtime' | 'none';
    mayPull?: boolean;
    broken?: string;
  } = {},
): Promise<Taken> {
  const fake = fakeTracehound(options.max === undefined ? {} : { maxPayloadBytes: options.max });
  if (options.broken) fake.broken.add(options.broken);
  const origin = { source: options.source ?? '192.0.2.1', derivation: options.derivation ?? 'runtime' };
  const got = await capture(
    request,
    origin,
    { ...fake.th.http.settings, ...fake.th.http.keys },
    plan(options.plan),
    options.mayPull ?? true,
  );
  const payload = text(got.payload);
  const end = payload.indexOf('\r\n\r\n');
  const [start = '', ...lines] = payload.slice(0, end).split('\r\n');
  const pairs = lines.map((line) => [line.split(': ', 1)[0] as string, line.slice(line.indexOf(': ') + 2)] as const);
  return {
    start,
    fields: new Map(pairs),
    names: pairs.map(([name]) => name),
    body: end < 0 ? '' : payload.slice(end + 4),
    payload,
    fingerprint: text(got.fingerprint),
    truncated: got.truncated,
    drained: got.drained,
    rest: got.rest,
  };
}

const read = async (from: ReadableStream<Uint8Array>): Promise<string> =>
  Buffer.from(await new Response(from).arrayBuffer()).toString('latin1');

afterEach(() => {
  vi.useRealTimers();
});

describe('the message', () => {
  test('has the target as it came where that is a path, or the authority of a tunnel', async () => {
    const start = async (over: Partial<Facts>): Promise<string> => {
      const { payload } = await take(facts(over));
      return `${payload.slice(0, payload.indexOf('\r\n'))} ${/Tracehound-Target: (\w+)/.exec(payload)?.[1]}`;
    };
    expect(await start({ target: '/a/../b' })).toBe('POST /a/../b HTTP/1.1 raw');
    expect(await start({ target: 'http://other.example/x' })).toBe('POST /login?next=/ HTTP/1.1 normalised');
    expect(await start({ method: 'CONNECT', target: 'a.example:443' })).toBe('CONNECT a.example:443 HTTP/1.1 raw');
    expect(await start({ method: 'CONNECT' })).toBe('CONNECT /login?next=/ HTTP/1.1 normalised');
    expect(await start({ method: 'CONNECT', target: 'a b:443' })).toBe('CONNECT a%20b:443 HTTP/1.1 raw');
  });

  test('is start line, the client’s fields in their order, our own fields, and the body', async () => {
    const got = await take(
      facts({
        target: '/login/../login?next=%2f',
        version: '1.0',
        fields: [
          ['Host', 'shop.example'],
          ['X-B', '1'],
          ['x-a', '2'],
          ['X-B', '3'],
        ],
        peer: '192.0.2.1:5000',
        content: "user=admin'--",
      }),
    );
    expect(got.payload).toBe(
      [
        'POST /login/../login?next=%2f HTTP/1.0',
        'Host: shop.example',
        'X-B: 1',
        'x-a: 2',
        'X-B: 3',
        'Tracehound-Target: raw',
        'Tracehound-Headers: raw',
        'Tracehound-Body-Length: 13',
        'Tracehound-Body-Captured: 13',
        'Tracehound-Body-State: complete',
        'Tracehound-Peer: 192.0.2.1:5000',
        'Tracehound-Source: 192.0.2.1',
        'Tracehound-Source-Derivation: runtime',
        '',
        "user=admin'--",
      ].join('\r\n'),
    );
    expect(got.truncated).toBe(false);
    expect(got.drained).toBe(true);
  });

  test('says when target and headers are the platform’s normalised form', async () => {
    for (const target of [undefined, '*', 'http://evil.example/']) {
      const got = await take(facts({ target }));
      expect(got.start).toBe('POST /login?next=/ HTTP/1.1');
      expect(got.fields.get('Tracehound-Target')).toBe('normalised');
      expect(got.fields.get('Tracehound-Headers')).toBe('normalised');
    }
  });

  test('a client cannot write our fields', async () => {
    const got = await take(
      facts({
        fields: [
          ['Tracehound-Source', '203.0.113.9'],
          ['tracehound-truncated', 'none'],
        ],
      }),
    );
    expect(got.fields.get('untrusted-Tracehound-Source')).toBe('203.0.113.9');
    expect(got.names.filter((name) => name.toLowerCase() === 'tracehound-source')).toHaveLength(1);
    expect(got.fields.get('Tracehound-Source')).toBe('192.0.2.1');
    expect(got.fields.has('tracehound-truncated')).toBe(false);
  });

  test('nothing a client sends begins a line of its own', async () => {
    const evil = 'a\r\nTracehound-Source: x\r\n\r\nbody\0';
    const got = await take(
      facts({
        method: 'PO ST\r\nX: 1',
        target: `/${evil}`,
        version: '1.1',
        fields: [
          ['x', evil],
          ['na\r\nme: v', 'w'],
        ],
        peer: 'p\r\nq',
        content: 'end',
      }),
    );
    expect(got.names).toEqual([
      'x',
      'na%0D%0Ame%3A%20v',
      'Tracehound-Target',
      'Tracehound-Headers',
      'Tracehound-Body-Length',
      'Tracehound-Body-Captured',
      'Tracehound-Body-State',
      'Tracehound-Peer',
      'Tracehound-Source',
      'Tracehound-Source-Derivation',
    ]);
    expect(got.start).toBe('PO%20ST%0D%0AX%3A%201 /a%0D%0ATracehound-Source:%20x%0D%0A%0D%0Abody%00 HTTP/1.1');
    expect(got.fields.get('x')).toBe('a%0D%0ATracehound-Source: x%0D%0A%0D%0Abody%00');
    expect(got.body).toBe('end');
  });

  test('header bytes come back as they were, decoded text as UTF-8', async () => {
    const got = await take(
      facts({
        fields: [
          ['x-latin', 'caf\xe9'],
          ['x-decoded', '\u20ac\xe9'],
        ],
      }),
    );
    expect(got.fields.get('x-latin')).toBe('caf\xe9');
    expect(got.fields.get('x-decoded')).toBe(text(new TextEncoder().encode('\u20ac\xe9')));
  });

  test('target of a URL: path and query, without fragment, whatever the URL looks like', () => {
    expect(targetOf('http://a/b?c#d')).toBe('/b?c');
    expect(targetOf('http://a')).toBe('/');
    expect(targetOf('/b?c')).toBe('/b?c');
  });
});

describe('the budget', () => {
  test('no message is larger than maxPayloadBytes, whatever comes and whatever the budget', async () => {
    const word = fc.string({
      unit: fc.constantFrom('a', 'B', '\r', '\n', ' ', '\xff', '\u20ac', '%', ':'),
      maxLength: 3_000,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 9_000 }),
        word,
        fc.array(fc.tuple(word, word), { maxLength: 12 }),
        word,
        async (max, target, fields, content) => {
          const got = await take(facts({ target: `/${target}`, fields, content }), { max });
          expect(got.payload.length).toBeLessThanOrEqual(max);
          const lost = got.body.length < content.length && max >= 4_096;
          if (lost) expect(got.fields.get('Tracehound-Truncated')).toContain('body');
        },
      ),
      { seed: 1_013, numRuns: 150 },
    );
  });

  test('our own fields always fit into their reserve', async () => {
    const long = 'z'.repeat(70_000);
    const got = await take(
      facts({
        target: `/${long}`,
        fields: Array.from({ length: 2_000 }, (_, index): Field => [`x-${index}`, long.slice(0, 50)]),
        headers: new Headers({ 'content-length': '9007199254740991' }),
        peer: long,
        buffered: () => Promise.resolve({ bytes: bytes(long), remade: true }),
      }),
      { source: { address: long }, derivation: 'runtime' },
    );
    const own = got.payload.slice(got.payload.indexOf('Tracehound-'), got.payload.indexOf('\r\n\r\n') + 2);
    expect(own.length).toBeGreaterThan(300);
    expect(own.length).toBeLessThanOrEqual(OWN_BYTES_MAX);
    expect(got.fields.get('Tracehound-Truncated')).toBe('start, headers, body');
    expect(got.payload.length).toBeLessThanOrEqual(65_536);
    expect(Number(got.fields.get('Tracehound-Headers-Dropped'))).toBe(
      2_000 - got.names.filter((name) => name.startsWith('x-')).length,
    );
  });

  test('one huge header keeps its beginning and leaves room for the others', async () => {
    const got = await take(
      facts({
        fields: [
          ['x-huge', `attack${'.'.repeat(100_000)}`],
          ['x-small', 'here'],
        ],
      }),
    );
    expect(got.fields.get('x-huge')).toMatch(/^attack\.{4000,9000}$/);
    expect(got.fields.get('x-small')).toBe('here');
    expect(got.fields.get('Tracehound-Truncated')).toBe('headers');
    expect(got.truncated).toBe(true);
  });

  test('padding cannot push the platform’s trace id out, and order is kept', async () => {
    const padding = Array.from({ length: 500 }, (_, index): Field => [`x-pad-${index}`, '.'.repeat(200)]);
    const got = await take(facts({ fields: [...padding, ['X-Request-Id', 'abc-123']] }));
    expect(got.fields.get('X-Request-Id')).toBe('abc-123');
    expect(got.names.indexOf('x-pad-0')).toBe(0);
    expect(got.names.indexOf('X-Request-Id')).toBeGreaterThan(10);
  });

  test('the start line is cut within half of the head and stays a start line', () => {
    const cut = startLine('GET', `/${'a'.repeat(500)}`, '1.1', 100);
    expect(text(cut.bytes)).toBe(`GET /${'a'.repeat(84)} HTTP/1.1\r\n`);
    expect(cut.cut).toBe(true);
    const fits = startLine('GET', '/a', '1.1', 100);
    expect(text(fits.bytes)).toBe('GET /a HTTP/1.1\r\n');
    expect(fits.cut).toBe(false);
    expect(startLine('GET', '/aaa aaa', '1.1', 17 + 7).cut).toBe(true);
    expect(startLine('G'.repeat(99), '/', '1.1', 10).bytes).toHaveLength(10);
  });

  test('field lines use exactly what they say', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ minLength: 1, maxLength: 400 }), fc.string({ maxLength: 400 })), {
          maxLength: 20,
        }),
        fc.integer({ min: 0, max: 3_000 }),
        (fields, budget) => {
          const got = fieldLines(fields, budget, new Set(['a']));
          const total = got.lines.reduce((sum, line) => sum + line.length, 0);
          expect(total).toBe(got.bytes);
          expect(total).toBeLessThanOrEqual(budget);
          expect(got.lines.length + got.dropped).toBe(fields.length);
          for (const line of got.lines) expect(text(line)).toMatch(/^[^\r\n\0]+\r\n$/);
          if (budget > 30_000) expect(got.cut + got.dropped).toBe(0);
        },
      ),
      { seed: 1_019 },
    );
    const exact = fieldLines([['a', 'bb']], 14, new Set());
    expect(exact).toMatchObject({ bytes: 7, cut: 0, dropped: 0 });
  });

  test('a payload too small for our own fields keeps the message itself', async () => {
    const got = await take(facts({ content: 'x'.repeat(9_000) }), { max: 1_000 });
    expect(got.payload).toMatch(
      /^POST \/login\?next=\/ HTTP\/1\.1\r\ncontent-length: 9000\r\nhost: shop\.example\r\n\r\nx+$/,
    );
    expect(got.payload).toHaveLength(1_000);
    expect(got.truncated).toBe(true);
  });

  test('joining cuts at the end', () => {
    expect(text(joined([bytes('ab'), bytes('cd')], 3))).toBe('abc');
    expect(joined([], 3)).toHaveLength(0);
  });
});

describe('secrets', () => {
  const secret = 'Bearer s3cr3t-value';

  test('are replaced by keyed fingerprints: equal for equal, never in clear', async () => {
    const fields = [...SECRET_HEADERS, 'X-Own', 'x-plain'].map((name): Field => [name, secret]);
    const got = await take(facts({ fields }), { plan: { redactHeaders: new Set([...SECRET_HEADERS, 'x-own']) } });
    const hidden = got.fields.get('authorization') as string;
    expect(hidden).toMatch(/^hmac:[0-9a-f]{16}$/);
    for (const name of [...SECRET_HEADERS, 'X-Own']) expect(got.fields.get(name)).toBe(hidden);
    expect(got.fields.get('x-plain')).toBe(secret);
  });

  test('in the query are replaced too, in target and referer, however they are written', async () => {
    const redactQuery = new Set(['token', 'api key']);
    const target = '/p?a=1&Token=s3cr3t&to%6ben=s3cr3t&api+key=s3cr3t&%=2&token&b=token=s3cr#t';
    const got = await take(facts({ target, fields: [['Referer', `https://a.example${target}`]] }), {
      plan: { redactQuery },
    });
    expect(got.payload).not.toContain('s3cr3t');
    const safe = (value: string): string => value.replace(/hmac:[0-9a-f]{16}/g, '*');
    expect(safe(got.start)).toBe('POST /p?a=1&Token=*&to%6ben=*&api+key=*&%=2&token&b=token=s3cr#t HTTP/1.1');
    expect(safe(got.fields.get('Referer') as string)).toBe(
      'https://a.example/p?a=1&Token=*&to%6ben=*&api+key=*&%=2&token&b=token=s3cr#t',
    );
    const none = await take(facts({ target: '/p', fields: [['referer', 'x']] }), { plan: { redactQuery } });
    expect(none.start).toBe('POST /p HTTP/1.1');
  });

  test('are gone even when the fingerprint fails, and a flood of them costs a bounded number of fingerprints', async () => {
    const broken = await take(facts({ fields: [['cookie', secret]] }), { broken: 'redact' });
    expect(broken.fields.get('cookie')).toBe('redacted');

    let calls = 0;
    const redaction = new Redaction(new Set(['cookie']), new Set(['t']), () => {
      calls++;
      return 'f'.repeat(16);
    });
    const target = redaction.target(`/?${'t=s3cr3t&'.repeat(5_000)}`);
    expect(redaction.field(['Cookie', 's3cr3t'])).toEqual(['Cookie', 'redacted']);
    expect(target).not.toContain('s3cr3t');
    expect(calls).toBe(64);
  });

  test('a key that serves as the source is not written in clear, an address is', async () => {
    const show = async (source: Source, derivation: 'option' | 'runtime') =>
      (await take(facts(), { source, derivation })).fields.get('Tracehound-Source');
    expect(await show('api-key-123', 'option')).toBe(undefined);
    expect(await show({ key: 'api-key-123' }, 'option')).toBe(undefined);
    expect(await show({ key: 'api-key-123', address: '192.0.2.7' }, 'option')).toBe('192.0.2.7');
    expect(await show('192.0.2.7', 'runtime')).toBe('192.0.2.7');
  });
});

describe('the body', () => {
  test('every size around the budget: complete below, cut exactly at it, whatever the pieces', async () => {
    const content = Array.from({ length: 40 }, (_, index) => String.fromCharCode(65 + index)).join('');
    for (let piece = 1; piece <= 41; piece++) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < content.length; at += piece) pieces.push(bytes(content.slice(at, at + piece)));
      for (let budget = 0; budget <= 42; budget++) {
        const got = await pull(stream(pieces), budget, 2_000);
        expect(got.state).toBe(budget >= 40 ? 'complete' : 'limit');
        expect(text(joined(got.chunks, budget))).toBe(content.slice(0, budget));
        expect(await read(got.rest?.() as ReadableStream<Uint8Array>)).toBe(content);
      }
    }
  });

  test('is read no further than one chunk past the budget', async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++;
          controller.enqueue(new Uint8Array(1_000));
        },
      },
      { highWaterMark: 0 },
    );
    const got = await pull(endless, 10_000, 2_000);
    expect(got.state).toBe('limit');
    expect(pulled).toBe(11);
  });

  test('that sends empty chunks for ever ends too', async () => {
    const endless = new ReadableStream<Uint8Array>(
      { pull: (controller) => controller.enqueue(new Uint8Array(0)) },
      { highWaterMark: 0 },
    );
    expect((await pull(endless, 1_000, 2_000)).state).toBe('limit');
  });

  test('that stalls is given up after the timeout, and the rest is not lost', async () => {
    vi.useFakeTimers();
    let release: (value: Uint8Array) => void = () => {};
    const late = new Promise<Uint8Array>((resolve) => {
      release = resolve;
    });
    let step = 0;
    const slow = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          step++;
          if (step === 1) controller.enqueue(bytes('first '));
          else if (step === 2) controller.enqueue(await late);
          else controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const taking = pull(slow, 1_000, 2_000);
    await vi.advanceTimersByTimeAsync(1_999);
    expect(step).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    const got = await taking;
    expect(got.state).toBe('timeout');
    expect(got.chunks.map(text)).toEqual(['first ']);
    expect(vi.getTimerCount()).toBe(0);
    release(bytes('second'));
    expect(await read(got.rest?.() as ReadableStream<Uint8Array>)).toBe('first second');
  });

  test('that is aborted is truncated evidence, and the application meets the same failure', async () => {
    const got = await take(
      facts({ content: stream([bytes('half')], 'error'), headers: new Headers({ 'content-length': '9' }) }),
    );
    expect(got.body).toBe('half');
    expect(got.fields.get('Tracehound-Body-State')).toBe('aborted');
    expect(got.fields.get('Tracehound-Truncated')).toBe('body');
    expect(got.drained).toBe(false);
    await expect(read(got.rest?.() as ReadableStream<Uint8Array>)).rejects.toThrow('aborted');
  });

  test('that is not bytes is a broken one', async () => {
    const got = await pull(stream(['text']), 10, 2_000);
    expect(got).toMatchObject({ state: 'aborted', chunks: [] });
    await expect(read(got.rest?.() as ReadableStream<Uint8Array>)).rejects.toThrow('not bytes');
  });

  test('handed on can be cancelled, and the source is told', async () => {
    let told: unknown;
    const source = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => controller.enqueue(bytes('abc')),
        cancel: (reason) => {
          told = reason;
        },
      },
      { highWaterMark: 0 },
    );
    const got = await pull(source, 2, 2_000);
    await got.rest?.().cancel('enough');
    expect(told).toBe('enough');
  });

  test('states: none, hidden, busy, consumed are said, and what was not read is not called drained', async () => {
    const length = new Headers({ 'content-length': '5' });
    const state = async (request: Facts, mayPull = true) => {
      const got = await take(request, { mayPull });
      return [got.fields.get('Tracehound-Body-State'), got.fields.get('Tracehound-Body-Length'), got.drained];
    };
    const locked = stream([bytes('x')]);
    locked.getReader();
    expect(await state(facts())).toEqual(['none', 'none', true]);
    expect(await state(facts({ content: stream([]) }))).toEqual(['none', 'none', true]);
    expect(await state(facts({ content: '' }))).toEqual(['none', '0', true]);
    expect(await state(facts({ headers: length }))).toEqual(['hidden', '5', false]);
    expect(await state(facts({ content: 'abcde' }), false)).toEqual(['busy', '5', false]);
    expect(await state(facts({ content: stream([]) }), false)).toEqual(['busy', 'none', false]);
    expect(await state(facts(), false)).toEqual(['none', 'none', true]);
    expect(await state(facts({ content: locked, headers: length }))).toEqual(['consumed', '5', false]);
    expect(
      await state(facts({ content: stream([bytes('x')]), headers: new Headers({ 'transfer-encoding': 'chunked' }) })),
    ).toEqual(['complete', 'chunked', true]);
    expect(await state(facts({ content: stream([bytes('x')]) }))).toEqual(['complete', 'none', true]);
    expect(declaredLength(new Headers({ 'content-length': '5, 5' }))).toBe('malformed');
  });

  test('from the framework’s cache: as it is, or marked as remade, cut, waited for with an end', async () => {
    const cached = (work: Promise<Buffered>) =>
      facts({ headers: new Headers({ 'content-length': '5' }), buffered: () => work });
    const exact = await take(cached(Promise.resolve({ bytes: bytes('abcde'), remade: false })));
    expect([exact.body, exact.fields.get('Tracehound-Body-State'), exact.fields.has('Tracehound-Body-Remade')]).toEqual(
      ['abcde', 'complete', false],
    );
    expect(exact.rest).toBe(undefined);
    const remade = await take(cached(Promise.resolve({ bytes: bytes('x'.repeat(70_000)), remade: true })));
    expect([remade.fields.get('Tracehound-Body-State'), remade.fields.get('Tracehound-Body-Remade')]).toEqual([
      'limit',
      'yes',
    ]);
    const failed = await take(cached(Promise.reject(new Error('aborted'))));
    expect(failed.fields.get('Tracehound-Body-State')).toBe('consumed');
    vi.useFakeTimers();
    const hanging = take(cached(new Promise<Buffered>(() => {})));
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await hanging).fields.get('Tracehound-Body-State')).toBe('timeout');
  });
});

describe('the fingerprint', () => {
  const base: Likeness = {
    method: 'GET',
    target: '/a',
    fields: [['host', 'a']],
    trace: new Set(['x-own-trace']),
    body: bytes('b'),
    declared: '1',
    truncated: false,
  };
  const of = (over: Partial<Likeness> = {}): string => text(fingerprint({ ...base, ...over }));

  test('is the same for the same attack, however it travelled', () => {
    const journey = (over: Field[]): string => of({ fields: [['host', 'a'], ...over] });
    const samples: Record<string, string> = {
      date: 'Mon, 23 Nov 2026 07:00:00 GMT',
      age: '12',
      'content-length': '5',
      connection: 'keep-alive',
      'keep-alive': 'timeout=5, max=1000',
      'accept-encoding': 'gzip, deflate;q=0.5, *;q=0',
      via: '1.1 varnish, 1.1 0a1b.cloudfront.net (CloudFront)',
      forwarded: 'for="[2001:db8::1]:4711";proto=http, for=192.0.2.43; by=_hidden',
      'x-forwarded-for': '192.0.2.1, 2001:db8::1',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
      'cf-ray': '7d1f2a-FRA',
      'x-amz-cf-id': 'XpO-3q_9==',
      'x-amzn-trace-id': 'Root=1-67891233-abcdef012345678912345678;Sampled=0',
      'x-vercel-id': 'fra1::iad1::abc-1700000000-def',
      'x-cloud-trace-context': '105445aa7843bc8bf206b120001000/1;o=1',
      'x-own-trace': 'abc-1',
    };
    for (const [name, value] of Object.entries(samples)) expect(journey([[name, value]]), name).toBe(of());
    for (const name of VOLATILE.keys())
      expect(journey([[name.toUpperCase(), '1']]).includes(name), name).toBe(name === 'via');
  });

  test('an attack in a volatile header is not hidden by an earlier one', () => {
    const attacks = ["1' OR 1=1--", '$' + '{jndi:ldap://a}', '<script>', '../../etc/passwd', '() { :;}; a', '1 OR 1=1'];
    for (const name of [
      ...VOLATILE.keys(),
      'x-own-trace',
      'user-agent',
      'referer',
      'x-forwarded-host',
      'constructor',
      '__proto__',
    ]) {
      const seen = new Set([
        of(),
        ...attacks.map((attack) =>
          of({
            fields: [
              ['host', 'a'],
              [name, attack],
            ],
          }),
        ),
      ]);
      expect(seen.size, name).toBe(attacks.length + 1);
    }
    expect(
      of({
        fields: [
          ['host', 'a'],
          ['x-request-id', 'a'.repeat(513)],
        ],
      }),
    ).not.toBe(of());
  });

  test('changes with every part, and bytes cannot move from one part to the next', () => {
    const differing = [
      of(),
      of({ method: 'POST' }),
      of({ target: '/b' }),
      of({ fields: [] }),
      of({ fields: [['host', 'b']] }),
      of({
        fields: [
          ['host', 'a'],
          ['x', ''],
        ],
      }),
      of({ body: bytes('c') }),
      of({ declared: '2' }),
      of({ truncated: true }),
      of({ method: 'GET/', target: 'a' }),
      of({ target: '/ab', body: bytes('') }),
      of({ fields: [['hosta', '']] }),
    ];
    expect(new Set(differing).size).toBe(differing.length);
  });

  test('does not depend on the order or case of different headers, but on the order of equal ones', () => {
    const a: Field[] = [
      ['B', '1'],
      ['a', '2'],
      ['b', '3'],
    ];
    expect(of({ fields: a })).toBe(
      of({
        fields: [
          ['A', '2'],
          ['b', '1'],
          ['B', '3'],
        ],
      }),
    );
    expect(of({ fields: a })).not.toBe(
      of({
        fields: [
          ['a', '2'],
          ['b', '3'],
          ['b', '1'],
        ],
      }),
    );
  });

  test('never outgrows what intercept takes, and still tells requests apart', async () => {
    const shot = async (last: string) =>
      (await take(facts({ fields: [['x-long', '.'.repeat(20_000) + last]] }), { max: 1_000 })).fingerprint;
    expect((await shot('a')).length).toBeLessThanOrEqual(2_000);
    expect(await shot('a')).toBe(await shot('a'));
    expect(await shot('a')).not.toBe(await shot('b'));
  });

  test('of a captured request ignores secrets, which evidence does not show either', async () => {
    const redactQuery = new Set(['token']);
    const shot = async (cookie: string, token: string, agent: string) =>
      (
        await take(
          facts({
            target: `/?token=${token}&q=1`,
            fields: [
              ['cookie', cookie],
              ['user-agent', agent],
            ],
            content: 'a',
          }),
          { plan: { redactQuery } },
        )
      ).fingerprint;
    expect(await shot('a', '1', 'curl')).toBe(await shot('b', '2', 'curl'));
    expect(await shot('a', '1', 'curl')).not.toBe(await shot('a', '1', '$' + '{jndi:ldap://a}'));
  });
});

describe('within', () => {
  test('gives the value, the failure, or LATE, and never leaves a timer', async () => {
    vi.useFakeTimers();
    expect(await within(Promise.resolve(1), 10)).toBe(1);
    await expect(within(Promise.reject(new Error('no')), 10)).rejects.toThrow('no');
    expect(vi.getTimerCount()).toBe(0);
    let fail: (error: Error) => void = () => {};
    const waiting = within(
      new Promise((_, reject) => {
        fail = reject;
      }),
      10,
    );
    await vi.advanceTimersByTimeAsync(10);
    expect(await waiting).toBe(LATE);
    fail(new Error('too late, and nobody’s'));
    await vi.advanceTimersByTimeAsync(0);
  });
});

test('octets: one byte per character while all are bytes', () => {
  expect([...octets('a\xff\0')]).toEqual([97, 255, 0]);
  expect([...octets('\u0100')]).toEqual([0xc4, 0x80]);
});
