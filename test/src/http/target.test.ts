/**
 * Guards that evidence says truly what was asked for and how that is known (src/http/target.ts). The rows are what real
 * servers hand over for what a client wrote; test/engines/requests.test.ts asks the servers themselves.
 */

import { describe, expect, test } from 'vitest';
import type { Facts } from '../../../src/http/facts';
import { type Asked, askedOf, withoutPassword } from '../../../src/http/target';
import { facts } from '../../lab/capture';

type Spelling = Facts['spelling'];

/** URL, Host, spelling → target, reading, authority and where it is from. */
type Row = readonly [
  url: string,
  host: string | undefined,
  spelling: Spelling,
  target: string,
  reading: Asked['reading'],
  authority: string | undefined,
  from: Asked['authorityFrom'],
];

const of = (url: string, host: string | undefined, spelling: Spelling, method = 'GET'): Asked =>
  askedOf(facts({ method, url, spelling, headers: new Headers(host === undefined ? {} : { host }) }));

const ROWS: readonly Row[] = [
  // Deno and workerd: as it was sent.
  ['http://Shop.Example:80/a/../b?x', 'Shop.Example:80', 'sent', '/a/../b?x', 'url', 'Shop.Example:80', 'host'],
  ['http://Shop.Example:80/a\\..\\b', 'Shop.Example:80', 'sent', '/a\\..\\b', 'url', 'Shop.Example:80', 'host'],
  ['http://shop.example/a#b?c', 'shop.example', 'sent', '/a#b?c', 'url', 'shop.example', 'host'],
  ['http://shop.example/plain', 'shop.example', 'sent', '/plain', 'url', 'shop.example', 'host'],
  ['http://shop.example/*', 'shop.example', 'sent', '/*', 'url', 'shop.example', 'host'], // OPTIONS * on Deno
  ['http://shop.example*', 'shop.example', 'sent', '*', 'url', 'shop.example', 'host'], // … and on workerd
  ['http://shop.example', 'shop.example', 'sent', '/', 'url', 'shop.example', 'host'],
  ['http://shop.example?q', 'shop.example', 'sent', '/?q', 'url', 'shop.example', 'host'],
  ['http://a/b@c/x', 'a/b@c', 'sent', '/x', 'url', 'a/b@c', 'host'],
  ['http://a, b/x', 'a, b', 'sent', 'http://a, b/x', 'url', 'a, b', 'url'],
  ['http://169.254.169.254/m', 'shop.example', 'sent', 'http://169.254.169.254/m', 'url', '169.254.169.254', 'url'],
  ['https://u:p@m.internal:8/x', 'shop.example', 'sent', 'https://u:p@m.internal:8/x', 'url', 'm.internal:8', 'url'],
  [
    'http://shop.example.evil/x',
    'shop.example',
    'sent',
    'http://shop.example.evil/x',
    'url',
    'shop.example.evil',
    'url',
  ],
  ['http://localhost:9801/x', undefined, 'sent', '/x', 'url', 'localhost:9801', 'url'],
  ['http+unix://shop.example/a/../b', 'shop.example', 'sent', '/a/../b', 'url', 'shop.example', 'host'],
  // Bun, and every `new Request()`.
  ['http://shop.example/b', 'Shop.Example:80', 'normalised', '/b', 'normalised', 'Shop.Example:80', 'host'],
  ['http://shop.example/a#b', 'shop.example', 'normalised', '/a#b', 'normalised', 'shop.example', 'host'],
  ['/a/../b', undefined, 'normalised', '/a/../b', 'url', undefined, undefined],
  ['/x', 'a/b@c', 'normalised', '/x', 'url', 'a/b@c', 'host'],
  ['http://[::1]/x', '[0:0::1]:80', 'normalised', '/x', 'normalised', '[0:0::1]:80', 'host'],
  // Nobody knows who made the URL: what is in no normal form was not normalised; a fragment may be a page's secret.
  ['https://shop.example/b', undefined, undefined, '/b', 'normalised', 'shop.example', 'url'],
  ['https://shop.example/a/../b', undefined, undefined, '/a/../b', 'url', 'shop.example', 'url'],
  ['https://shop.example/a#token=1', undefined, undefined, '/a', 'normalised', 'shop.example', 'url'],
  ['/x', undefined, undefined, '/x', 'url', undefined, undefined],
];

describe('a platform that shows only a URL', () => {
  test.each(ROWS)('%s, Host %s, %s', (url, host, spelling, target, reading, authority, from) => {
    const asked = of(url, host, spelling);
    expect([asked.target, asked.reading, asked.authority, asked.authorityFrom]).toEqual([
      target,
      reading,
      authority,
      from,
    ]);
  });

  test('says of a tunnel whom it leads to', () => {
    for (const [url, host] of [
      ['http://a.example:443', 'a.example:443'],
      ['a.example:443', undefined],
      ['a.example:443', 'a.example:443'],
    ] as const) {
      expect(of(url, host, 'sent', 'CONNECT')).toMatchObject({ target: 'a.example:443', authority: 'a.example:443' });
    }
  });

  test('two hosts are never one, however the platform spells them', () => {
    const hosts = Array.from({ length: 24 }, (_, index) => `host-${index}.example`);
    const seen = new Set(
      hosts.flatMap((host) => [
        JSON.stringify(of(`http://${host}/x`, undefined, 'sent')),
        JSON.stringify(of(`http://${host}/x`, 'shop.example', 'sent')),
      ]),
    );
    expect(seen.size).toBe(2 * hosts.length);
  });
});

describe('a platform that shows the request line', () => {
  const line = (target: string, over: Partial<Facts> = {}): Asked => askedOf(facts({ target, method: 'GET', ...over }));

  test('the authority is that of the target, else of HTTP/2, else of Host', () => {
    expect(line('http://Meta.internal/x')).toMatchObject({
      authority: 'Meta.internal',
      authorityFrom: 'target',
      scheme: 'http',
    });
    expect(line('FTP://meta.internal')).toMatchObject({ authority: 'meta.internal', scheme: 'ftp' });
    expect(line('/x', { authority: 'two.example' })).toMatchObject({
      authority: 'two.example',
      authorityFrom: 'pseudo',
    });
    expect(line('/x')).toMatchObject({ authority: 'shop.example', authorityFrom: 'host' });
    expect(line('/x', { headers: new Headers() })).not.toHaveProperty('authority');
    expect(line('a.example:443', { method: 'CONNECT' })).toMatchObject({
      authority: 'a.example:443',
      authorityFrom: 'target',
    });
    const twice: Facts['fields'] = [
      ['HOST', 'one.example'],
      ['host', 'two.example'],
    ];
    expect(line('/x', { fields: twice })).toMatchObject({ authority: 'one.example' });
  });

  test('nothing of it is changed', () => {
    for (const target of ['/a/../b', '//evil/x', '*', 'http://a', '/%2e%2e', '/a#b', '/caf\xe9']) {
      expect(line(target)).toMatchObject({ target, reading: 'raw' });
    }
  });
});

test('a password in an authority is replaced with its user, and nothing else is', () => {
  const hide = (target: string): string => withoutPassword(target, (secret) => `<${secret.length}>`);
  expect(hide('http://u:p@a/b@c?d@e')).toBe('http://<3>@a/b@c?d@e');
  expect(hide('http://u@v@a')).toBe('http://<3>@a');
  for (const target of ['/a@b', 'http://a/b@c', 'http://a?b@c', 'http://a\\b@c', '*', '', 'a@b:443'])
    expect(hide(target)).toBe(target);
});

test('costs what it reads: a long target takes its length, not its square', () => {
  const units = 2 ** 18;
  for (const long of ['a'.repeat(units), `${'@'.repeat(units)}`, '/'.repeat(units), `${'a:'.repeat(units / 2)}//`]) {
    for (const url of [long, `http://${long}`, `http://${long}/`]) {
      // A square of 2^18 would be minutes, which the runner ends.
      of(url, 'shop.example', 'sent');
      withoutPassword(url, () => '');
      askedOf(facts({ target: url }));
    }
  }
});
