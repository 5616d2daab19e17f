/**
 * Guards src/engine/words.ts: a word that has no code is refused before it reaches the core, which would stop for it; the
 * third time within a minute for good.
 */
import { describe, expect, it } from 'vitest';
import { ACCESSES, DETECTOR_FAILURES, PURGE_REASONS, wordCode } from '../../../src/engine/words';
import { BUILDS, ground } from '../../ground';

const STRANGE: readonly unknown[] = [
  ...['nonsense', '', 'Threw', 'threw ', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '0', '1'],
  ...[undefined, null, 0, 1, -1, Number.NaN, 2 ** 32, true, [], {}, Symbol('x'), () => 'threw'],
];

it('a code is that of a known word, and of nothing else', () => {
  for (const codes of [ACCESSES, DETECTOR_FAILURES, PURGE_REASONS]) {
    for (const [word, code] of Object.entries(codes)) expect(wordCode('part', codes, word)).toBe(code);
    for (const word of STRANGE) {
      expect(() => wordCode('part', codes, word as string)).toThrow(
        /^part: unknown, expected [a-z_| ]+, got another word$/,
      );
    }
  }
});

describe.each(BUILDS)('an instance on the %s build', (_, core) => {
  it('answers an error to unknown words, and never stops for them', () => {
    const { th } = ground({ rateLimit: { maxSources: 16 } }, { core });
    const result = th.intercept({ source: 'k', payload: 'p', threat: { category: 'sqli', severity: 'high' } });
    const { signature } = (result as { evidence: { signature: string } }).evidence;
    const before = th.audit.head();
    for (const word of STRANGE as never[]) {
      expect(() => th.http.counters.uninspected('k', 'passed', word)).toThrow(RangeError);
      expect(() => th.http.counters.uninspected('k', word, 'threw')).toThrow(RangeError);
      expect(() => th.http.counters.count(word)).toThrow(RangeError);
      expect(() => th.quarantine.purge(signature, word)).toThrow(RangeError);
      expect(th.http.limits.charge(`source ${STRANGE.indexOf(word)}`, word)).toMatchObject({ allowed: true });
    }
    expect(th.watcher.snapshot()).toMatchObject({ status: 'up', core: { panics: 0 } });
    expect(th.audit.head()).toEqual(before);
    expect(th.quarantine.has(signature)).toBe(true);
  });
});
