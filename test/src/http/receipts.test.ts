/** Guards src/http/receipts.ts: one request is charged once by one instance, and a receipt never outlives its answer. */
import { expect, test } from 'vitest';
import { leaveReceipt, receiptOf } from '../../../src/http/receipts';
import { rewritten } from '../../../src/http/request';
import type { RateLimitResult } from '../../../src/types/index';
import { fakeTracehound } from '../../lab/fake-tracehound';

const [{ th }, { th: other }] = [fakeTracehound(), fakeTracehound()];
const rate = th.http.limits.charge('192.0.2.1') as RateLimitResult;

test('is found by the same instance for the same request, however it is shown, until it is taken back', () => {
  const message = {};
  const request = new Request('http://a.example/');
  const shown: [unknown, unknown][] = [
    [request, { incoming: message }],
    [new Request('http://a.example/'), { server: { incoming: message } }],
    [message, undefined],
  ];
  for (const [of, platform] of shown) {
    const takeBack = leaveReceipt(th, of, platform, rate);
    for (const [again, around] of shown) expect(receiptOf(th, again, around)).toBe(rate);
    expect(receiptOf(other, of, platform)).toBeUndefined();
    takeBack();
    for (const [again, around] of shown) expect(receiptOf(th, again, around)).toBeUndefined();
  }
});

test('is found for a copy, and not for another request', () => {
  const request = new Request('http://a.example/');
  const takeBack = leaveReceipt(th, request, undefined, rate);
  expect(receiptOf(th, rewritten(request, { strip: [] }), undefined)).toBe(rate);
  expect(receiptOf(th, new Request(request), undefined)).toBeUndefined();
  takeBack();
});

test('the outermost guard’s stays until it takes it back; nothing is left for nothing', () => {
  const request = new Request('http://a.example/');
  const outer = leaveReceipt(th, request, undefined, rate);
  const inner = leaveReceipt(th, request, undefined, { ...rate });
  inner();
  expect(receiptOf(th, request, undefined)).toBe(rate);
  outer();
  leaveReceipt(th, request, undefined, undefined)();
  for (const none of [undefined, null, 'x', 5]) {
    leaveReceipt(th, none, undefined, rate)();
    expect(receiptOf(th, none, undefined)).toBeUndefined();
  }
  expect(receiptOf(th, request, undefined)).toBeUndefined();
});
