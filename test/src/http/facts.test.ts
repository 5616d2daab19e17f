/** Guards `src/http/facts.ts`: what an adapter must say of a request is little, and the file is words without logic. */
import { expect, expectTypeOf, test } from 'vitest';
import type { Buffered, Facts } from '../../../src/http/facts';

test('a request of the web has nearly all of it', async () => {
  const request = new Request('https://shop.example/x', { method: 'POST', body: 'b' });
  const facts: Facts = { method: request.method, url: request.url, headers: request.headers, body: () => request.body };
  expect(await new Response(facts.body()).text()).toBe('b');
  expectTypeOf<Buffered['bytes']>().toEqualTypeOf<Uint8Array>();
  expect(Object.keys(await import('../../../src/http/facts'))).toEqual([]);
});
