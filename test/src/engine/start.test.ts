/**
 * Guards how a core comes up: lazily, only one that is ours, and only for numbers that fit; and what a failing platform does.
 *
 * Files: `assembly/start.ts`, `assembly/index.ts`.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ABI_VERSION, HEADER_ABI, HEADER_ARENA_NEXT, HEADER_AT, HEADER_MAGIC } from '../../../assembly/abi';
import type { CoreInstance, Runtime, Tracehound, TracehoundOptions } from '../../../src/index';
import { BUILDS, type Ground, ground, sha256hex } from '../../ground';

const threat = { category: 'sqli', severity: 'high' } as const;
const code = (name: string) => expect.objectContaining({ name: 'TracehoundError', code: name });
const boom = (): never => {
  throw new Error('boom');
};

afterEach(() => {
  vi.restoreAllMocks();
});

describe.each(BUILDS)('a core, on the %s build', (_, core) => {
  const room = (options: TracehoundOptions = {}, over: object = {}): Ground => ground(options, { core, ...over });

  test('comes up in the first call that needs it, and clock and randomness are not touched before', () => {
    const world = room();
    const random = vi.spyOn(world.runtime, 'random');
    const now = vi.spyOn(world.runtime, 'now');
    expect(world.cores.length + random.mock.calls.length + now.mock.calls.length).toBe(0);
    world.th.intercept({ source: '192.0.2.1' });
    world.th.intercept({ source: '192.0.2.1' });
    expect(world.cores.length).toBe(1);
    expect(now).toHaveBeenCalledTimes(2);
  });

  /** An instance on a core that is not what it should be. */
  const odd = (change: (core: CoreInstance) => CoreInstance): Tracehound => room({}, { core: () => change(core()) }).th;
  const header = (of: CoreInstance, field: number, value: number): void =>
    new DataView((of.exports.memory as WebAssembly.Memory).buffer).setUint32(HEADER_AT + field, value, true);
  const poked =
    (field: number, value: number) =>
    (given: CoreInstance): CoreInstance => {
      const { init, memory, ...rest } = given.exports as { init: () => void; memory: unknown };
      const exports = {
        ...rest,
        get memory() {
          return given.exports.memory ?? memory;
        },
        init: () => {
          init();
          header(given, field, value);
        },
      };
      return { exports };
    };

  test.each<[string, (given: CoreInstance) => CoreInstance, RegExp]>([
    ['is none', boom, /^core: the runtime has none/],
    ['exports nothing', () => ({ exports: {} }), /^core: not a Tracehound core/],
    ['has no memory', ({ exports }) => ({ exports: { init: exports.init } }), /^core: not a Tracehound core/],
    [
      'traps in init',
      ({ exports }) => ({ exports: { ...exports, init: boom, memory: exports.memory } }),
      /^core: init failed/,
    ],
    ['is something else', poked(HEADER_MAGIC, 1), /^core: another magic/],
    ['speaks another ABI', poked(HEADER_ABI, ABI_VERSION + 1), /^core: another ABI version, expected \d+, got \d+$/],
    ['lays out otherwise', poked(HEADER_ARENA_NEXT, 64), /^core: another arena end/],
  ])('that %s does not come up: CORE_START, every time, and nothing passes as clean', (_name, change, message) => {
    const th = odd(change);
    for (let i = 0; i < 2; i++) {
      for (const scent of [{ source: 'x' }, { source: 'x', threat }]) {
        const result = th.intercept(scent);
        expect(result).toMatchObject({ status: 'error', error: { code: 'CORE_START' } });
        expect((result as { error: Error }).error.message).toMatch(message);
      }
      expect(() => th.rateLimiter.check('x')).toThrow(code('CORE_START'));
      expect(() => th.audit.head()).toThrow(code('CORE_START'));
    }
    expect(th.watcher.snapshot()).toMatchObject({ status: 'idle', totals: { byStatus: { error: 4 } } });
  });

  test('randomness that fails is RUNTIME_FAILED, costs no core, and is asked again', () => {
    const world = room({ rateLimit: { limit: 1_000 } });
    const { th } = world;
    const { batches } = world;
    // Draw until the next call must refill.
    while (batches.length < 2) th.id();
    for (let i = 0; i < 28; i++) th.id();
    const drawn = batches.length;
    const random = vi.spyOn(world.runtime, 'random').mockImplementation(boom);
    const failures: unknown[] = [];
    for (let i = 0; i < 80; i++) {
      const result = th.intercept(i % 2 === 0 ? { source: 'x' } : { source: 'x', threat, payload: `${i}` });
      if (result.status === 'error') failures.push(result.error);
    }
    expect(failures.length).toBeGreaterThan(10);
    for (const failure of failures) expect(failure).toEqual(code('RUNTIME_FAILED'));
    expect(() => th.id()).toThrow(code('RUNTIME_FAILED'));
    random.mockRestore();
    expect(th.intercept({ source: 'x' }).status).toBe('clean');
    expect(batches.length).toBe(drawn + 1);
    expect(th.watcher.snapshot().core.panics).toBe(0);
    expect(th.audit.verify().ok).toBe(true);
  });

  test('a platform that cannot hash does not cost the evidence: the core hashes', async () => {
    vi.spyOn(crypto.subtle, 'digest').mockRejectedValue(new Error('no digest'));
    const { th } = room({}, { digest: false });
    const payload = new Uint8Array(9_000).fill(7);
    const asked = await th.interceptAsync({ source: 'x', threat, payload });
    expect(asked.status).toBe('quarantined');
    expect(th.intercept({ source: 'x', threat, payload }).status).toBe('duplicate');
    expect(th.watcher.snapshot().totals).toMatchObject({ seen: 2, flagged: 2 });
  });

  test.each<[string, () => Uint8Array]>([
    ['throws', boom],
    ['answers something that is no digest', () => new Uint8Array(64).fill(255)],
  ])('a digest that %s costs no core and changes no hash', (_, answer) => {
    const world = room();
    const digest = vi.spyOn(world.runtime as Required<Runtime>, 'digest').mockImplementation(answer);
    const payload = new Uint8Array(9_000).fill(7);
    const result = world.th.intercept({ source: 'x', threat, payload });
    expect(digest).toHaveBeenCalled();
    expect(result).toMatchObject({ status: 'quarantined', evidence: { hash: sha256hex(payload) } });
    expect(world.th.watcher.snapshot().core.panics).toBe(0);
  });
});

test.each<[string, TracehoundOptions]>([
  ['quarantine.maxCount', { quarantine: { maxCount: 2 ** 22, maxBytes: 1_024 } }],
  ['quarantine.maxBytes', { quarantine: { maxCount: 2 ** 20, maxBytes: 2 ** 30 }, rateLimit: { maxSources: 2 ** 23 } }],
  ['rateLimit.maxSources', { rateLimit: { maxSources: 2 ** 24, limit: 2 ** 30 } }],
])('numbers that cannot fit are refused where they were written, naming %s', (option, options) => {
  expect(() => ground(options)).toThrow(RangeError);
  expect(() => ground(options)).toThrow(
    new RegExp(`^${option}: too large, expected all of memory ≤ \\d+ bytes, got \\d+$`),
  );
});
