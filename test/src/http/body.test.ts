/** Guards how a body is pulled (src/http/body.ts): within its budget, its time and its place, and handed on whole. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { pull } from '../../../src/http/body';
import { joinedWithin } from '../../../src/http/message';
import { bytes, facts, read, stream, take, text } from '../../lab/capture';

afterEach(() => {
  vi.useRealTimers();
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
        expect(text(joinedWithin(got.chunks, budget))).toBe(content.slice(0, budget));
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
});
