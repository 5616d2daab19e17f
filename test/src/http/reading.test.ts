/**
 * Guards src/http/reading.ts: a detector reads a prefix of any body in any pieces, and nothing of it is missing afterwards,
 * neither in the evidence nor for the application; a body that is sent slowly is not waved through.
 */

import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Facts } from '../../../src/http/facts';
import { guard } from '../../../src/http/guard';
import { Reading } from '../../../src/http/reading';
import { type FakeOptions, fakeTracehound } from '../../lab/fake-tracehound';
import { Seed } from '../../lab/seed';

const encoder = new TextEncoder();
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function facts(body: ReadableStream<Uint8Array> | null, over: Partial<Facts> = {}): Facts {
  const headers = new Headers(body === null ? {} : { 'transfer-encoding': 'chunked' });
  return { method: 'POST', url: 'http://a.example/x?y#z', headers, body: () => body, ...over };
}

/** A body in pieces; `end`: how it ends. */
function pieces(parts: readonly string[], end: 'close' | 'error' | 'hang' = 'close'): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream(
    {
      pull(controller) {
        const part = parts[at++];
        if (part !== undefined) return controller.enqueue(encoder.encode(part));
        if (end === 'close') return controller.close();
        if (end === 'error') return controller.error(new Error('the client left'));
        return new Promise<void>(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

/** A text, cut at random. */
function cut(seed: Seed, whole: string): string[] {
  const parts: string[] = [];
  for (let at = 0; at < whole.length; ) {
    const end = Math.min(whole.length, at + 1 + seed.below(40));
    parts.push(whole.slice(at, end));
    at = end;
  }
  if (seed.below(3) === 0) parts.splice(seed.below(parts.length + 1), 0, '');
  return parts;
}

afterEach(() => {
  vi.useRealTimers();
});

describe('the target', () => {
  test('is the one that came, where the platform shows it; else path and query of the URL', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an attack of Log4Shell's kind, as it is sent.
    const raw = '/a/../${jndi:ldap://x}?q={}';
    expect(new Reading(() => facts(null, { target: raw })).inspection.rawTarget).toBe(raw);
    expect(new Reading(() => facts(null)).inspection.rawTarget).toBe('/x?y');
  });

  test('costs nothing while nobody looks', () => {
    const show = vi.fn(() => facts(null));
    const reading = new Reading(show);
    reading.close();
    expect(reading.rest()).toBeUndefined();
    expect(show).not.toHaveBeenCalled();
  });
});

describe('the body', () => {
  test('read in any pieces by any questions is whole afterwards, for 300 bodies by seed', async () => {
    const seed = new Seed(4711);
    for (let round = 0; round < 300; round++) {
      const whole = 'abcdefghij'.repeat(seed.below(30));
      const end = seed.one(['close', 'close', 'error'] as const);
      const reading = new Reading(() => facts(pieces(cut(seed, whole), end)));
      let broke = false;
      for (let question = seed.below(4); question >= 0; question--) {
        const max = seed.below(whole.length + 60);
        const ask = reading.inspection.body(max).then(text);
        const got = await ask.catch((error: Error) => error.message);
        if (got === 'the client left') broke = true;
        else expect(got).toBe(whole.slice(0, max));
      }
      reading.close();
      const shown = reading.facts();
      expect(shown.buffered?.()).toBeUndefined();
      const rest = shown.body();
      expect(rest).toBe(reading.rest());
      const all = new Response(rest).text();
      if (end === 'error') await expect(all).rejects.toThrow('the client left');
      else expect(await all).toBe(whole);
      if (broke) expect(end).toBe('error');
    }
  });

  test('is read no further than was asked for, and not at all where nobody asks', async () => {
    const pulled = vi.fn();
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled();
          controller.enqueue(encoder.encode('0123456789'));
        },
      },
      { highWaterMark: 0 },
    );
    const reading = new Reading(() => facts(stream));
    expect(text(await reading.inspection.body(0))).toBe('');
    expect(pulled).toHaveBeenCalledTimes(0);
    expect(text(await reading.inspection.body(15))).toBe('012345678901234');
    expect(pulled).toHaveBeenCalledTimes(2);
    expect(text(await reading.inspection.body(20))).toBe('01234567890123456789');
    expect(pulled).toHaveBeenCalledTimes(2);
  });

  test('asked for twice at once gives both the same', async () => {
    const { inspection } = new Reading(() => facts(pieces(['ab', 'cd', 'ef'])));
    const both = await Promise.all([inspection.body(5), inspection.body(3), inspection.body(99)]);
    expect(both.map(text)).toEqual(['abcde', 'abc', 'abcdef']);
  });

  test('that a framework holds is taken from there, and stays there', async () => {
    const bytes = encoder.encode('cached');
    const reading = new Reading(() => facts(null, { buffered: () => Promise.resolve({ bytes, remade: false }) }));
    expect(text(await reading.inspection.body(3))).toBe('cac');
    expect(reading.rest()).toBeUndefined();
    const used = new Reading(() => facts(null, { buffered: () => Promise.reject(new TypeError('used')) }));
    await expect(used.inspection.body(3)).rejects.toThrow('used');
  });

  test('that is none is empty; a number of bytes that is none is refused', async () => {
    const { inspection } = new Reading(() => facts(null));
    expect(await inspection.body(10)).toEqual(new Uint8Array());
    for (const max of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5', undefined]) {
      await expect(inspection.body(max as number)).rejects.toThrow(
        'body: wrong number of bytes, expected an integer ≥ 0, got something else',
      );
    }
  });

  test('belongs to the application once the detector’s time is over: what comes then is not lost', async () => {
    let send = (_: string): void => {};
    let finish = (): void => {};
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        send = (part) => controller.enqueue(encoder.encode(part));
        finish = () => controller.close();
      },
    });
    const reading = new Reading(() => facts(stream));
    send('early ');
    const late = reading.inspection.body(100);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    reading.close();
    const all = new Response(reading.rest()).text();
    send('late');
    finish();
    expect(await all).toBe('early late');
    expect(text(await late)).toBe('early ');
    await expect(reading.inspection.body(1)).rejects.toThrow('body: asked too late');
  });
});

describe('a detector that waits for a body', () => {
  type Detect = (c: string, inspection: { body(max: number): Promise<Uint8Array> }) => Promise<undefined>;
  const waits: Detect = async (_, { body }) => void (await body(1_000_000));

  async function ask(options: object, shown: Facts, fakeOptions: FakeOptions = {}) {
    vi.useFakeTimers();
    const fake = fakeTracehound(fakeOptions);
    const decide = guard<string>(fake.th, { detect: waits, detectTimeoutMs: 50, ...options } as never);
    const asked = decide({ context: 'c', request: 'request', platform: undefined, facts: () => shown });
    await vi.advanceTimersByTimeAsync(100);
    const outcome = await asked;
    vi.useRealTimers();
    return { outcome, uninspected: fake.uninspected };
  }

  test('refuses by default what is dribbled, in 30 forms by seed; unless the options say pass', async () => {
    const seed = new Seed(815);
    for (let round = 0; round < 30; round++) {
      const body = (): ReadableStream<Uint8Array> => pieces(cut(seed, 'x'.repeat(seed.below(500))), 'hang');
      const headers = new Headers(
        seed.below(2) === 0 ? { 'content-length': '1000' } : { 'transfer-encoding': 'chunked' },
      );
      const refused = await ask({}, facts(body(), { headers }));
      expect(refused.outcome.response?.status).toBe(503);
      expect(refused.uninspected).toEqual([['192.0.2.1', 'refused', 'unsent']]);
      const passed = await ask({ onDetectorFailure: 'pass' }, facts(body(), { headers }));
      expect(passed.outcome.response).toBeUndefined();
      expect(passed.uninspected).toEqual([['192.0.2.1', 'passed', 'unsent']]);
      const shadow = await ask({ shadow: true }, facts(body(), { headers }));
      expect(shadow.outcome.response).toBeUndefined();
      expect(shadow.uninspected).toEqual([['192.0.2.1', 'observed', 'unsent']]);
    }
  });

  test('passes by default when the sender has sent everything, or sends no body: then the detector is slow', async () => {
    const hangs = async () => new Promise<undefined>(() => {});
    const readsAll: Detect = async (_, { body }) => {
      await body(1_000);
      return new Promise<undefined>(() => {});
    };
    const bytes = encoder.encode('all');
    const whole: [string, object, Facts][] = [
      ['no body', { detect: hangs }, facts(null)],
      ['declared empty', { detect: hangs }, facts(null, { headers: new Headers({ 'content-length': '0' }) })],
      ['read to its end', { detect: readsAll }, facts(pieces(['abc']))],
      ['the platform says complete', { detect: hangs }, facts(pieces(['abc']), { complete: () => true })],
      [
        'in the cache of the framework',
        { detect: hangs },
        facts(null, {
          headers: new Headers({ 'content-length': '3' }),
          buffered: async () => ({ bytes, remade: false }),
        }),
      ],
    ];
    for (const [what, options, shown] of whole) {
      const { outcome, uninspected } = await ask(options, shown);
      expect(outcome.response, what).toBeUndefined();
      expect(uninspected, what).toEqual([['192.0.2.1', 'passed', 'timeout']]);
    }
  });

  test('refuses by default what had not come whole, read by us, by the framework, or by nobody we know', async () => {
    const hangs = async () => new Promise<undefined>(() => {});
    const cases: Facts[] = [
      facts(pieces(['abc'], 'hang')),
      facts(pieces([]), { complete: () => false }),
      facts(null, { headers: new Headers({ 'content-length': '3' }), buffered: () => new Promise(() => {}) }),
      facts(null, { headers: new Headers({ 'content-length': '3' }) }),
    ];
    for (const shown of cases) expect((await ask({ detect: hangs }, shown)).outcome.response?.status).toBe(503);
  });

  test('that throws because the body broke off does not pass either; one that throws by itself does', async () => {
    const broken = await ask({}, facts(pieces(['ab'], 'error')));
    expect(broken.outcome.response?.status).toBe(503);
    expect(broken.uninspected).toEqual([['192.0.2.1', 'refused', 'unsent']]);
    const own = async () => {
      throw new Error('boom');
    };
    expect((await ask({ detect: own }, facts(pieces(['ab'])))).outcome.response).toBeUndefined();
  });

  test('and finds nothing leaves the application the whole body; one that flags leaves it in the evidence', async () => {
    const fake = fakeTracehound();
    const detect = async (_: string, { body }: { body(max: number): Promise<Uint8Array> }) =>
      text(await body(4)) === 'evil' ? { category: 'x', severity: 'high' as const } : undefined;
    const decide = guard<string>(fake.th, { detect });
    const visit = (parts: string[]) => ({
      context: 'c',
      request: 'r',
      platform: undefined,
      facts: () => facts(pieces(parts)),
    });
    const passed = await decide(visit(['go', 'od body']));
    expect(await new Response(passed.body).text()).toBe('good body');
    expect((await decide(visit(['ev', 'il body']))).response?.status).toBe(403);
    expect(fake.payload()).toMatch(/evil body$/);
  });
});
