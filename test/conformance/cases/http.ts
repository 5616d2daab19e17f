/**
 * What is answered over HTTP, what is kept of a request, and that a body passes as it came.
 */
import { type FetchHandler, tracehound } from '../../../src/adapters/fetch';
import type { GuardOptions } from '../../../src/http/guard';
import type { TracehoundOptions } from '../../../src/types/index';
import { same, that } from '../assert';
import { type Case, type Stage, THREAT } from '../stage';

type Handler = FetchHandler<[]>;

const URL = 'https://shop.example/cart?id=1';
const hello: Handler = () => new Response('hello');
/** Flags what says so in its path. */
const detect: NonNullable<GuardOptions<Request>['detect']> = ({ url }) => (url.includes('attack') ? THREAT : undefined);

function site(
  { instance }: Stage,
  options: GuardOptions<Request> = {},
  of: TracehoundOptions = {},
  handler: Handler = hello,
) {
  const { th, world } = instance({ rateLimit: { limit: 3 }, ...of });
  return { th, world, fetch: tracehound(th, { detect, source: () => '192.0.2.1', ...options })(handler) };
}

const attack = (body?: BodyInit | null, headers: Record<string, string> = {}, method = 'POST'): Request =>
  new Request('https://shop.example/attack?q=%27', {
    ...{ method, headers, body: method === 'POST' ? (body ?? null) : null },
    ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
  } as RequestInit);

/** The only item that is held, as characters 0 … 255. */
function kept({ th }: ReturnType<typeof site>): string {
  const [handle] = th.quarantine.list();
  that(handle !== undefined, 'expected evidence');
  let text = '';
  for (const byte of th.quarantine.read(handle.signature)) text += String.fromCharCode(byte);
  return text;
}

/** Bytes that tell where they were. */
const pattern = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i ^ (i >>> 8)) & 0xff);

function streamOf(...chunks: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      const chunk = chunks.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
  });
}

export const http: readonly Case[] = [
  {
    part: 'http',
    promise: 'passes what nobody flags, and says on it what is left of the limit',
    run: async (stage) => {
      const response = await site(stage).fetch(new Request(URL));
      same([response.status, await response.text()], [200, 'hello'], 'answer');
      const [policy, rate] = [response.headers.get('ratelimit-policy') ?? '', response.headers.get('ratelimit') ?? ''];
      that(/^"default";q=3;w=60;pk=:[\w+/=]+:$/.test(policy), `expected a policy, got ${policy}`);
      that(/^"default";r=2;t=\d+;pk=:[\w+/=]+:$/.test(rate), `expected what is left, got ${rate}`);
    },
  },
  {
    part: 'http',
    promise: 'asks a limiter of the platform in the place of ours, calls it approximate, and records what it refused',
    run: async (stage) => {
      let left = 2;
      const charge = () => {
        const allowed = left > 0;
        left = Math.max(0, left - 1);
        const rate = {
          allowed,
          blocked: !allowed,
          limit: 2,
          remaining: left,
          resetMs: 10_000,
          degraded: false,
        } as const;
        return { ...rate, retryAfterMs: allowed ? 0 : 60_000, approximate: true } as const;
      };
      const { th, fetch } = site(stage, {}, { rateLimit: { limit: 2, windowMs: 10_000, charge } });
      const passed = await fetch(new Request(URL));
      const flagged = await fetch(attack('x'));
      const refused = [await fetch(attack('x')), await fetch(new Request(URL))];
      same(
        [passed, flagged, ...refused].map(({ status }) => status),
        [200, 403, 429, 429],
        'status',
      );
      for (const { headers } of [passed, flagged, ...refused]) {
        const policy = headers.get('ratelimit-policy') ?? '';
        that(policy.startsWith('"approximate";q=2;w=10;'), `expected a policy called approximate, got ${policy}`);
      }
      same(refused[0]!.headers.get('retry-after'), '60', 'Retry-After');
      const limited = th.audit.export().records.filter((record) => record[1] === 19);
      same(
        limited.map((record) => [record[3], record[5], record[6]]),
        [
          [2, 32, 1],
          [2, 32, 1],
        ],
        'LIMITED records',
      );
      const { seen, flagged: threats, byStatus } = th.watcher.snapshot().totals;
      same([seen, threats, byStatus.rate_limited], [4, 1, 2], 'totals');
    },
  },
  {
    part: 'http',
    promise: 'answers a source over its limit 429, and when to come again',
    run: async (stage) => {
      const { fetch } = site(stage);
      for (let i = 0; i < 3; i++) await fetch(new Request(URL));
      const response = await fetch(new Request(URL));
      same(response.status, 429, 'status');
      same(response.headers.get('content-type'), 'application/problem+json', 'content type');
      that(Number(response.headers.get('retry-after')) >= 1, 'expected Retry-After');
      const problem = (await response.json()) as Record<string, unknown>;
      same([problem.title, problem['violated-policies']], ['Quota exceeded', ['default']], 'problem');
    },
  },
  {
    part: 'http',
    promise: 'answers every threat alike, whatever became of it, but for a trace that only the owner can read',
    run: async (stage) => {
      const small = { maxPayloadBytes: 1_024, quarantine: { maxCount: 1, maxBytes: 1_024 }, rateLimit: false } as const;
      const { fetch, th } = site(stage, {}, small);
      const answers: { text: string; headers: string; trace: string }[] = [];
      for (const body of ['a', 'a', 'b'.repeat(5_000), 'c']) {
        const response = await fetch(attack(body));
        same(response.status, 403, 'status');
        const problem = (await response.json()) as { trace: string };
        const { trace } = problem;
        that(/^[0-9a-f]{48}$/.test(trace), `expected a trace of one length, got ${trace}`);
        const headers = [...response.headers]
          .map(([name, value]) => `${name}: ${value}`)
          .sort()
          .join('\n');
        answers.push({ text: JSON.stringify({ ...problem, trace: '' }), headers, trace });
      }
      for (const { text, headers } of answers)
        same({ text, headers }, { text: answers[0]!.text, headers: answers[0]!.headers }, 'answers');
      same(new Set(answers.map(({ trace }) => trace)).size, 4, 'traces');
      const held = th.quarantine.list()[0]!.id;
      that(
        answers.some(({ trace }) => th.quarantine.find(trace)?.id === held),
        'expected a trace to lead to what is held',
      );
      that(!answers[0]!.text.includes('attack') && !answers[0]!.text.includes('sqli'), 'expected nothing reflected');
    },
  },
  {
    part: 'http',
    promise: 'answers HEAD without a body and forbids everybody to keep a refusal',
    run: async (stage) => {
      const response = await site(stage).fetch(attack(null, {}, 'HEAD'));
      same([response.status, await response.text()], [403, ''], 'answer');
      same(
        [response.headers.get('cache-control'), response.headers.get('x-content-type-options')],
        ['no-store', 'nosniff'],
        'headers',
      );
    },
  },
  {
    part: 'http',
    promise: 'changes nothing in shadow: the application answers, the log says what was observed',
    run: async (stage) => {
      const echo: Handler = async (request) => new Response(await request.text(), { headers: { 'x-app': '1' } });
      const guarded = site(stage, { shadow: true }, { rateLimit: { limit: 1 } }, echo);
      for (let i = 0; i < 3; i++) {
        const response = await guarded.fetch(attack('as it came'));
        same(
          [response.status, await response.text(), response.headers.get('ratelimit')],
          [200, 'as it came', null],
          'answer',
        );
      }
      same(guarded.th.quarantine.list()[0]?.disposition, 'observed', 'disposition');
    },
  },
  {
    part: 'http',
    promise: 'lets a failing detector neither flag nor free: the request does as `onDetectorFailure` says',
    run: async (stage) => {
      const failing = {
        detect: () => {
          throw new Error('detector');
        },
      };
      same((await site(stage, failing).fetch(new Request(URL))).status, 200, 'open');
      same(
        (await site(stage, { ...failing, onDetectorFailure: 'refuse' }).fetch(new Request(URL))).status,
        503,
        'refuse',
      );
      const never = { detect: () => new Promise<undefined>(() => {}), detectTimeoutMs: 20 };
      const { fetch, th } = site(stage, { ...never, onDetectorFailure: 'refuse' });
      same((await fetch(new Request(URL))).status, 503, 'too late');
      same(th.watcher.snapshot().totals.uninspected, 1, 'uninspected');
    },
  },
  {
    part: 'http',
    promise: 'keeps a request as it came, secrets by fingerprint, and no field of a client under our own names',
    run: async (stage) => {
      const guarded = site(stage);
      const headers = { 'x-note': 'kept', authorization: 'Bearer hunter2', 'tracehound-source': '10.0.0.1' };
      await guarded.fetch(attack('user=admin', headers));
      const text = kept(guarded);
      // Nobody sent this request, so no version of HTTP may be claimed for it.
      that(text.startsWith('POST /attack?q=%27 HTTP/0.0\r\n'), `got ${text.slice(0, 40)}`);
      for (const line of ['\r\nx-note: kept\r\n', '\r\nuntrusted-tracehound-source: 10.0.0.1\r\n']) {
        that(text.includes(line), `expected ${JSON.stringify(line)} in ${JSON.stringify(text)}`);
      }
      that(/\r\nauthorization: hmac:[0-9a-f]{16}\r\n/.test(text), 'expected the fingerprint of the secret');
      that(!text.includes('hunter2'), 'expected no secret');
      that(text.endsWith('\r\n\r\nuser=admin'), 'expected the body at the end');
    },
  },
  {
    part: 'body',
    promise: 'passes a body of any size untouched when nobody flags it',
    run: async (stage) => {
      const sizes: number[] = [];
      const reader: Handler = async (request) => {
        const bytes = new Uint8Array(await request.arrayBuffer());
        sizes.push(bytes.length);
        return new Response(bytes);
      };
      const { fetch } = site(stage, {}, { rateLimit: false }, reader);
      for (const length of [1, 1_000, 65_537, 300_000]) {
        const response = await fetch(new Request(URL, { method: 'POST', body: pattern(length) }));
        same(new Uint8Array(await response.arrayBuffer()), pattern(length), `${length} bytes`);
      }
      same(sizes, [1, 1_000, 65_537, 300_000], 'what the application read');
    },
  },
  {
    part: 'body',
    promise: 'hands the application the whole body again after it kept a prefix of it',
    run: async (stage) => {
      const echo: Handler = async (request) => new Response(await request.arrayBuffer());
      const guarded = site(stage, { shadow: true }, { maxPayloadBytes: 4_096, rateLimit: false }, echo);
      const whole = pattern(50_000);
      const pieces = [whole.slice(0, 3), whole.slice(3, 20_000), whole.slice(20_000, 20_001), whole.slice(20_001)];
      const response = await guarded.fetch(attack(streamOf(...pieces)));
      same(new Uint8Array(await response.arrayBuffer()), whole, 'what the application read');
      const [handle] = guarded.th.quarantine.list();
      same([handle?.truncated, (handle?.size ?? 0) <= 4_096], [true, true], 'evidence');
      that(kept(guarded).includes('\r\nTracehound-Body-State: limit\r\n'), 'expected the state of the body');
    },
  },
  {
    part: 'body',
    promise: 'keeps what came of a body that breaks or stalls, and answers in time',
    run: async (stage) => {
      for (const [how, state] of [
        ['breaks', 'aborted'],
        ['stalls', 'timeout'],
      ] as const) {
        const guarded = site(stage, { captureTimeoutMs: 50 });
        let sent = false;
        const body = new ReadableStream<Uint8Array>({
          pull(controller) {
            if (!sent) controller.enqueue(pattern(10));
            else if (how === 'breaks') controller.error(new Error('gone'));
            else return new Promise(() => {});
            sent = true;
          },
        });
        same((await guarded.fetch(attack(body))).status, 403, how);
        that(kept(guarded).includes(`\r\nTracehound-Body-State: ${state}\r\n`), `expected the state ${state}`);
        that(kept(guarded).includes('\r\nTracehound-Body-Captured: 10\r\n'), 'expected what came');
      }
    },
  },
];
