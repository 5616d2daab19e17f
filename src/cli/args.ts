/**
 * Words of a command line: options by their name, everything else in its order.
 *
 * Relies on: nothing. Refuses: to guess. An option that a command does not have, one without its value, one too many: each
 * is a {@link UsageError}, which says what was expected.
 */

/** A command was called in a way that it does not understand; exit code 4. */
export class UsageError extends Error {}

/** What an option takes: nothing, one value, or one value each time it is given. */
export type Takes = 'nothing' | 'one' | 'many';

export class Args {
  readonly words: readonly string[];
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(words: readonly string[], values: ReadonlyMap<string, readonly string[]>) {
    this.words = words;
    this.#values = values;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  one(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  many(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }
}

/** Reads `--name value`, `--name=value`, `-o value`; behind `--` there are no options. `-` alone is a word. */
export function readArgs(args: readonly string[], options: Readonly<Record<string, Takes>>): Args {
  const words: string[] = [];
  const values = new Map<string, string[]>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === '--') {
      words.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      words.push(arg);
      continue;
    }
    const equals = arg.startsWith('--') ? arg.indexOf('=') : -1;
    const name = equals < 0 ? arg : arg.slice(0, equals);
    const takes = Object.hasOwn(options, name) ? options[name] : undefined;
    if (takes === undefined) throw new UsageError(`${name}: no such option; --help lists those there are`);
    if (takes === 'nothing') {
      if (equals >= 0) throw new UsageError(`${name}: takes no value`);
      values.set(name, []);
      continue;
    }
    const value = equals < 0 ? args[++i] : arg.slice(equals + 1);
    if (value === undefined) throw new UsageError(`${name}: expected a value after it`);
    const before = values.get(name);
    if (before !== undefined && takes === 'one') throw new UsageError(`${name}: expected once, got twice`);
    values.set(name, [...(before ?? []), value]);
  }
  return new Args(words, values);
}

/** The one word that a command takes. */
export function onlyWord({ words }: Args, what: string): string {
  const [word, more] = words;
  if (word === undefined) throw new UsageError(`expected ${what}, got nothing`);
  if (more !== undefined) throw new UsageError(`expected ${what}, got more than one`);
  if (word === '') throw new UsageError(`expected ${what}, got an empty word`);
  return word;
}
