/**
 * Guards `src/errors.ts`: one class whose `code` is API, with its cause, and every code said in docs or docstrings.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, TracehoundError } from '../../src/errors';

const source = readFileSync(new URL('../../src/errors.ts', import.meta.url), 'utf8');
const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'/gm)].map(([, code]) => code as ErrorCode);

describe('the one error class', () => {
  test('is an Error with a name, a code, a cause, and recoverable only where it is said', () => {
    const cause = new Error('why');
    const error = new TracehoundError('STORE_FAILED', 'store: no answer, expected one, got none', {
      cause,
      recoverable: true,
    });
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'TracehoundError', code: 'STORE_FAILED', recoverable: true, cause });
    expect(error.stack).toContain('errors.test.ts');
    expect(new TracehoundError('CLOSED', 'x').recoverable).toBe(false);
  });

  test('has a cause only when there is one, even if that is undefined', () => {
    expect(Object.hasOwn(new TracehoundError('CLOSED', 'x'), 'cause')).toBe(false);
    expect(Object.hasOwn(new TracehoundError('CLOSED', 'x', { cause: undefined }), 'cause')).toBe(true);
  });

  test('every code is documented beside it, and none stands twice', () => {
    expect(codes.length).toBeGreaterThan(15);
    expect(new Set(codes).size).toBe(codes.length);
    for (const code of codes) expect(source, code).toMatch(new RegExp(`\\*/\\n {2}\\| '${code}'`));
  });
});
