/** Guards `src/signals/trust.ts`: a header is believed from whom the operator named, and from nobody else. */
import { describe, expect, test, vi } from 'vitest';
import { Hop } from '../../../src/signals/hop';
import { conditionOf } from '../../../src/signals/trust';
import type { HopTrust, SignalView } from '../../../src/types/index';

const SECRET = '0123456789abcdef';
type Fields = [string, string][];

describe('the condition', () => {
  const believes = (trust: HopTrust, over: Partial<SignalView> = {}, more: Fields = []): boolean =>
    conditionOf('trust', trust, false).holds({ headers: new Headers(more), fields: more, ...over });

  test('peers: the connection comes from one of them', () => {
    const trust = { peers: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'] };
    for (const peer of ['10.1.2.3', '10.1.2.3:4711', '[::ffff:10.1.2.3]:80', '[2001:db8::9]:80', '192.0.2.7']) {
      expect([peer, believes(trust, { peer })]).toEqual([peer, true]);
    }
    for (const peer of [
      undefined,
      '',
      '11.1.2.3',
      '192.0.2.8:80',
      '[2001:db9::1]:80',
      '/run/socket',
      '10.1.2.3, 1.1.1.1',
    ]) {
      expect([peer, believes(trust, { peer })]).toEqual([peer, false]);
    }
  });

  test('secret: came once, under its own name, and is right', () => {
    const trust = { secret: { header: 'X-Hop-Secret', value: SECRET } };
    const sent = (...fields: Fields): boolean => believes(trust, {}, fields);
    expect(sent(['x-hop-secret', SECRET])).toBe(true);
    expect(conditionOf('trust', trust, false).holds({ headers: new Headers([['X-Hop-Secret', SECRET]]) })).toBe(true);
    expect(sent()).toBe(false);
    for (let at = 0; at < SECRET.length; at++) {
      expect(sent(['x-hop-secret', `${SECRET.slice(0, at)}x${SECRET.slice(at + 1)}`])).toBe(false);
      expect(sent(['x-hop-secret', SECRET.slice(0, at)])).toBe(false);
    }
    expect(sent(['x-hop-secret', `${SECRET}x`])).toBe(false);
    expect(sent(['x-hop-secret', `${SECRET}${SECRET}`])).toBe(false);
    expect(sent(['x_hop_secret', SECRET])).toBe(false);
    expect(sent(['x-hop-secret', SECRET], ['x-hop-secret', SECRET])).toBe(false);
    expect(sent(['x-hop-secret', SECRET], ['x_hop_secret', 'guess'])).toBe(false);
    expect(conditionOf('trust', trust, false).secrets).toEqual(['x-hop-secret']);
  });

  test('a function: what is not true is no', () => {
    const view = { peer: '192.0.2.1', request: { tls: 'peer' } };
    const trust = vi.fn((seen: SignalView) => (seen.request as { tls?: string })?.tls === 'peer');
    expect(believes(trust, view)).toBe(true);
    expect(trust.mock.calls[0]?.[0]).toMatchObject(view);
    for (const said of [false, 1, 'true', undefined, null, {}]) {
      expect(believes(() => said as never)).toBe(false);
    }
  });

  test('that answers later answers no: it is refused, and its rejection is nobody\u2019s', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    for (const said of [Promise.resolve(true), Promise.reject(new Error('boom'))]) {
      expect(() => believes(() => said as never)).toThrow('trust: not at once, expected true or false, got a promise');
    }
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('that throws: nothing is believed, everything goes, and it counts as a failure, not as a forgery', () => {
    const error = new Error('boom');
    const trust = (): never => {
      throw error;
    };
    const hop = new Hop({ trust }, { detector: 'waf', part: 'waf', names: ['x-score', 'x-tags'] });
    const fields: Fields = [
      ['x-score', '1'],
      ['x-tags', 'a'],
    ];
    const voice = hop.listen({ headers: new Headers(fields), fields });
    expect(voice.readings('x-score', (text) => text)).toEqual([]);
    expect(voice.heard(undefined)).toEqual({
      threat: undefined,
      strip: ['x-score', 'x-tags'],
      failure: { error, reason: 'threw' },
    });
  });

  test('that is missing is refused where something is read from headers: else everybody would be a forger', () => {
    expect(() => conditionOf('wafSignals.trust', undefined, true)).toThrow(
      "wafSignals.trust: missing, expected 'platform', peers, a secret or a function (whose header is believed?), got undefined",
    );
    expect(conditionOf('wafSignals.trust', undefined, false).holds({ headers: new Headers() })).toBe(false);
  });

  test.each<[unknown, RegExp]>([
    ['Platform', /^trust: wrong kind, expected 'platform', peers, a secret or a function, got a string/],
    [null, /^trust: wrong kind, .*, got null/],
    [{}, /^trust: unclear, expected one of peers, secret, got neither/],
    [{ peers: ['::1'], secret: { header: 'a', value: SECRET } }, /expected one of peers, secret, got both/],
    [{ via: 'mtls' }, /^trust\.\?: no such option, expected one of peers, secret/],
    [{ peers: [] }, /^trust\.peers: empty, expected addresses or ranges, got none/],
    [{ peers: '10.0.0.0/8' }, /expected addresses or ranges, got a string/],
    [{ peers: ['10.0.0.1/8'] }, /expected an address or a range/],
    [{ peers: [8] }, /^trust\.peers\[0\]: wrong kind, expected an address or a range, got 8/],
    [{ secret: 'x' }, /^trust\.secret: wrong kind, expected an object/],
    [{ secret: { header: 'a_b', value: SECRET } }, /without underscores/],
    [{ secret: { header: 'a b', value: SECRET } }, /header's name/],
    [{ secret: { header: 'a', value: SECRET.slice(1) } }, /expected at least 16 characters, got 15/],
    [{ secret: { header: 'a', value: 5 } }, /expected a string, got 5/],
    [{ secret: { header: 'a', value: SECRET, more: 1 } }, /^trust\.secret\.\?: no such option/],
  ])('%j is none', (trust, message) => {
    expect(() => conditionOf('trust', trust, false)).toThrow(message);
    if (typeof trust === 'object' && trust !== null) {
      try {
        conditionOf('trust', trust, false);
      } catch (error) {
        expect(String(error)).not.toContain(SECRET.slice(1));
      }
    }
  });

  test('and its severity is checked', () => {
    expect(() => new Hop({ forged: 'grave' }, { detector: 'waf', part: 'waf', names: [] })).toThrow(RangeError);
    expect(() => new Hop({ forged: false }, { detector: 'waf', part: 'waf', names: [] })).toThrow(TypeError);
  });
});
