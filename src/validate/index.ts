/**
 * The kinds of options: a group with known names, an integer, one of two words, something to call. What is wrong is said as
 * *part: problem, expected X, got Y*, a wrong kind or an unknown name as `TypeError`, a wrong value as `RangeError`.
 *
 * Relies on: `kind`. Refuses: to repeat what was given, and to believe what an object inherits.
 */
import { isArray, kindOf } from './kind';

export type Group<Name extends string> = { readonly [name in Name]?: unknown };

/** The own properties of an options object, each read once. Inherited ones do not count: a prototype can be polluted. */
export function readGroup<Name extends string>(
  part: string,
  prefix: string,
  value: unknown,
  names: readonly Name[],
  expected = 'an object',
): Group<Name> {
  const group: Record<string, unknown> = Object.create(null);
  const source = object(part, value, expected) as Readonly<Record<string, unknown>> | undefined;
  if (source === undefined) return group as Group<Name>;
  for (const name of attempt(part, () => Reflect.ownKeys(source))) {
    if (typeof name === 'symbol') continue; // Marks of frameworks; no option has such a name.
    if (!(names as readonly string[]).includes(name)) throw unknownName(prefix, name, names);
    group[name] = attempt(`${prefix}${name}`, () => source[name]);
  }
  return group as Group<Name>;
}

function attempt<Value>(part: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw new TypeError(`${part}: not readable, expected a value, got an exception`, { cause });
  }
}

export function integer(part: string, value: unknown, fallback: number, min: number, max: number, unit = ''): number {
  if (value === undefined) return fallback;
  const suffix = unit && ` (${unit})`;
  const whole = `an integer from ${min} to ${max}${suffix}`;
  if (typeof value !== 'number') throw wrongKind(part, whole, value);
  if (!Number.isInteger(value)) throw new RangeError(`${part}: not an integer, expected ${whole}, got ${value}`);
  if (value < min) throw new RangeError(`${part}: too small, expected an integer ≥ ${min}${suffix}, got ${value}`);
  if (value > max) throw new RangeError(`${part}: too large, expected an integer ≤ ${max}${suffix}, got ${value}`);
  return value + 0; // −0 becomes 0
}

/** One of two words, the first by default. */
export function word<Word extends string>(part: string, value: unknown, words: readonly [Word, Word]): Word {
  if (value === undefined) return words[0];
  const expected = `'${words[0]}' or '${words[1]}'`;
  if (typeof value !== 'string') throw wrongKind(part, expected, value);
  if ((words as readonly string[]).includes(value)) return value as Word;
  throw new RangeError(`${part}: unknown, expected ${expected}, got another string`);
}

export function share(part: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  const expected = 'a number above 0, at most 1';
  if (typeof value !== 'number') throw wrongKind(part, expected, value);
  if (!(value > 0 && value <= 1)) throw new RangeError(`${part}: out of range, expected ${expected}, got ${value}`);
  return value;
}

export function callable(part: string, value: unknown): unknown {
  if (value !== undefined && typeof value !== 'function') throw wrongKind(part, 'a function', value);
  return value;
}

export function object(part: string, value: unknown, expected: string): object | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || isArray(value)) throw wrongKind(part, expected, value);
  return value;
}

export function wrongKind(part: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${part}: wrong kind, expected ${expected}, got ${kindOf(value)}`);
}

/** Names that went elsewhere, and where to. */
const MOVED: Readonly<Record<string, string>> = {
  'audit.store': 'audit.log = storedLog(store) from tracehound/log',
};

function unknownName(prefix: string, name: string, names: readonly string[]): TypeError {
  const moved = Object.hasOwn(MOVED, prefix + name) ? MOVED[prefix + name] : undefined;
  if (moved !== undefined) return new TypeError(`${prefix}${name}: moved, expected ${moved}, got the old name`);
  // A name that a programmer could have typed is shown; anything else was data.
  const shown = /^[A-Za-z_]\w{0,31}$/.test(name) ? name : '?';
  const near = nearest(name, names);
  const hint = near === undefined ? '' : ` (did you mean \`${near}\`?)`;
  return new TypeError(
    `${prefix}${shown}: no such option${hint}, expected one of ${names.join(', ')}, got another name`,
  );
}

/** The name that a typing mistake most likely meant: same letters whatever their case, or at most a third of them wrong. */
function nearest(name: string, names: readonly string[]): string | undefined {
  if (name.length > 32) return undefined;
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const known of names) {
    const distance = editDistance(name.toLowerCase(), known.toLowerCase());
    if (distance < bestDistance && distance * 3 <= known.length) {
      best = known;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's, one row at a time. */
function editDistance(from: string, to: string): number {
  const row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    let diagonal = row[0]!;
    row[0] = i;
    for (let j = 1; j <= to.length; j++) {
      const above = row[j]!;
      row[j] = from[i - 1] === to[j - 1] ? diagonal : 1 + Math.min(diagonal, above, row[j - 1]!);
      diagonal = above;
    }
  }
  return row[to.length]!;
}
