/**
 * The suite for runtimes on Node, from the sources (the engines in `test/engines` run the same from the package), and
 * shown runtimes that are wrong in one answer each, so that a promise that no longer looks at anything is seen here.
 */
import { describe, expect, it, vi } from 'vitest';
import { instantiate } from '../../build/core.js.js';
import { node } from '../../runtimes/node/index';
import type { Runtime } from '../../src/index';
import { CASES, conform, replay, TRACE } from '../conformance/index';

const { digest: _, ...waiting } = node;
/** The failure that the suite hands to `defer` on purpose is reported; not here. */
vi.spyOn(process, 'emitWarning').mockImplementation(() => {});

describe('a runtime that is right', () => {
  it.each<[string, Runtime]>([
    ['node', node],
    ['node without a digest that is ready at once', waiting],
    ['node with the core that needs no WebAssembly', { ...node, core: instantiate }],
  ])('%s: keeps every promise', async (_, runtime) => {
    const reports = await conform(runtime);
    expect(reports.filter(({ error }) => error !== undefined)).toEqual([]);
    expect(reports).toHaveLength(CASES.length);
  });

  it('says the same of the same life, and something else of another', async () => {
    const short = { ...TRACE, count: 500 };
    const [life, again, other] = [
      await replay(node, short),
      await replay(waiting, short),
      await replay(node, { ...short, seed: 2 }),
    ];
    expect([again.state, again.root, again.answers]).toEqual([life.state, life.root, life.answers]);
    for (const part of ['state', 'root', 'answers'] as const) expect(other[part]).not.toBe(life[part]);
  });
});

describe('a runtime that is wrong', () => {
  const one = node.core();
  const WRONG: [what: string, runtime: Runtime, promise: RegExp][] = [
    [
      'its random leaves the end of the array',
      { ...node, random: (b) => node.random(b.subarray(0, 16)) },
      /^fills all of an array/,
    ],
    [
      'its random is frozen',
      {
        ...node,
        random: (b) =>
          b.forEach((_, i) => {
            b[i] = (i * 167) & 0xff;
          }),
      },
      /^fills all of an array/,
    ],
    [
      'its random fills more than it was given',
      { ...node, random: (b) => node.random(new Uint8Array(b.buffer)) },
      /^fills all of an array/,
    ],
    ['it hands out one core twice', { ...node, core: () => one }, /^makes a fresh core/],
    ['its clock counts seconds', { ...node, now: () => Date.now() / 1_000 }, /^tells the time/],
    ['its digest is another', { ...node, digest: (b) => node.digest!(b).reverse() }, /^hashes as SHA-256/],
    [
      'it believes X-Forwarded-For',
      { ...node, source: (r) => (r as Request | undefined)?.headers?.get?.('x-forwarded-for') ?? undefined },
      /^says who is asking/,
    ],
    [
      'its source throws',
      {
        ...node,
        source: () => {
          throw new Error('no');
        },
      },
      /^says who is asking/,
    ],
    [
      'its defer throws',
      {
        ...node,
        defer: () => {
          throw new Error('no');
        },
      },
      /^takes work off/,
    ],
    [
      'its timers fire at once',
      {
        ...node,
        after: (_, work) => {
          work();
          return () => {};
        },
      },
      /^calls back once/,
    ],
    [
      'its timers cannot be called off',
      {
        ...node,
        after: (ms, work) => {
          setTimeout(work, ms);
          return () => {};
        },
      },
      /^calls back once/,
    ],
    ['its core has no name', { ...node, coreDigest: 'unknown' }, /^names itself/],
  ];

  it.each(WRONG)('because %s: is found out', async (_, runtime, promise) => {
    const cases = CASES.filter(({ part }) => part === 'runtime');
    const broken = (await conform(runtime, cases)).filter(({ error }) => error !== undefined);
    expect(broken.map(({ promise }) => promise)).toEqual([expect.stringMatching(promise)]);
  });

  it('because its core decides otherwise: is found out by its decisions and by its life', async () => {
    /** A core that is told another time than the host: one millisecond later whenever it is asked. */
    const late: Runtime = {
      ...node,
      core: () => {
        const { exports } = node.core();
        const intercept = exports.intercept as (now: number) => number;
        return { exports: { ...exports, intercept: (now: number) => intercept(now + 1) } };
      },
    };
    const broken = (await conform(late)).filter(({ error }) => error !== undefined);
    expect(broken.length).toBeGreaterThan(0);
    const short = { ...TRACE, count: 200 };
    expect((await replay(late, short)).state).not.toBe((await replay(node, short)).state);
  });
});
