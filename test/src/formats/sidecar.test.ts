/**
 * Guards `src/formats/sidecar.ts`: a sidecar is canonical JSON with a salt of its own, bounded; what a caller says of who
 * acted is checked, cut and never takes more than fits.
 */
import { describe, expect, test } from 'vitest';
import { actorFacts, sidecar } from '../../../src/formats/sidecar';
import type { Actor } from '../../../src/types/index';
import { seeded } from '../../ground';

const draw = (seed: number) => {
  const random = seeded(seed);
  return (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = random(256);
  };
};
const parse = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;

describe('a sidecar', () => {
  test('is canonical: names in order, one spelling', () => {
    const one = new TextDecoder().decode(sidecar({ b: 1, a: 'x', c: { z: true, y: null } }, draw(1)));
    expect(one).toMatch(/^\{"a":"x","b":1,"c":\{"y":null,"z":true\},"salt":"[0-9a-f]{32}"\}$/);
  });

  test('carries a fresh salt: two of the same words share no hash', () => {
    const random = draw(2);
    const salts = Array.from({ length: 50 }, () => parse(sidecar({ a: 1 }, random)).salt);
    expect(new Set(salts).size).toBe(50);
  });

  test('cannot have its salt chosen by what it says', () => {
    expect(parse(sidecar({ salt: 'mine' }, draw(3))).salt).toMatch(/^[0-9a-f]{32}$/);
  });

  test('is at most 4,096 bytes, and says which bound it passed', () => {
    const room = 4_096 - new TextEncoder().encode(`{"a":"","salt":"${'0'.repeat(32)}"}`).length;
    expect(sidecar({ a: 'x'.repeat(room) }, draw(4))).toHaveLength(4_096);
    expect(() => sidecar({ a: 'x'.repeat(room + 1) }, draw(4))).toThrow(/^sidecar: .+, expected ≤ 4096 bytes/);
  });
});

describe('who acted', () => {
  test('is said in two words, or three', () => {
    expect(actorFacts(undefined)).toBeUndefined();
    expect(actorFacts({ actor: 'kim', purpose: 'case 7' })).toEqual({ actor: 'kim', purpose: 'case 7' });
    const more = { actor: 'kim', purpose: 'x', case: '7', else: 'dropped' } as Actor;
    expect(actorFacts(more)).toEqual({ actor: 'kim', purpose: 'x', case: '7' });
  });

  test.each<[unknown, string]>([
    [null, 'who'],
    ['kim', 'who'],
    [7, 'who'],
    [{}, 'who.actor'],
    [{ actor: 'kim' }, 'who.purpose'],
    [{ actor: 7, purpose: 'x' }, 'who.actor'],
    [{ actor: 'kim', purpose: {} }, 'who.purpose'],
    [{ actor: 'kim', purpose: 'x', case: 7 }, 'who.case'],
  ])('%j is refused at %s, and not repeated', (who, part) => {
    const read = (): unknown => actorFacts(who as Actor);
    expect(read).toThrow(TypeError);
    expect(read).toThrow(new RegExp(`^${part.replace('.', '\\.')}: wrong kind, expected .+, got `));
    expect(read).not.toThrow(/kim/);
  });

  test('fits a sidecar whatever is written: cut to 200 characters, half characters replaced', () => {
    for (const character of ['x', '"', '\u0000', '€', '\ud800', '😀']) {
      const word = character.repeat(5_000);
      const facts = actorFacts({ actor: word, purpose: word, case: word }) as { actor: string };
      expect(facts.actor.length).toBeLessThanOrEqual(200);
      expect(facts.actor.isWellFormed()).toBe(true);
      expect(sidecar(facts, draw(5)).length).toBeLessThanOrEqual(4_096);
    }
  });
});
