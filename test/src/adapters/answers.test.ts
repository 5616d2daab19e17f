/**
 * Guards every function of the user that an adapter calls: what it answers too late or wrongly ends no process, is no yes, and
 * passes nothing that is flagged. With a real instance, through both adapters.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createTracehound } from '../../../runtimes/node/index';
import { modsecuritySignals } from '../../../src/signals/modsecurity';
import type { Signals, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { FRAMES, type FrameOptions } from '../../lab/frames';

const threat = { category: 'test', severity: 'high' } as const;
const secret = new Uint8Array(32).fill(1);

/** What a function may answer in the place of an answer. None of them is a yes in time. */
const ANSWERS: readonly (readonly [string, () => unknown])[] = [
  ['a promise of yes', async () => true],
  ['a rejection', () => Promise.reject(new Error('boom'))],
  ['a rejection without reason', () => Promise.reject(undefined)],
  ['a promise that never settles', () => new Promise(() => {})],
  ['a foreign thenable of yes', () => thenable((yes) => yes(true))],
  ['a foreign thenable that fails', () => thenable((_, no) => no(new Error('boom')))],
  [
    'a thenable that throws',
    () =>
      thenable(() => {
        throw new Error('boom');
      }),
  ],
  ['a late rejection', async () => Promise.resolve().then(() => Promise.reject(new Error('late')))],
];

function thenable(then: (yes: (value: unknown) => void, no: (error: Error) => void) => void): object {
  return Object.defineProperty({}, 'then', { value: then });
}

const unhandled = vi.fn();
beforeEach(() => {
  unhandled.mockReset();
  process.on('unhandledRejection', unhandled);
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});
afterEach(async () => {
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', unhandled);
  vi.restoreAllMocks();
  expect(unhandled).not.toHaveBeenCalled();
});

describe.each(FRAMES)('$name', (frame) => {
  async function ask(
    options: object,
    instance: TracehoundOptions = {},
    headers: Record<string, string> = {},
  ): Promise<{ status: number; reached: string[]; th: Tracehound }> {
    const th = createTracehound({ secret, ...instance });
    const reached: string[] = [];
    const fetch = frame.guarded(th, { detectTimeoutMs: 20, ...options } as FrameOptions, reached);
    const response = await fetch(new Request('http://a.example/x', { headers }), {});
    return { status: response.status, reached, th };
  }

  test.each(ANSWERS)('%s from source: the request is refused, and the process lives', async (_, answer) => {
    const { status, reached } = await ask({ detect: () => undefined, source: answer });
    expect([status, reached]).toEqual([503, []]);
  });

  test.each(ANSWERS)('%s from trust: nobody is trusted', async (_, answer) => {
    const trust = answer as never;
    const signals = [modsecuritySignals({ trust })];
    // Believed, it would be a threat of this category; not believed, the header is a forgery or cannot be judged.
    const { th } = await ask({ detect: () => undefined, signals }, {}, { 'x-waf-score': '99' });
    expect(th.quarantine.list().filter(({ category }) => category !== 'forged-signal')).toEqual([]);
  });

  test.each(ANSWERS)('%s from a signal: uninspected', async (_, answer) => {
    const signals = [{ detector: 'test', secrets: [], read: answer } as unknown as Signals];
    const refused = await ask({ detect: () => undefined, signals, onDetectorFailure: 'refuse' });
    expect([refused.status, refused.reached]).toEqual([503, []]);
    expect(refused.th.watcher.snapshot().totals.uninspected).toBe(1);
  });

  test.each(ANSWERS)(
    '%s from a platform’s limiter: failMode decides, and what is flagged is refused',
    async (_, answer) => {
      const rateLimit = { limit: 5, windowMs: 60_000, charge: answer as never };
      const closed = await ask({ detect: () => undefined }, { rateLimit, failMode: 'closed' });
      expect([closed.status, closed.reached]).toEqual([503, []]);
      const flagged = await ask({ detect: () => threat }, { rateLimit });
      expect([flagged.status, flagged.reached]).toEqual([403, []]);
    },
  );

  test.each(ANSWERS.slice(1).filter(([name]) => !name.includes('yes')))(
    '%s from skip and allow: not exempt',
    async (_, answer) => {
      for (const rule of ['skip', 'allow']) {
        const { status, reached } = await ask({ detect: () => threat, [rule]: answer });
        expect([status, reached]).toEqual([403, []]);
      }
    },
  );

  // An onRefused that never answers is waited for: its answer is the response.
  test.each(ANSWERS.filter(([name]) => !name.includes('never')))(
    '%s from onResult and onRefused changes no refusal',
    async (_, answer) => {
      for (const told of ['onResult', 'onRefused']) {
        const { status, reached } = await ask({ detect: () => threat, [told]: answer });
        expect([status, reached]).toEqual([403, []]);
      }
    },
  );
});

test.each(ANSWERS)('%s from authorize: no bytes leave', (_, answer) => {
  const th = createTracehound({ secret, quarantine: { authorize: answer as never } });
  const held = th.intercept({ source: 'a', payload: 'evidence', threat });
  const { signature } = (held as { evidence: { signature: string } }).evidence;
  expect(() => th.quarantine.read(signature, { actor: 'kim', purpose: 'triage' })).toThrow(
    expect.objectContaining({ code: 'ACCESS_DENIED', cause: expect.any(Error) }),
  );
});
