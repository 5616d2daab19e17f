/**
 * Guards `src/cli/args.ts`: options by their name, everything else in its order, nothing guessed.
 */
import { describe, expect, it } from 'vitest';
import { onlyWord, readArgs, type Takes, UsageError } from '../../../src/cli/args';

const OPTIONS: Record<string, Takes> = { '--one': 'one', '--many': 'many', '--flag': 'nothing', '-o': 'one' };
const read = (...args: string[]): ReturnType<typeof readArgs> => readArgs(args, OPTIONS);

describe('words of a command line', () => {
  it('are options with their values in either spelling, and words in their order', () => {
    const args = read('a', '--one', '1', '--many=x', 'b', '--many', 'y', '-o', 'f', '--flag', '-', '--', '--one');
    expect(args.words).toEqual(['a', 'b', '-', '--one']);
    expect([args.one('--one'), args.many('--many'), args.one('-o'), args.has('--flag'), args.has('--one')]).toEqual([
      '1',
      ['x', 'y'],
      'f',
      true,
      true,
    ]);
    expect([read().one('--one'), read().many('--many'), read().has('--flag')]).toEqual([undefined, [], false]);
    expect(read('--one=a=b').one('--one')).toBe('a=b');
    expect(read('--one', '--flag').one('--one')).toBe('--flag');
  });

  it.each<[string, string[], RegExp]>([
    ['an unknown option', ['--two'], /--two: no such option/],
    ['a beginning of one', ['--on', 'x'], /--on: no such option/],
    ['an inherited name', ['--constructor'], /no such option/],
    ['a prototype', ['--__proto__=x'], /no such option/],
    ['no value', ['--one'], /--one: expected a value/],
    ['a value too many', ['--flag=1'], /--flag: takes no value/],
    ['one twice', ['--one', 'a', '--one', 'b'], /--one: expected once/],
  ])('are refused: %s', (_, args, message) => {
    expect(() => read(...args)).toThrow(UsageError);
    expect(() => read(...args)).toThrow(message);
  });

  it('are one where one is wanted', () => {
    expect(onlyWord(read('x'), 'a word')).toBe('x');
    expect(() => onlyWord(read(), 'a word')).toThrow('expected a word, got nothing');
    expect(() => onlyWord(read('x', 'y'), 'a word')).toThrow('got more than one');
    expect(() => onlyWord(read(''), 'a word')).toThrow('got an empty word');
  });
});
