/** Guards src/http/post.ts: places of captures neither leak nor erode, and a failure is reported without flooding. */
import { describe, expect, test } from 'vitest';
import { guard } from '../../../src/http/guard';
import { planOf } from '../../../src/http/options';
import { Post } from '../../../src/http/post';
import { fakeTracehound } from '../../lab/fake-tracehound';

const post = (captureMax: number, fake = fakeTracehound()) =>
  new Post(fake.th, planOf({ detect: () => undefined, captureMax }, 'open'));

describe('places of captures in flight', () => {
  test('are exactly captureMax after any number of overloads', () => {
    for (const captureMax of [0, 1, 2, 5]) {
      const one = post(captureMax);
      for (let round = 0; round < 20; round++) {
        const asked = Array.from({ length: captureMax + 3 }, (_, i) => one.slots.take(`192.0.2.${i}`));
        expect(asked.filter((slot) => slot !== undefined)).toHaveLength(captureMax);
        for (const slot of asked) slot?.release();
      }
    }
  });

  test('are all there again after an overload: the next request has its body kept', async () => {
    const fake = fakeTracehound();
    const decide = guard(fake.th, { detect: () => ({ category: 'x', severity: 'high' }), captureMax: 2 });
    const ask = (body: ReadableStream<Uint8Array>) =>
      decide({
        context: 'c',
        request: 'request',
        platform: undefined,
        facts: () => ({
          method: 'POST',
          url: 'http://shop.example/',
          headers: new Headers({ 'content-length': '4' }),
          body: () => body,
        }),
      });
    for (let round = 0; round < 5; round++) {
      const ends: (() => void)[] = [];
      const slow = (): ReadableStream<Uint8Array> =>
        new ReadableStream({ start: (controller) => void ends.push(() => controller.close()) });
      const asked = Array.from({ length: 6 }, () => ask(slow()));
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      for (const end of ends) end();
      await Promise.all(asked);
      await ask(new Response('abcd').body as ReadableStream<Uint8Array>);
      expect(fake.payload()).toMatch(/Tracehound-Body-State: complete[\s\S]*abcd$/);
    }
  });
});

describe('a failure', () => {
  test('is handed to the runtime the 1st, 2nd, 4th, 8th … time, and what fails gives nothing', async () => {
    const fake = fakeTracehound();
    const one = post(1, fake);
    for (let n = 1; n <= 100; n++) {
      expect(
        one.attempt('platform', () => {
          throw n;
        }),
      ).toBeUndefined();
    }
    await Promise.resolve();
    expect(fake.reported).toEqual([1, 2, 4, 8, 16, 32, 64]);
    expect(one.attempt('platform', () => 'worked')).toBe('worked');
  });

  test('that cannot even be reported ends nothing', () => {
    const fake = fakeTracehound();
    fake.broken.add('defer');
    expect(() => post(1, fake).report('platform', new Error('boom'))).not.toThrow();
  });
});
