/**
 * Guards `src/http/redaction.ts`: no secret of a target or a field is kept in clear, wherever it stands; the rest stays as it
 * came; and the work grows with the length of the request, not faster.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Redaction } from '../../../src/http/redaction';
import { type SecretNames, secretNames } from '../../../src/http/secrets';

const SECRET = 'S3cretValue0123456789';
const deny = secretNames({ isAllowList: false, headers: [], query: [], secrets: [] });
const allow = secretNames({ isAllowList: true, headers: ['accept'], query: ['q'], secrets: [] });
const of = (names: { headers: SecretNames; query: SecretNames }) =>
  new Redaction(names.headers, names.query, () => '0123456789abcdef');
const shown = (target: string): string => of(deny).target(target).replaceAll('hmac:0123456789abcdef', '*');

describe('a target', () => {
  test.each<[string, string]>([
    [`/p?a=1&token=${SECRET}&b=2`, '/p?a=1&token=*&b=2'],
    [`/p?token=${SECRET}`, '/p?token=*'],
    [`/p?token[]=${SECRET}&token[0]=${SECRET}&x_api_key=${SECRET}`, '/p?token[]=*&token[0]=*&x_api_key=*'],
    [`/p?a=1;token=${SECRET}&b=2`, '/p?a=1;token=*&b=2'],
    [`/p;token=${SECRET}/b;c=1?d`, '/p;token=*/b;c=1?d'],
    [`/p;a;jsessionid=${SECRET}?d`, '/p;a;jsessionid=*?d'],
    [`/cb#access_token=${SECRET}&state=1`, '/cb#access_token=*&state=1'],
    [
      `/p?next=https%3A%2F%2Fa.example%2Fcb%3Faccess_token%3D${SECRET}&b=2`,
      '/p?next=https%3A%2F%2Fa.example%2Fcb%3Faccess_token%3D*&b=2',
    ],
    [`/p?next=/cb?a=1%26token%3D${SECRET}`, '/p?next=/cb?a=1%26token%3D*'],
    [`/p?token=${SECRET};more=${SECRET}&b=2`, '/p?token=*&b=2'],
    [`/p?Token=a=${SECRET}=`, '/p?Token=*'],
    [`//a?b=c?token=${SECRET}`, '//a?b=c?token=*'],
  ])('%s', (target, kept) => {
    expect(shown(target)).toBe(kept);
    expect(of(deny).bare(target)).toBe(kept.replaceAll('*', ''));
  });

  test('without a secret stays as it came, character for character', () => {
    const piece = fc.constantFrom(
      '/',
      ';',
      '?',
      '&',
      '=',
      '#',
      '%',
      '%zz',
      '%41',
      '%3b',
      '+',
      'a',
      'q',
      'monkey',
      '\u0000',
      'ä',
      '//',
      '@',
      ':',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }).map((all) => all.join('')),
        (target) => {
          expect(of(deny).target(target)).toBe(target);
          expect(of(deny).bare(target)).toBe(target);
        },
      ),
      { seed: 20_261_243, numRuns: 500 },
    );
  });

  test('loses its secret wherever that stands, and nothing before it', () => {
    const noise = fc.array(fc.constantFrom('a=1', 'q', '%=', 'b=%26', '=', 'c=d=e', 'f=/g', 'h[]=1'), { maxLength: 6 });
    const name = fc.constantFrom('token', 'access_token', 'API-KEY', 'x_api_key', 'user[password]', 'to%6ben', 'sig');
    const glue = fc.constantFrom('&', '&', ';');
    fc.assert(
      fc.property(noise, name, noise, glue, (before, secret, after, separator) => {
        const head = `/p?${[...before, ''].join(separator)}`;
        const kept = of(deny).target(`${head}${secret}=${SECRET}${after.map((one) => separator + one).join('')}`);
        expect(kept).not.toContain(SECRET);
        expect(kept.startsWith(`${head}${secret}=hmac:`)).toBe(true);
      }),
      { seed: 20_261_244, numRuns: 400 },
    );
  });

  test('under an allow-list shows the values of its names and no other', () => {
    expect(of(allow).bare(`/p?q=1&page=${SECRET}&${SECRET}&=x&q;z=1#f`)).toBe('/p?q=1&page=&&=&q;z=');
    expect(of(allow).target('/p?q=shoes')).toBe('/p?q=shoes');
  });
});

describe('a field', () => {
  test('that holds a URL loses its secrets like the target; a secret one is hidden whole', () => {
    const target = `https://a.example/cb?access_token=${SECRET}`;
    for (const name of ['Referer', 'x-original-url', 'X-Forwarded-Uri']) {
      expect(of(deny).field([name, target])[1]).toBe('https://a.example/cb?access_token=hmac:0123456789abcdef');
    }
    expect(of(deny).field(['Referer', `https://user:${SECRET}@a.example/p`])[1]).toBe(
      'https://hmac:0123456789abcdef@a.example/p',
    );
    for (const name of ['Cookie', 'X-Vault-Token', 'x_api_key'])
      expect(of(deny).field([name, SECRET])[1]).toMatch(/^hmac:/);
    expect(of(deny).field(['x-plain', SECRET])).toEqual(['x-plain', SECRET]);
    expect(of(allow).field(['x-plain', SECRET])[1]).toMatch(/^hmac:/);
    expect(of(allow).field(['Accept', '*/*'])).toEqual(['Accept', '*/*']);
  });
});

describe('the work', () => {
  /** Counts the names that are asked about and their characters: what is not asked about costs a look at each character. */
  const counted = (names: SecretNames) => {
    const count = { asked: 0, characters: 0 };
    const has = (name: string): boolean => {
      count.asked++;
      count.characters += name.length;
      return names.has(name);
    };
    return { count, names: { has, isAllowList: names.isAllowList } };
  };
  const costOf = (unit: string, times: number, where: SecretNames): { asked: number; characters: number } => {
    const { count, names } = counted(where);
    const redaction = new Redaction(names, names, () => '');
    const target = `/${unit.startsWith(';') ? '' : '?'}${unit.repeat(times)}`;
    redaction.target(target);
    redaction.bare(target);
    return count;
  };

  test('grows with the length: each part is looked at once, however the parts are made', () => {
    const units = [
      '%=&',
      'a=&',
      'token=&',
      ';',
      '%3b',
      'a%41=&',
      '/;',
      'a.b=&',
      '%C3%A4=&',
      '[=&',
      'ab=;',
      '?a',
      '#=',
      ';a=',
      '%26%3d',
      '%zz=%zz&',
    ];
    fc.assert(
      fc.property(fc.constantFrom(...units), fc.integer({ min: 50, max: 400 }), (unit, times) => {
        for (const names of [deny.query, allow.query]) {
          const [once, twice] = [costOf(unit, times, names), costOf(unit, 2 * times, names)];
          // A request is no longer than its characters; two questions a unit at most.
          expect(once.asked).toBeLessThanOrEqual(2 * times + 2);
          expect(once.characters).toBeLessThanOrEqual(unit.length * times + 1);
          expect(twice.asked).toBeLessThanOrEqual(2 * once.asked + 2);
        }
      }),
      { seed: 20_261_245, numRuns: 100 },
    );
  });

  test('throws nothing for names that do not decode: an exception each was most of what they cost', () => {
    const decode = globalThis.decodeURIComponent;
    let calls = 0;
    globalThis.decodeURIComponent = (text) => {
      calls++;
      return decode(text);
    };
    try {
      of(deny).target(`/?${'%=&'.repeat(5_300)}`);
    } finally {
      globalThis.decodeURIComponent = decode;
    }
    expect(calls).toBe(0);
  });

  test('of fingerprints is bounded, and a failing one shows nothing', () => {
    let calls = 0;
    const redaction = new Redaction(deny.headers, deny.query, () => {
      calls++;
      if (calls % 2 === 0) throw new Error('boom');
      return 'f'.repeat(16);
    });
    expect(redaction.target(`/?${`token=${SECRET}&`.repeat(700)}`)).not.toContain(SECRET);
    expect(redaction.field(['cookie', SECRET])).toEqual(['cookie', 'redacted']);
    expect(calls).toBe(64);
  });
});
