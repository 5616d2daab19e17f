/** Guards the evidence (src/http/capture.ts): one message within its budget, no secrets, no forged fields. */

import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { declaredLength, OWN_BYTES_MAX, takenBody } from '../../../src/http/capture';
import type { Buffered, Facts } from '../../../src/http/facts';
import type { Field } from '../../../src/http/message';
import { Redaction } from '../../../src/http/redaction';
import type { Source } from '../../../src/types/index';
import { bytes, facts, secrets, stream, take, text } from '../../lab/capture';

const SECRET_HEADERS = ['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'x-api-key', 'x-csrf-token'];

afterEach(() => {
  vi.useRealTimers();
});

describe('the message', () => {
  test('has the target as it came, in each of its four forms', async () => {
    const start = async (over: Partial<Facts>): Promise<string> => {
      const { payload } = await take(facts(over));
      return `${payload.slice(0, payload.indexOf('\r\n'))} ${/Tracehound-Target: (\w+)/.exec(payload)?.[1]}`;
    };
    expect(await start({ target: '/a/../b' })).toBe('POST /a/../b HTTP/1.1 raw');
    expect(await start({ target: 'http://other.example/x' })).toBe('POST http://other.example/x HTTP/1.1 raw');
    expect(await start({ target: '*', method: 'OPTIONS' })).toBe('OPTIONS * HTTP/1.1 raw');
    expect(await start({ method: 'CONNECT', target: 'a.example:443' })).toBe('CONNECT a.example:443 HTTP/1.1 raw');
    expect(await start({ method: 'CONNECT' })).toBe('CONNECT shop.example HTTP/1.1 normalised');
    expect(await start({ method: 'CONNECT', target: 'a b:443' })).toBe('CONNECT a%20b:443 HTTP/1.1 raw');
  });

  test('says whom it was asked of, by what, and how that is known', async () => {
    const own = async (over: Partial<Facts>): Promise<(string | undefined)[]> => {
      const { start, fields } = await take(facts(over));
      const said = ['Authority', 'Authority-From', 'Scheme', 'Version'].map((name) => fields.get(`Tracehound-${name}`));
      return [start.slice(start.lastIndexOf(' ') + 1), ...said];
    };
    const line = { target: '/x', scheme: 'https' };
    expect(await own(line)).toEqual(['HTTP/1.1', 'shop.example', 'host', 'https', undefined]);
    const two = { ...line, authority: 'h2.example:8443', version: '2.0', headers: new Headers() };
    expect(await own(two)).toEqual(['HTTP/2.0', 'h2.example:8443', 'pseudo', 'https', undefined]);
    const tunnel = { ...line, target: 'http://user:pw@meta.internal/' };
    expect(await own(tunnel)).toEqual(['HTTP/1.1', 'meta.internal', 'target', 'http', undefined]);
    expect(await own({ ...line, headers: new Headers() })).toEqual([
      'HTTP/1.1',
      undefined,
      undefined,
      'https',
      undefined,
    ]);
    expect(await own({ headers: new Headers(), version: undefined })).toEqual([
      ...['HTTP/0.0', 'shop.example', 'url', 'http', 'unsaid'],
    ]);
  });

  test('whose authority is too long says so', async () => {
    const got = await take(facts({ target: '/x', authority: 'a'.repeat(300), version: '2.0' }));
    expect(got.fields.get('Tracehound-Authority')).toBe('a'.repeat(256));
    expect(got.fields.get('Tracehound-Truncated')).toBe('authority');
    expect(got.truncated).toBe(true);
  });

  test('too small for our own fields says in its target whom an HTTP/2 request was asked of', async () => {
    const two = { target: '/x?a', authority: 'h2.example', version: '2.0', scheme: 'https', headers: new Headers() };
    expect((await take(facts(two), { max: 1_000 })).start).toBe('POST https://h2.example/x?a HTTP/2.0');
    expect((await take(facts({ ...two, target: '*' }), { max: 1_000 })).start).toBe('POST * HTTP/2.0');
    expect((await take(facts(two))).start).toBe('POST /x?a HTTP/2.0');
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
        'Tracehound-Authority: shop.example',
        'Tracehound-Authority-From: host',
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
    for (const target of [undefined, '']) {
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
      'Tracehound-Authority',
      'Tracehound-Authority-From',
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
        authority: long,
        scheme: long,
        version: undefined,
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
    expect(got.fields.get('Tracehound-Truncated')).toBe('start, authority, headers, body');
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
  test('a payload too small for our own fields keeps the message itself', async () => {
    const got = await take(facts({ content: 'x'.repeat(9_000) }), { max: 1_000 });
    expect(got.payload).toMatch(
      /^POST \/login\?next=\/ HTTP\/1\.1\r\ncontent-length: 9000\r\nhost: shop\.example\r\n\r\nx+$/,
    );
    expect(got.payload).toHaveLength(1_000);
    expect(got.truncated).toBe(true);
  });
});

test('a capture costs what it is given: a square of these sizes would be hours, which the runner ends', async () => {
  const units = 2 ** 17;
  const word = (unit: string): string => unit.repeat(units / unit.length);
  const odd = ['a', ', ', '%', '\r\n', '\u20ac', ';=', '@', '(a) ', '#&'].map(word);
  for (const text of odd) {
    const fields: Field[] = ['via', 'forwarded', 'traceparent', 'referer', 'x-own', 'cookie'].map((name) => [
      name,
      text,
    ]);
    fields.push(...Array.from({ length: 4_000 }, (_, index): Field => [`x-${index % 7}`, text.slice(0, 8)]));
    const got = await take(facts({ target: `http://${text}/${text}`, authority: text, fields, content: text }), {
      plan: { redactQuery: secrets([], ['token']).query },
    });
    expect(got.payload.length).toBeLessThanOrEqual(65_536);
  }
});

describe('secrets', () => {
  test('in the authority of a target are replaced, and make no new attack', async () => {
    const shot = (user: string) => take(facts({ target: `http://${user}@meta.internal:80/x` }));
    const got = await shot('admin:s3cr3t');
    expect(got.start).toMatch(/^POST http:\/\/hmac:[0-9a-f]{16}@meta\.internal:80\/x HTTP\/1\.1$/);
    expect(got.payload).not.toContain('s3cr3t');
    expect(got.fields.get('Tracehound-Authority')).toBe('meta.internal:80');
    expect((await shot('other:pw')).fingerprint).toBe(got.fingerprint);
  });

  const secret = 'Bearer s3cr3t-value';

  test('are replaced by keyed fingerprints: equal for equal, never in clear', async () => {
    const fields = [...SECRET_HEADERS, 'X-Own', 'x-plain'].map((name): Field => [name, secret]);
    const got = await take(facts({ fields }), { plan: { redactHeaders: secrets(['x-own']).headers } });
    const hidden = got.fields.get('authorization') as string;
    expect(hidden).toMatch(/^hmac:[0-9a-f]{16}$/);
    for (const name of [...SECRET_HEADERS, 'X-Own']) expect(got.fields.get(name)).toBe(hidden);
    expect(got.fields.get('x-plain')).toBe(secret);
  });

  test('in the query are replaced too, in target and referer, however they are written', async () => {
    const redactQuery = secrets([], ['token', 'api key']).query;
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
    const redaction = new Redaction(secrets(['cookie']).headers, secrets([], ['t']).query, () => {
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
  test('states: none, hidden, busy, consumed are said, and what was not read is not called drained', async () => {
    const length = new Headers({ 'content-length': '5' });
    const state = async (request: Facts, places = 1) => {
      const got = await take(request, { places });
      return [got.fields.get('Tracehound-Body-State'), got.fields.get('Tracehound-Body-Length'), got.drained];
    };
    const locked = stream([bytes('x')]);
    locked.getReader();
    expect(await state(facts())).toEqual(['none', 'none', true]);
    expect(await state(facts({ content: stream([]) }))).toEqual(['none', 'none', true]);
    expect(await state(facts({ content: '' }))).toEqual(['none', '0', true]);
    expect(await state(facts({ headers: length }))).toEqual(['hidden', '5', false]);
    expect(await state(facts({ content: 'abcde' }), 0)).toEqual(['busy', '5', false]);
    expect(await state(facts({ content: stream([]) }), 0)).toEqual(['busy', 'none', false]);
    expect(await state(facts(), 0)).toEqual(['none', 'none', true]);
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
  test('never outgrows what intercept takes, and still tells requests apart', async () => {
    const shot = async (last: string) =>
      (await take(facts({ fields: [['x-long', '.'.repeat(20_000) + last]] }), { max: 1_000 })).fingerprint;
    expect((await shot('a')).length).toBeLessThanOrEqual(2_000);
    expect(await shot('a')).toBe(await shot('a'));
    expect(await shot('a')).not.toBe(await shot('b'));
  });

  test('of a captured request ignores secrets, which evidence does not show either', async () => {
    const redactQuery = secrets([], ['token']).query;
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

test('a body that was read where nobody kept it is said to be gone, and what would have kept it; a whole one is not', async () => {
  const request = new Request('http://shop.example/', { method: 'POST', body: 'x' });
  expect(takenBody(request, 'this')).toBeUndefined();
  await request.text();
  await expect(takenBody(request, '`request.clone()`')).rejects.toThrow(
    new TypeError('body: read where it is not kept, expected `request.clone()`, got a body that is gone'),
  );
  expect(takenBody(new Request('http://shop.example/'), 'this')).toBeUndefined();
});
