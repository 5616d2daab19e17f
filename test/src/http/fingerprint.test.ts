/** Guards what makes two attacks the same (src/http/fingerprint.ts), and that nothing hides behind what is left out. */
import { describe, expect, test } from 'vitest';
import { fingerprint, type Likeness, VOLATILE } from '../../../src/http/fingerprint';
import type { Field } from '../../../src/http/message';
import { bytes, text } from '../../lab/capture';

describe('the fingerprint', () => {
  const base: Likeness = {
    method: 'GET',
    target: '/a',
    authority: 'a',
    scheme: 'http',
    version: '1.1',
    fields: [['host', 'a']],
    trace: new Set(['x-own-trace']),
    body: bytes('b'),
    declared: '1',
    truncated: false,
  };
  const of = (over: Partial<Likeness> = {}): string => text(fingerprint({ ...base, ...over }));

  test('is the same for the same attack, however it travelled', () => {
    const journey = (over: Field[]): string => of({ fields: [['host', 'a'], ...over] });
    const samples: Record<string, string> = {
      date: 'Mon, 23 Nov 2026 07:00:00 GMT',
      age: '12',
      'content-length': '5',
      connection: 'keep-alive',
      'keep-alive': 'timeout=5, max=1000',
      'accept-encoding': 'gzip, deflate;q=0.5, *;q=0',
      via: '1.1 varnish, 1.1 0a1b.cloudfront.net (CloudFront)',
      forwarded: 'for="[2001:db8::1]:4711";proto=http, for=192.0.2.43; by=_hidden',
      'x-forwarded-for': '192.0.2.1, 2001:db8::1',
      'x-forwarded-port': '443',
      'x-forwarded-proto': 'https',
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
      'cf-ray': '7d1f2a-FRA',
      'x-amz-cf-id': 'XpO-3q_9==',
      'x-amzn-trace-id': 'Root=1-67891233-abcdef012345678912345678;Sampled=0',
      'x-vercel-id': 'fra1::iad1::abc-1700000000-def',
      'x-cloud-trace-context': '105445aa7843bc8bf206b120001000/1;o=1',
      'x-own-trace': 'abc-1',
    };
    for (const [name, value] of Object.entries(samples)) expect(journey([[name, value]]), name).toBe(of());
    for (const name of VOLATILE.keys())
      expect(journey([[name.toUpperCase(), '1']]).includes(name), name).toBe(name === 'via');
  });

  test('an attack in a volatile header is not hidden by an earlier one', () => {
    const attacks = ["1' OR 1=1--", '$' + '{jndi:ldap://a}', '<script>', '../../etc/passwd', '() { :;}; a', '1 OR 1=1'];
    for (const name of [
      ...VOLATILE.keys(),
      'x-own-trace',
      'user-agent',
      'referer',
      'x-forwarded-host',
      'constructor',
      '__proto__',
    ]) {
      const seen = new Set([
        of(),
        ...attacks.map((attack) =>
          of({
            fields: [
              ['host', 'a'],
              [name, attack],
            ],
          }),
        ),
      ]);
      expect(seen.size, name).toBe(attacks.length + 1);
    }
    expect(
      of({
        fields: [
          ['host', 'a'],
          ['x-request-id', 'a'.repeat(513)],
        ],
      }),
    ).not.toBe(of());
  });

  test('changes with every part, and bytes cannot move from one part to the next', () => {
    const differing = [
      of(),
      of({ method: 'POST' }),
      of({ target: '/b' }),
      of({ authority: 'b' }),
      of({ authority: '' }),
      of({ scheme: 'https' }),
      of({ version: '2.0' }),
      of({ version: '' }),
      of({ scheme: 'http1', version: '.1' }),
      of({ authority: 'ahttp', scheme: '' }),
      of({ fields: [] }),
      of({ fields: [['host', 'b']] }),
      of({
        fields: [
          ['host', 'a'],
          ['x', ''],
        ],
      }),
      of({ body: bytes('c') }),
      of({ declared: '2' }),
      of({ truncated: true }),
      of({ method: 'GET/', target: 'a' }),
      of({ target: '/ab', body: bytes('') }),
      of({ fields: [['hosta', '']] }),
    ];
    expect(new Set(differing).size).toBe(differing.length);
  });

  test('does not depend on the order or case of different headers, but on the order of equal ones', () => {
    const a: Field[] = [
      ['B', '1'],
      ['a', '2'],
      ['b', '3'],
    ];
    expect(of({ fields: a })).toBe(
      of({
        fields: [
          ['A', '2'],
          ['b', '1'],
          ['B', '3'],
        ],
      }),
    );
    expect(of({ fields: a })).not.toBe(
      of({
        fields: [
          ['a', '2'],
          ['b', '3'],
          ['b', '1'],
        ],
      }),
    );
  });
});
