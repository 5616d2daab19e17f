/**
 * Guards `src/http/secrets.ts`: the documented names of credentials are known in every spelling that an application would
 * read, a name that is none of them is not, and an allow-list shows nothing else.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { secretNames } from '../../../src/http/secrets';

const deny = secretNames({ isAllowList: false, headers: ['X-Own'], query: ['пароль', 'q_own'], secrets: ['x-hop'] });
const allow = secretNames({
  isAllowList: true,
  headers: ['user-agent'],
  query: ['q', 'page[size]'],
  secrets: ['x-hop'],
});

/** What platforms and vendors document, a few of each. */
const HEADERS = [
  ...['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'x-csrf-token', 'x-xsrf-token', 'dpop'],
  ...['x-auth-token', 'x-access-token', 'api-key', 'apikey', 'x-own', 'x-hop', 'x-forwarded-access-token'],
  ...['x-amz-security-token', 'x-amzn-oidc-accesstoken', 'x-amzn-oidc-data', 'x-vault-token', 'x-functions-key'],
  ...['ocp-apim-subscription-key', 'x-goog-api-key', 'x-goog-iap-jwt-assertion', 'x-serverless-authorization'],
  ...[
    'cf-access-jwt-assertion',
    'cf-access-client-secret',
    'private-token',
    'x-gitlab-token',
    'x-shopify-access-token',
  ],
];
const QUERY = [
  ...['access_token', 'token', 'api_key', 'apikey', 'key', 'password', 'sig', 'client_secret', 'x_api_key', 'q_own'],
  ...['X-Amz-Signature', 'X-Amz-Security-Token', 'id_token', 'refresh_token', 'session', 'jsessionid', 'SAMLResponse'],
];

/** As somebody may write it: cases, other separators or none. */
const spelt = (names: readonly string[], separators: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...names), fc.constantFrom(...separators), fc.constantFrom('as it is', 'upper', 'camel'))
    .map(([name, separator, how]) => {
      const text = name.replaceAll(/[-_]/g, separator);
      if (how === 'upper') return text.toUpperCase();
      return how === 'camel' ? text.replace(/(?:^|[-_.])[a-z]/g, (first) => first.toUpperCase()) : text;
    });

describe('a name', () => {
  test('of a header is known however it is spelt', () => {
    fc.assert(
      fc.property(spelt(HEADERS, ['-', '_', '']), (name) => {
        expect([name, deny.headers.has(name)]).toEqual([name, true]);
      }),
      { seed: 20_261_240, numRuns: 300 },
    );
  });

  test('of a parameter is known encoded, in brackets, behind dots', () => {
    const dress = fc.constantFrom(
      (name: string) => name,
      (name: string) => `${name}[]`,
      (name: string) => `${name}[0]`,
      (name: string) => `user[${name}]`,
      (name: string) => `auth.${name}`,
      (name: string) => `${name}%5B%5D`,
      (name: string) => `%${name.charCodeAt(0).toString(16)}${name.slice(1)}`,
      (name: string) => `+${name}`,
    );
    fc.assert(
      fc.property(spelt(QUERY, ['-', '_', '', '.']), dress, (name, worn) => {
        expect([worn(name), deny.query.has(worn(name))]).toEqual([worn(name), true]);
      }),
      { seed: 20_261_241, numRuns: 400 },
    );
    for (const name of ['пароль', encodeURIComponent('пароль'), encodeURIComponent('ПАРОЛЬ').toLowerCase()]) {
      expect(deny.query.has(name)).toBe(true);
    }
  });

  test('that is none of them is shown, and hidden by an allow-list', () => {
    const others = [
      'q',
      'page',
      'user',
      'monkey',
      'tokenise',
      'keyboard',
      'passport',
      '',
      '%',
      '%zz',
      '%ff',
      '[]',
      '.',
      '-',
    ];
    for (const name of others) expect([name, deny.query.has(name)]).toEqual([name, false]);
    for (const name of others) expect([name, allow.query.has(name)]).toEqual([name, name !== 'q']);
    for (const name of ['accept', 'user-agent', 'host', 'x-request-id', 'content-type', 'x-owner']) {
      expect([name, deny.headers.has(name)]).toEqual([name, false]);
    }
    expect(
      ['User-Agent', 'host', 'content-type', 'accept', 'cookie', 'x-hop'].map((name) => allow.headers.has(name)),
    ).toEqual([...[false, false, false, true, true, true]]);
    expect(allow.query.has('page[size]')).toBe(false);
  });

  test('beyond 128 characters is nobody\u2019s, and hidden by an allow-list', () => {
    const long = `token${'-'.repeat(124)}`;
    expect([deny.query.has(long), allow.query.has(long)]).toEqual([false, true]);
    expect(deny.query.has(long.slice(0, 128))).toBe(true);
  });

  test('is never an exception, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
        for (const names of [deny.headers, deny.query, allow.headers, allow.query])
          expect(typeof names.has(name)).toBe('boolean');
      }),
      { seed: 20_261_242, numRuns: 500 },
    );
  });

  test('that an allow-list shows stays hidden when it is a secret', () => {
    const all = secretNames({ isAllowList: true, headers: ['cookie', 'accept'], query: ['token', 'q'], secrets: [] });
    expect([all.headers.has('cookie'), all.headers.has('accept'), all.query.has('token'), all.query.has('q')]).toEqual([
      ...[true, false, true, false],
    ]);
  });
});
