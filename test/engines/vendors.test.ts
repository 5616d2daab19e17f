/**
 * Guards that we and the platforms' own packages mean the same: who is asking on Vercel, and what keeps work alive there.
 * The packages are needed here only; an application that uses them may.
 */
import { createRequire } from 'node:module';
import { afterEach, expect, it } from 'vitest';
import { vercel } from '../../runtimes/vercel/index';

const require = createRequire(import.meta.url);
const functions = require('@vercel/functions') as {
  ipAddress(request: Request): string | undefined;
  waitUntil(work: Promise<unknown>): void;
};
const edge = require('@vercel/edge') as Pick<typeof functions, 'ipAddress'>;
const CONTEXT = Symbol.for('@vercel/request-context');

afterEach(() => {
  delete (globalThis as Record<symbol, unknown>)[CONTEXT];
});

it.each([
  ['an address', { 'x-real-ip': '192.0.2.7' }],
  ['an IPv6 address', { 'x-real-ip': '2001:db8::7' }],
  ['nothing', {}],
  ['what a client may claim', { 'x-forwarded-for': '198.51.100.1', 'x-vercel-forwarded-for': '198.51.100.2' }],
])('@vercel/functions and its predecessor @vercel/edge name the source that we name, given %s', (_, headers) => {
  Object.assign(globalThis, { [CONTEXT]: { get: () => ({}) } });
  const request = new Request('https://shop.example/', { headers: headers as Record<string, string> });
  const source = vercel.source(request) as { address: string } | undefined;
  expect(functions.ipAddress(request)).toBe(source?.address);
  expect(edge.ipAddress(request)).toBe(source?.address);
});

it('@vercel/functions keeps work alive where we do', () => {
  const kept: Promise<unknown>[] = [];
  Object.assign(globalThis, {
    [CONTEXT]: { get: () => ({ waitUntil: (work: Promise<unknown>) => void kept.push(work) }) },
  });
  functions.waitUntil(Promise.resolve());
  vercel.defer(Promise.resolve());
  expect(kept).toHaveLength(2);
});
