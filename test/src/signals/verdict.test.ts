/** Guards `src/signals/verdict.ts`: what a detector's text says, and which texts stand where there was nothing to say. */
import { expect, test } from 'vitest';
import { isPlaceholder, meaningOf, readMeaning, wholeOf } from '../../../src/signals/verdict';

test('a whole number is digits and nothing else', () => {
  expect(['0', '7', '007', '999999999'].map(wholeOf)).toEqual([0, 7, 7, 999_999_999]);
  const none = ['', '-1', '+1', '1.5', '1e3', '0x10', ' ', '1 1', '1000000000', '١', 'NaN', 'Infinity', '(null)', '1;'];
  for (const text of none) expect(wholeOf(text)).toBe(undefined);
});

test('a placeholder is no word of a detector', () => {
  const placeholders = [
    '',
    '-',
    '(null)',
    'NULL',
    'nil',
    'none',
    'undefined',
    'nan',
    '()',
    '%{a}e',
    '%a',
    '$a',
    '{{a}}',
  ];
  for (const text of [...placeholders, 'tx.score', 'TX:score', 'env.A', 'http.waf.score', '<html>']) {
    expect([text, isPlaceholder(text)]).toEqual([text, true]);
  }
  for (const text of ['verified', 'unverified', 'SQLI', 'site.tag', '0', 'a-b', 'text', 'none-of-it', 'context.a']) {
    expect([text, isPlaceholder(text)]).toEqual([text, false]);
  }
});

test('a meaning has a category and a severity, and nothing else', () => {
  const meaning = { category: 'sqli', severity: 'high' };
  expect([readMeaning('p', meaning), meaningOf('p', meaning)]).toEqual([meaning, meaning]);
  for (const [wrong, message] of [
    [undefined, 'p: wrong kind, expected an object, got null'],
    [{ ...meaning, score: 1 }, 'p.?: no such option, expected one of category, severity, got another name'],
    [{ severity: 'high' }, 'p.category: wrong kind, expected a string, got undefined'],
    [{ category: '', severity: 'high' }, 'p.category: too short, expected at least 1 characters, got 0'],
    [{ category: 'sqli' }, "p.severity: wrong kind, expected 'low', 'medium', 'high' or 'critical', got undefined"],
  ] as const) {
    expect(() => readMeaning('p', wrong)).toThrow(message);
  }
});
