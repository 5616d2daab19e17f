/**
 * The one reader of options. What is wrong is said as *part: problem, expected X, got Y*: a wrong kind or an unknown name as
 * `TypeError`, a wrong value as `RangeError`.
 *
 *   readGroup, ownProperties         an object with known names, and one whose names somebody else knows
 *   readMap, readList                an object with names of the user's own, an array
 *   integer, share, word, readFlag   numbers, one of a few words, true or false
 *   readText, readToken, readHeaderName, callable   what is not a number
 *   object, plug                     what is passed in and kept as it is
 *
 * Relies on: `kind`, `names`. Refuses: to repeat text that was given, and to believe what an object inherits: a prototype can
 * be polluted. A property is read once, so a getter cannot show one value here and use another later.
 */
import { isArray, kindOf } from './kind';
import { unknownName } from './names';

export type Group<Name extends string> = { readonly [name in Name]?: unknown };

/** RFC 9110 §5.6.2. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** Far more than any list or table of options has; a proxy may claim any length. */
const ITEMS_MAX = 65_536;

// ── groups and lists ────────────────────────────────────────────────────────────────────────────────

/**
 * The own properties of an options object, each read once. Symbols are passed over: frameworks mark objects with them, and no
 * option is one. `unlisted` names are taken, but a message does not offer them.
 */
export function readGroup<Name extends string, Unlisted extends string = never>(
  part: string,
  prefix: string,
  value: unknown,
  names: readonly Name[],
  expected = 'an object',
  unlisted: readonly Unlisted[] = [],
): Group<Name | Unlisted> {
  const known: readonly string[] = [...names, ...unlisted];
  const group: Record<string, unknown> = Object.create(null);
  for (const [name, item] of propertiesOf(part, object(part, value, expected), (name) => `${prefix}${name}`, known)) {
    if (!known.includes(name)) throw unknownName(prefix, name, names, unlisted);
    group[name] = item;
  }
  return group as Group<Name | Unlisted>;
}

/** A copy of an options object that somebody else knows the names of: own properties, each read once. */
export function ownProperties(part: string, value: unknown): Record<string, unknown> {
  const own: Record<string, unknown> = Object.create(null);
  for (const [name, item] of propertiesOf(part, object(part, value ?? null, 'an object'), () => part)) own[name] = item;
  return own;
}

/** Names of the user's own and their values. A message says the place of an entry, never its name. */
export function readMap<Value>(
  part: string,
  value: unknown,
  read: (part: string, value: unknown, name: string) => Value,
): [name: string, value: Value][] {
  const source = object(part, value, 'an object');
  if (source === undefined) return [];
  let index = 0;
  const place = (): string => `${part}[${index}]`;
  return propertiesOf(part, source, place).map(([name, item]) => {
    const entry = [name, read(place(), item, name)] as [string, Value];
    index++;
    return entry;
  });
}

function propertiesOf(
  part: string,
  source: object | undefined,
  place: (name: string) => string,
  known?: readonly string[],
): [string, unknown][] {
  if (source === undefined) return [];
  const names = reading(part, () => Reflect.ownKeys(source)).filter((name) => typeof name === 'string');
  if (names.length > ITEMS_MAX) throw tooMany(part, 'names', names.length);
  // An unknown name is refused before anything is read: what it holds is nothing to us.
  return names.map((name) => [
    name,
    known?.includes(name) === false ? undefined : reading(place(name), () => (source as Group<string>)[name]),
  ]);
}

/** The items of an array, each read once, by index: neither an iterator nor an inherited item counts. */
export function readList<Item>(
  part: string,
  value: unknown,
  expected: string,
  read: (part: string, value: unknown) => Item,
): Item[] {
  if (!isArray(value)) throw wrongKind(part, expected, value);
  const length = reading(part, () => value.length);
  if (length > ITEMS_MAX) throw tooMany(part, 'items', length);
  return Array.from({ length }, (_, index) => {
    const place = `${part}[${index}]`;
    return read(
      place,
      reading(place, () => (Object.hasOwn(value, index) ? value[index] : undefined)),
    );
  });
}

const tooMany = (part: string, what: string, got: number): RangeError =>
  new RangeError(`${part}: too many, expected at most ${ITEMS_MAX} ${what}, got ${got}`);

/** What a getter or a trap throws is the cause, never the message: it may carry what must not be repeated. */
export function reading<Value>(part: string, read: () => Value): Value {
  try {
    return read();
  } catch (cause) {
    throw new TypeError(`${part}: not readable, expected a value, got an exception`, { cause });
  }
}

// ── values; with `null` as fallback there must be one ───────────────────────────────────────────────

export function integer(
  part: string,
  value: unknown,
  fallback: number | null,
  min: number,
  max: number,
  unit = '',
): number {
  if (value === undefined && fallback !== null) return fallback;
  const suffix = unit && ` (${unit})`;
  const whole = `an integer from ${min} to ${max}${suffix}`;
  if (typeof value !== 'number') throw wrongKind(part, whole, value);
  if (!Number.isInteger(value)) throw new RangeError(`${part}: not an integer, expected ${whole}, got ${value}`);
  if (value < min) {
    const hint = unit === 'ms' && value > 0 && value * 1_000 <= max ? ` (ms; ${value} s are ${value * 1_000})` : suffix;
    throw new RangeError(`${part}: too small, expected an integer ≥ ${min}${hint}, got ${value}`);
  }
  if (value > max) throw new RangeError(`${part}: too large, expected an integer ≤ ${max}${suffix}, got ${value}`);
  return value + 0; // −0 becomes 0
}

export function share(part: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  const expected = 'a number above 0, at most 1';
  if (typeof value !== 'number') throw wrongKind(part, expected, value);
  if (!(value > 0 && value <= 1)) throw new RangeError(`${part}: out of range, expected ${expected}, got ${value}`);
  return value;
}

/** One of a few words or numbers; without another fallback the first. */
export function word<Word extends string | number>(
  part: string,
  value: unknown,
  words: readonly Word[],
  fallback: Word | null | undefined = words[0],
): Word {
  if (value === undefined && fallback !== null) return fallback as Word;
  if (words.includes(value as Word)) return value as Word;
  const spelt = words.map((each) => (typeof each === 'string' ? `'${each}'` : String(each)));
  const last = spelt.pop();
  const expected = spelt.length === 0 ? `${last}` : `${spelt.join(', ')} or ${last}`;
  if (typeof value !== typeof words[0]) throw wrongKind(part, expected, value);
  const got = typeof value === 'string' ? 'another string' : kindOf(value);
  throw new RangeError(`${part}: unknown, expected ${expected}, got ${got}`);
}

export function readFlag(part: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw wrongKind(part, 'true or false', value);
  return value;
}

/** There must be one. */
export function readText(part: string, value: unknown, charactersMin: number): string {
  if (typeof value !== 'string') throw wrongKind(part, 'a string', value);
  if (value.length >= charactersMin) return value;
  throw new RangeError(`${part}: too short, expected at least ${charactersMin} characters, got ${value.length}`);
}

/** A name of a header or of a parameter of ours to compare, in lower case. */
export function readToken(part: string, value: unknown): string {
  const name = readText(part, value, 1).toLowerCase();
  if (TOKEN.test(name)) return name;
  throw new RangeError(`${part}: not a name, expected a header's name, got another string`);
}

/**
 * The name of a header, in lower case. An underscore is refused: many servers take `x_score` and `x-score` for one
 * another, so a name that has one cannot be told from its twin.
 */
export function readHeaderName(part: string, value: unknown): string {
  const name = readText(part, value, 1).toLowerCase();
  if (TOKEN.test(name) && !name.includes('_')) return name;
  throw new RangeError(`${part}: not a name, expected a header's name without underscores, got another string`);
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the caller calls it with.
type Callable = (...args: any[]) => unknown;

export function callable<F extends Callable>(part: string, value: unknown): F | undefined {
  if (value !== undefined && typeof value !== 'function') throw wrongKind(part, 'a function', value);
  return value as F | undefined;
}

// ── what is passed in ───────────────────────────────────────────────────────────────────────────────

export function object(part: string, value: unknown, expected: string): object | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || isArray(value)) throw wrongKind(part, expected, value);
  return value;
}

/**
 * A binding of a platform, a client, a store: an object that has these methods, its own or its class's. It is handed on as it
 * is, because it has an identity; only what is called of it is looked at.
 */
export function plug<Plug>(
  part: string,
  value: unknown,
  methods: readonly (keyof Plug & string)[],
  expected: string,
): Plug {
  // Some platforms hand out proxies that can be called.
  const isFunction = typeof value === 'function';
  if ((typeof value !== 'object' && !isFunction) || value === null || isArray(value)) {
    throw wrongKind(part, expected, value);
  }
  for (const name of methods) {
    const method = reading(`${part}.${name}`, () => (value as Group<string>)[name]);
    if (typeof method === 'function') continue;
    throw isFunction ? wrongKind(part, expected, value) : wrongKind(`${part}.${name}`, 'a function', method);
  }
  return value as Plug;
}

export function wrongKind(part: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${part}: wrong kind, expected ${expected}, got ${kindOf(value)}`);
}
