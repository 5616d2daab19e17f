/**
 * Guards `src/instance/trouble.ts`: a trouble is counted each time and said at the 1st, 2nd, 4th, 8th …; it has a page; once
 * it is over the next time is a first time; and an instance says on its own what is wrong with it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { Events } from '../../../src/instance/events';
import { Troubles } from '../../../src/instance/trouble';
import type { CoreInstance, Trouble, TroubleCode } from '../../../src/types/index';
import { BUILDS, ground, T0 } from '../../ground';

const pages = new URL('../../../docs/trouble/', import.meta.url);
const types = readFileSync(new URL('../../../src/types/events.ts', import.meta.url), 'utf8');
const codes = [...types.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code as TroubleCode);

function subject() {
  const told: Trouble[] = [];
  const lines: string[] = [];
  const clock = { now: 1_000 };
  const events = new Events(() => expect.unreachable());
  events.on('trouble', (trouble) => told.push(trouble));
  return {
    troubles: new Troubles(
      () => clock.now,
      events,
      (line) => lines.push(line),
    ),
    told,
    lines,
    clock,
  };
}

describe('a trouble', () => {
  test('is counted every time, and said at 1, 2, 4, 8 …', async () => {
    const { troubles, told, lines, clock } = subject();
    for (let i = 1; i <= 100; i++) {
      clock.now = 1_000 + i;
      troubles.raise('LOG_NOT_STORED', { waiting: i });
    }
    await Promise.resolve();
    expect(told.map(({ count }) => count)).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(told.every(({ since }) => since === 1_001)).toBe(true);
    expect(told.at(-1)?.detail).toEqual({ waiting: 64 });
    expect(lines).toHaveLength(7);
    expect(lines[0]).toBe('tracehound: LOG_NOT_STORED, waiting 1: see docs/trouble/LOG_NOT_STORED.md');
    expect(lines[6]).toBe('tracehound: LOG_NOT_STORED, 64 times, waiting 64: see docs/trouble/LOG_NOT_STORED.md');
    expect(troubles.list()).toEqual([{ code: 'LOG_NOT_STORED', since: 1_001, count: 100, detail: { waiting: 100 } }]);
  });

  test('that is over is listed no more, and begins anew', async () => {
    const { troubles, told, clock } = subject();
    troubles.raise('SIGNER_FAILED');
    troubles.raise('LOG_SLOW');
    troubles.end('SIGNER_FAILED');
    troubles.end('RECORDS_LOST');
    clock.now = 5_000;
    troubles.raise('SIGNER_FAILED');
    await Promise.resolve();
    expect(troubles.list().map(({ code, since, count }) => [code, since, count])).toEqual([
      ['LOG_SLOW', 1_000, 1],
      ['SIGNER_FAILED', 5_000, 1],
    ]);
    expect(told).toHaveLength(3);
  });

  test('is a frozen value: nobody who is told can change it for others', async () => {
    const { troubles, told } = subject();
    const detail = { lost: 1 };
    troubles.raise('RECORDS_LOST', detail);
    detail.lost = 2;
    await Promise.resolve();
    expect(told[0]?.detail).toEqual({ lost: 1 });
    expect(Object.isFrozen(told[0]) && Object.isFrozen(told[0]?.detail)).toBe(true);
  });
});

describe('docs/trouble', () => {
  test('the codes are read at all', () => expect(codes.length).toBeGreaterThanOrEqual(12));

  test.each(codes)('%s has a page: what it means, what still holds, what to do', (code) => {
    const page = new URL(`${code}.md`, pages);
    expect(existsSync(page)).toBe(true);
    const text = readFileSync(page, 'utf8');
    expect(text.startsWith(`# ${code}\n`)).toBe(true);
    for (const part of ['## What it means', '## What still holds', '## What to do']) expect(text).toContain(part);
  });

  test('has no page of a code that does not exist, but for the list', () => {
    const known = new Set<string>(codes);
    const other = readdirSync(pages).filter((name) => !known.has(name.replace(/\.md$/, '')));
    expect(other).toEqual(['README.md']);
    const list = readFileSync(new URL('README.md', pages), 'utf8');
    for (const code of codes) expect(list).toContain(`(${code}.md)`);
  });
});

describe('an instance', () => {
  test('without a secret says so once, when its log begins, on stderr unless it is quiet', async () => {
    for (const quiet of [false, true]) {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
      const { th } = ground({ secret: undefined as never, quiet });
      const told: Trouble[] = [];
      th.on('trouble', (trouble) => told.push(trouble));
      expect(th.watcher.snapshot().troubles).toEqual([]);
      th.intercept({ source: '192.0.2.1' });
      th.intercept({ source: '192.0.2.1' });
      await Promise.resolve();
      expect(told.map(({ code, count, since }) => [code, count, since])).toEqual([['SECRET_NOT_SET', 1, T0]]);
      expect(th.watcher.snapshot().troubles).toMatchObject([{ code: 'SECRET_NOT_SET' }]);
      expect(warn.mock.calls.map(([line]) => String(line).split(':')[1])).toEqual(quiet ? [] : [' SECRET_NOT_SET']);
      warn.mockRestore();
    }
  });

  test('with a secret has nothing to say', () => {
    const { th } = ground();
    th.intercept({ source: '192.0.2.1' });
    expect(th.watcher.snapshot().troubles).toEqual([]);
  });

  test('says when its core was replaced, and when a handler failed', async () => {
    let cores = 0;
    const failing = (): CoreInstance => {
      const [[, core]] = BUILDS as [[string, () => CoreInstance]];
      const { exports } = core();
      const block = (): never => {
        throw new WebAssembly.RuntimeError('unreachable');
      };
      return { exports: cores++ === 0 ? { ...exports, rateUnblock: block } : exports };
    };
    const { th } = ground({}, { core: failing });
    const told: string[] = [];
    th.on('trouble', ({ code }) => told.push(code));
    th.on('blocked', () => {
      throw new Error('mine');
    });
    th.rateLimiter.block('192.0.2.1', 1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['HANDLER_FAILED']);
    expect(() => th.rateLimiter.unblock('192.0.2.1')).toThrow(expect.objectContaining({ code: 'CORE_PANIC' }));
    th.id();
    await new Promise((resolve) => setImmediate(resolve));
    expect(told).toEqual(['HANDLER_FAILED', 'CORE_PANIC']);
    expect(th.watcher.snapshot().troubles.map(({ code }) => code)).toEqual(['HANDLER_FAILED', 'CORE_PANIC']);
  });
});
