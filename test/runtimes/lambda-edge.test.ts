/**
 * Guards the function of CloudFront: what it hands on, refuses and keeps in each of the four events, and that CloudFront
 * takes every one of its answers.
 *
 * Files: `runtimes/lambda-edge/event.ts`, `runtimes/lambda-edge/handler.ts`, `runtimes/lambda-edge/response.ts`.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type CloudFrontEvent,
  type CloudFrontRequest,
  type CloudFrontResponse,
  createTracehound,
  handler,
  lambdaEdge,
  settle,
  type Tracehound,
  type TracehoundLambdaEdgeOptions,
  type TracehoundOptions,
} from '../../runtimes/lambda-edge/index';
import { awsWafSignals } from '../../src/signals/aws-waf';
import { EVENT_TYPES, event, faults } from './cloudfront';

const THREAT = { category: 'path.traversal', severity: 'high' } as const;
const detect: NonNullable<TracehoundLambdaEdgeOptions['detect']> = ({ request, response }) =>
  request.uri.includes('..') || response?.status === '418' ? THREAT : undefined;

interface Stage {
  th: Tracehound;
  call(event: CloudFrontEvent): Promise<CloudFrontRequest | CloudFrontResponse>;
}

/** A function whose every answer is shown to CloudFront. */
function mounted(options: TracehoundLambdaEdgeOptions = {}, of: TracehoundOptions = {}): Stage {
  const th = createTracehound({ rateLimit: { limit: 3 }, quiet: true, ...of });
  const guarded = handler(th, { detect, ...options });
  return {
    th,
    call: async (event) => {
      const before = structuredClone(event);
      const result = await guarded(event);
      expect(faults(before, result)).toEqual([]);
      return result;
    },
  };
}

const attack = { uri: '/../../etc/passwd', querystring: 'a=%2e%2e' };
const status = (result: CloudFrontRequest | CloudFrontResponse): string =>
  'status' in result ? result.status : 'passed';
const evidence = ({ th }: Stage, at = 0): string => {
  const handle = th.quarantine.list()[at]!;
  return Buffer.from(th.quarantine.read(handle.signature)).toString('latin1');
};

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('every event', () => {
  it.each(EVENT_TYPES)('%s: what nobody flags goes on, as it came', async (type) => {
    const stage = mounted();
    const before = event(type);
    const { request, response } = before.Records[0]!.cf;
    expect(await stage.call(before)).toBe(response ?? request);
    expect(stage.th.quarantine.stats.count).toBe(0);
  });

  it.each(EVENT_TYPES)('%s: a threat is kept; it is refused where CloudFront lets a function refuse', async (type) => {
    const stage = mounted();
    const before = event(type, attack);
    const result = await stage.call(before);
    const [handle] = stage.th.quarantine.list();
    expect(handle).toMatchObject({ category: 'path.traversal', seen: 1 });
    expect(evidence(stage)).toMatch(/^GET \/\.\.\/\.\.\/etc\/passwd\?a=%2e%2e HTTP\/0\.0\r\n/);
    expect(evidence(stage)).toMatch(/\r\nTracehound-Target: url\r\nTracehound-Version: unsaid\r\nTracehound-Auth/);
    if (type === 'viewer-response') {
      expect(result).toBe(before.Records[0]!.cf.response);
      expect(handle!.disposition).toBe('observed');
      return;
    }
    expect(handle!.disposition).toBe('refused');
    expect(status(result)).toBe('403');
    const { body, headers } = result as CloudFrontResponse;
    expect(headers?.['content-type']).toEqual([{ key: 'content-type', value: 'application/problem+json' }]);
    const { trace } = JSON.parse(body!) as { trace: string };
    expect(stage.th.quarantine.find(trace)?.id).toBe(handle!.id);
    expect(body).not.toContain('passwd');
  });

  it.each(EVENT_TYPES)('%s: a detector sees what the event shows', async (type) => {
    const seen: string[] = [];
    const stage = mounted({
      detect: ({ config, request, response }) => {
        seen.push(`${config.eventType} ${request.method} ${response?.status ?? 'unanswered'}`);
        return undefined;
      },
    });
    await stage.call(event(type));
    expect(seen).toEqual([`${type} GET ${type.endsWith('response') ? '200' : 'unanswered'}`]);
  });

  it('refuses what the answer of the origin gives away', async () => {
    const stage = mounted();
    expect(status(await stage.call(event('origin-response', {}, { status: '418' })))).toBe('403');
    expect(status(await stage.call(event('origin-response', {}, { status: '404' })))).toBe('404');
  });
});

describe('the limiter', () => {
  it.each(['viewer-request', 'origin-request'] as const)('%s: the fourth of three is answered 429', async (type) => {
    const stage = mounted();
    const answers = [];
    for (let i = 0; i < 4; i++) answers.push(await stage.call(event(type)));
    expect(answers.map(status)).toEqual(['passed', 'passed', 'passed', '429']);
    const { headers, statusDescription } = answers[3] as CloudFrontResponse;
    expect(statusDescription).toBe('Too Many Requests');
    expect(Number(headers!['retry-after']![0]!.value)).toBeGreaterThan(0);
    expect(headers!['ratelimit-policy']![0]!.value).toContain('q=3');
    expect(status(await stage.call(event(type, { clientIp: '2001:db8::1' })))).toBe('passed');
  });

  it('charges nothing in the response events: the request was charged where it came in', async () => {
    const stage = mounted();
    for (let i = 0; i < 9; i++) await stage.call(event('origin-response'));
    for (let i = 0; i < 9; i++) await stage.call(event('viewer-response'));
    expect(stage.th.rateLimiter.peek('203.0.113.178').remaining).toBe(3);
  });

  it('refuses no answer because its source is over the limit: it was let in', async () => {
    const stage = mounted();
    for (let i = 0; i < 3; i++) await stage.call(event('viewer-request'));
    expect(status(await stage.call(event('origin-response')))).toBe('200');
  });

  it('asks the detector without a limiter too', async () => {
    const stage = mounted({}, { rateLimit: false });
    expect(status(await stage.call(event('origin-response', attack)))).toBe('403');
  });
});

describe('the body', () => {
  const body = (data: Uint8Array | string, inputTruncated = false): Partial<CloudFrontRequest> => ({
    ...{ ...attack, method: 'POST' },
    headers: { 'content-length': [{ key: 'Content-Length', value: String(Buffer.byteLength(data)) }] },
    body: { action: 'read-only', encoding: 'base64', data: Buffer.from(data).toString('base64'), inputTruncated },
  });

  it('is kept byte for byte', async () => {
    const stage = mounted();
    await stage.call(event('viewer-request', body(Uint8Array.of(0, 255, 128, 10, 13))));
    expect(evidence(stage)).toContain('\r\nTracehound-Body-State: complete\r\n');
    expect(evidence(stage).endsWith('\r\n\r\n\0\xff\x80\n\r')).toBe(true);
    expect(stage.th.quarantine.list()[0]!.truncated).toBe(false);
  });

  it('is said to be cut where CloudFront cut it', async () => {
    const stage = mounted();
    await stage.call(event('viewer-request', body('a'.repeat(40_960), true)));
    expect(evidence(stage)).toContain('\r\nTracehound-Body-State: cut\r\n');
    expect(evidence(stage)).toContain('\r\nTracehound-Truncated: body\r\n');
    expect(stage.th.quarantine.list()[0]!.truncated).toBe(true);
  });

  it('makes two attacks of a cut body and the whole of the same bytes', async () => {
    const stage = mounted();
    await stage.call(event('viewer-request', body('same', true)));
    await stage.call(event('viewer-request', body('same', false)));
    expect(stage.th.quarantine.stats.count).toBe(2);
  });

  it('is said to be hidden where "Include body" is off', async () => {
    const stage = mounted();
    const headers = { 'content-length': [{ key: 'Content-Length', value: '5' }] };
    await stage.call(event('viewer-request', { ...attack, method: 'POST', headers }));
    expect(evidence(stage)).toContain('\r\nTracehound-Body-State: hidden\r\n');
  });

  it('goes on untouched', async () => {
    const stage = mounted();
    const before = event('origin-request', { ...body('{"a":1}'), uri: '/' });
    const copy = structuredClone(before);
    expect(await stage.call(before)).toEqual(copy.Records[0]!.cf.request);
  });

  it('that is no base64 costs the body, never the refusal', async () => {
    const stage = mounted();
    const broken = { action: 'read-only', encoding: 'base64', data: '\u0000%%%' } as const;
    expect(status(await stage.call(event('viewer-request', { ...attack, method: 'POST', body: broken })))).toBe('403');
    expect(stage.th.quarantine.stats.count).toBe(1);
  });
});

describe('an answer of your own', () => {
  const answered = async (response: Response, type: 'viewer-request' | 'origin-request' = 'viewer-request') => {
    const stage = mounted({ onRefused: () => response });
    return (await stage.call(event(type, attack))) as CloudFrontResponse;
  };

  it('loses the headers that CloudFront forbids, and keeps the others', async () => {
    const { headers } = await answered(
      new Response('no', {
        status: 451,
        headers: [
          ...(['Connection', 'Content-Length', 'Via', 'Transfer-Encoding', 'X-Cache', 'X-Edge-Location'] as const).map(
            (name): [string, string] => [name, '1'],
          ),
          ...(['X-Amz-Cf-Id', 'X-Amzn-RequestId', 'X-Accel-Redirect', 'Proxy-Authenticate', 'Trailer'] as const).map(
            (name): [string, string] => [name, '1'],
          ),
          ...([
            ['X-Real-IP', '1'],
            ['X-Forwarded-Proto', '1'],
            ['X-Own', 'kept'],
          ] as [string, string][]),
          ...([
            ['Set-Cookie', 'a=1, b'],
            ['Set-Cookie', 'c=2'],
          ] as [string, string][]),
        ],
      }),
    );
    expect(Object.keys(headers!).sort()).toEqual(['content-type', 'set-cookie', 'x-own']);
    expect(headers!['set-cookie']!.map(({ value }) => value)).toEqual(['a=1, b', 'c=2']);
  });

  it('is sent as text where it is text, else as base64', async () => {
    expect(await answered(new Response('žluťoučký', { status: 403 }))).toMatchObject({
      body: 'žluťoučký',
      bodyEncoding: 'text',
    });
    const bytes = Uint8Array.of(0xff, 0xfe, 0);
    expect(await answered(new Response(bytes, { status: 403 }))).toMatchObject({
      body: '//4A',
      bodyEncoding: 'base64',
    });
    expect(await answered(new Response(null, { status: 403 }))).not.toHaveProperty('body');
  });

  it.each([
    ['viewer-request', 40_960],
    ['origin-request', 1_048_576],
  ] as const)('%s: at most %d bytes; a larger one loses its body and stays a refusal', async (type, max) => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const fits = await answered(new Response('a'.repeat(max - 200), { status: 403 }), type);
    expect(fits.body).toHaveLength(max - 200);
    expect(warn).not.toHaveBeenCalled();
    const large = await answered(new Response('a'.repeat(max + 1), { status: 403 }), type);
    expect([large.status, large.body]).toEqual(['403', undefined]);
    // In base64 it would be a third longer.
    const binary = await answered(new Response(new Uint8Array(max - 200).fill(0xff), { status: 403 }), type);
    expect([binary.status, binary.body]).toEqual(['403', undefined]);
    expect(warn).toHaveBeenCalledTimes(2);
  });

  it('that breaks on the way stays a refusal', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) });
    const { status, headers } = await answered(new Response(broken, { status: 403 }));
    expect([status, headers]).toEqual(['403', { 'cache-control': [{ key: 'Cache-Control', value: 'no-store' }] }]);
    expect(warn).toHaveBeenCalledOnce();
  });

  it('that never ends is not waited for', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(8_192)) });
    expect((await answered(new Response(endless, { status: 403 }))).body).toBeUndefined();
  });
});

describe('hostile events', () => {
  it.each([undefined, null, {}, { Records: [] }, { Records: [{ cf: {} }] }, { Records: [{ cf: { request: {} } }] }])(
    'what CloudFront did not send is an error, not an answer: %j',
    async (given) => {
      const { th } = mounted();
      await expect(handler(th, { detect })(given as never)).rejects.toThrow(/^lambda-edge: not an event of CloudFront/);
    },
  );

  it('headers that are none of HTTP break nothing: the request is judged, the fields are kept without their teeth', async () => {
    const headers = {
      host: [{ key: 'Host', value: 'a\r\nb' }],
      'bad name': [{ key: 'Bad Name', value: '1' }],
      emoji: [{ key: 'Emoji', value: '😀' }],
      good: [{ key: 'Good', value: '1' }],
    };
    const stage = mounted();
    expect(status(await stage.call(event('viewer-request', { ...attack, headers })))).toBe('403');
    for (const line of ['Good: 1', 'Host: a%0D%0Ab', 'Bad%20Name: 1']) {
      expect(evidence(stage)).toContain(`\r\n${line}\r\n`);
    }
  });

  it('a detector that throws lets the request on, or not, as it was told', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    const boom = (): never => {
      throw new Error('boom');
    };
    expect(status(await mounted({ detect: boom }).call(event('viewer-request')))).toBe('passed');
    const strict = mounted({ detect: boom, onDetectorFailure: 'refuse' });
    expect(status(await strict.call(event('viewer-request')))).toBe('503');
  });

  it('HEAD is answered without a body', async () => {
    expect(await mounted().call(event('viewer-request', { ...attack, method: 'HEAD' }))).not.toHaveProperty('body');
  });

  it('shadow records and hands on', async () => {
    const stage = mounted({ shadow: true });
    expect(status(await stage.call(event('viewer-request', attack)))).toBe('passed');
    expect(stage.th.quarantine.list()[0]!.disposition).toBe('observed');
  });
});

describe('a detector in front of CloudFront', () => {
  const waf = awsWafSignals({ trust: 'platform', headers: { attack: { category: 'waf', severity: 'high' } } });
  const says = (...values: string[]) => ({
    'x-amzn-waf-attack': values.map((value) => ({ key: 'X-Amzn-Waf-Attack', value })),
  });

  it('is believed', async () => {
    const stage = mounted({ signals: [waf] });
    expect(status(await stage.call(event('viewer-request', { headers: says('sqli') })))).toBe('403');
    expect(stage.th.quarantine.list()[0]!.category).toBe('waf');
  });

  it('that speaks twice: the request is refused as the graver of what was said and a forgery', async () => {
    for (const [severity, category] of [
      ['high', 'waf'],
      ['low', 'forged-signal'],
    ] as const) {
      const signals = [awsWafSignals({ trust: 'platform', headers: { attack: { category: 'waf', severity } } })];
      const stage = mounted({ signals });
      expect(status(await stage.call(event('viewer-request', { headers: says('a', 'b') })))).toBe('403');
      expect(stage.th.quarantine.list()[0]!.category).toBe(category);
    }
  });

  it('loses a forged voice on the way to the origin', async () => {
    const untrusted = awsWafSignals({ trust: () => false, headers: { attack: { category: 'waf', severity: 'high' } } });
    const stage = mounted({ signals: [untrusted], allow: () => true });
    const passed = (await stage.call(event('viewer-request', { headers: says('sqli') }))) as CloudFrontRequest;
    expect(passed.headers).toEqual({});
  });
});

describe('work that outlives its request', () => {
  it('is waited for, because nothing runs once the answer is given', async () => {
    let done = false;
    const stage = mounted({
      onResult: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        done = true;
      },
    });
    await stage.call(event('viewer-request', attack));
    expect(done).toBe(true);
  });

  it('is not waited for longer than a second', async () => {
    vi.useFakeTimers();
    let release = (): void => {};
    const stage = mounted({
      onResult: () =>
        new Promise<void>((resolve) => {
          release = resolve;
        }),
    });
    const answer = stage.call(event('viewer-request', attack));
    await vi.advanceTimersByTimeAsync(999);
    expect(await Promise.race([answer, Promise.resolve('waiting')])).toBe('waiting');
    await vi.advanceTimersByTimeAsync(1);
    expect(status(await answer)).toBe('403');
    release();
    await settle();
  });

  it('that fails is reported and ends nothing', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const stage = mounted({ onResult: () => Promise.reject(new Error('sink down')) });
    expect(status(await stage.call(event('viewer-request', attack)))).toBe('403');
    expect(warn).toHaveBeenCalledWith('Tracehound:', expect.objectContaining({ message: 'sink down' }));
  });
});

describe('who is asking', () => {
  it('is what CloudFront says, never a header', () => {
    const { request } = event('viewer-request', {
      headers: { 'x-forwarded-for': [{ key: 'X-Forwarded-For', value: '192.0.2.9' }] },
    }).Records[0]!.cf;
    expect(lambdaEdge.source(request)).toEqual({ address: '203.0.113.178' });
    // Hono's `handle` of hono/lambda-edge wraps it.
    expect(lambdaEdge.source(new Request('https://a.example/'), { request })).toEqual({ address: '203.0.113.178' });
    expect(lambdaEdge.source({})).toBeUndefined();
  });
});
