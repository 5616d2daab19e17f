/**
 * Whom the reader trusts: a policy (C2SP tlog-policy) names the keys of logs, the keys of witnesses, and which of them must
 * have seen a checkpoint.
 *
 *   log <vkey> [<url>]
 *   # origins: <origin> <origin>…          for the key above: the logs that it may sign; `*` at the end of one stands for any rest
 *   witness <name> <vkey> [<url>]
 *   group <name> all|any|<k> <name>…
 *   quorum <name>|none
 *
 * The second line is a comment to everybody else. Without it a key signs the logs that are named as it is ({@link keysFor}).
 *
 * Relies on: note. Refuses: a policy that is not wholly understood; half a policy trusts the wrong people. And to let one
 * deployment speak for the logs of another because a reader trusts both.
 */

import { TracehoundError } from '../errors';
import { toHex } from '../formats/bytes';
import { COSIGNATURE, ECDSA, ED25519, EXTENDED, parseVerifierKey, type VerifierKey } from '../formats/note';

/** A policy that was read. */
export interface Policy {
  /** Keys that may sign heads of logs, or say that another key may. */
  readonly logs: readonly VerifierKey[];
  /** Logs that a key may sign, where the policy says so: names, or beginnings of names with a `*` behind them. */
  readonly origins?: ReadonlyMap<VerifierKey, readonly string[]>;
  readonly witnesses: ReadonlyMap<string, VerifierKey>;
  readonly groups: ReadonlyMap<string, WitnessGroup>;
  /** Name of a witness or a group, or `none`. */
  readonly quorum: string;
}

/** It has seen a checkpoint if at least `threshold` of its members have. */
export interface WitnessGroup {
  readonly threshold: number;
  readonly members: readonly string[];
}

/** The specification asks for 32 of each. */
const LINES_MAX = 1_024;
const POLICY_CHARACTERS_MAX = 1_048_576;
/** ML-DSA-44 cosignatures: keys of witnesses that can be named, and not be checked here. */
const ML_DSA = 0x06;
const NONE = 'none';

class Reader {
  readonly logs: VerifierKey[] = [];
  readonly origins = new Map<VerifierKey, readonly string[]>();
  readonly witnesses = new Map<string, VerifierKey>();
  readonly groups = new Map<string, WitnessGroup>();
  quorum: string | undefined;
  readonly #keys = new Set<string>();

  read([keyword, ...words]: readonly string[]): void {
    if (keyword === 'log') this.log(words);
    else if (keyword === 'witness') this.witness(words);
    else if (keyword === 'group') this.group(words);
    else if (keyword === 'quorum') this.ends(words);
    else throw problem('unknown keyword', 'log, witness, group or quorum', 'another word');
  }

  log(words: readonly string[]): void {
    if (words.length < 1 || words.length > 2) throw problem('log', 'a key and perhaps a URL', words.length);
    this.logs.push(this.#key('log', words[0]!, [ED25519, ECDSA, EXTENDED]));
  }

  /** Behind the line of a key, once. */
  bind(origins: readonly string[]): void {
    const key = this.logs.at(-1);
    if (key === undefined || this.origins.has(key))
      throw problem('origins', 'one such line behind that of a log', 'another');
    if (origins.length === 0) throw problem('origins', 'names of logs', 'none');
    if (origins.some((origin) => origin.slice(0, -1).includes('*'))) {
      throw problem('origins', 'a * at the end of a name only', 'one within it');
    }
    this.origins.set(key, origins);
  }

  witness(words: readonly string[]): void {
    if (words.length < 2 || words.length > 3) throw problem('witness', 'a name, a key and perhaps a URL', words.length);
    const name = this.#newName(words[0]!);
    this.witnesses.set(name, this.#key('witness', words[1]!, [COSIGNATURE, ML_DSA]));
  }

  group(words: readonly string[]): void {
    const [first = '', rule = '', ...members] = words;
    if (members.length < 1) throw problem('group', 'a name, a threshold and members', words.length);
    const name = this.#newName(first);
    for (const member of members) {
      if (!this.#knows(member)) throw problem('unknown member', 'a witness or group of a line above', 'another name');
    }
    if (new Set(members).size < members.length) throw problem('a member twice', 'each once', 'two');
    const threshold =
      rule === 'any' ? 1 : rule === 'all' ? members.length : /^[1-9][0-9]{0,3}$/.test(rule) ? Number(rule) : 0;
    if (threshold < 1 || threshold > members.length) {
      throw problem('threshold', `all, any or 1 to ${members.length}`, 'something else');
    }
    this.groups.set(name, { threshold, members });
  }

  ends(words: readonly string[]): void {
    if (words.length !== 1) throw problem('quorum', 'one name', words.length);
    if (this.quorum !== undefined) throw problem('a second quorum', 'exactly one', 'two');
    const name = words[0]!;
    if (name !== NONE && !this.#knows(name)) {
      throw problem('unknown quorum', 'none, or a witness or group of a line above', 'another name');
    }
    this.quorum = name;
  }

  #knows(name: string): boolean {
    return this.witnesses.has(name) || this.groups.has(name);
  }

  #newName(name: string): string {
    if (name === NONE) throw problem('the name none', 'a name that has no meaning yet', 'none');
    if (this.#knows(name)) throw problem('a name twice', 'a new name', 'one of a line above');
    return name;
  }

  #key(part: string, text: string, types: readonly number[]): VerifierKey {
    let key: VerifierKey;
    try {
      key = parseVerifierKey(text);
    } catch (cause) {
      throw problem(`${part} key`, 'a verifier key', (cause as Error).message, cause);
    }
    if (!types.includes(key.type))
      throw problem(`${part} key of type ${key.type}`, `type ${types.join(' or ')}`, key.type);
    const material = `${part} ${toHex(key.key)}`;
    if (this.#keys.has(material)) throw problem(`a ${part} key twice`, 'each key once', 'two');
    this.#keys.add(material);
    return key;
  }
}

function problem(what: string, expected: string, got: string | number, cause?: unknown): TracehoundError {
  return new TracehoundError(
    'POLICY_INVALID',
    `policy: ${what}, expected ${expected}, got ${got}`,
    cause ? { cause } : {},
  );
}

/**
 * Reads a policy. Throws `POLICY_INVALID`, with the line.
 *
 * @example
 * const policy = parsePolicy(`log ${vkey}\nquorum none\n`);
 */
export function parsePolicy(text: string): Policy {
  if (typeof text !== 'string') throw new TypeError(`policy: wrong kind, expected a string, got ${typeof text}`);
  const lines = text.length > POLICY_CHARACTERS_MAX ? [] : text.split('\n');
  if (lines.length === 0 || lines.length > LINES_MAX) throw problem('too long', `≤ ${LINES_MAX} lines`, 'more');
  const reader = new Reader();
  for (const [i, line] of lines.entries()) {
    try {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
      if (/[\x00-\x08\x0b-\x1f\x7f]/.test(line)) throw problem('a control character', 'text, spaces and tabs', 'one');
      const words = line.split(/[ \t]+/).filter((word) => word !== '');
      if (words[0] === '#' && words[1] === 'origins:') reader.bind(words.slice(2));
      else if (words.length > 0 && !words[0]!.startsWith('#')) reader.read(words);
    } catch (cause) {
      if (!(cause instanceof TracehoundError)) throw cause;
      cause.message = cause.message.replace(/^policy/, `policy line ${i + 1}`);
      throw cause;
    }
  }
  const { logs, origins, witnesses, groups, quorum } = reader;
  if (quorum === undefined) throw problem('no quorum', 'a line `quorum none` or `quorum <name>`', 'none');
  return { logs, ...(origins.size === 0 ? {} : { origins }), witnesses, groups, quorum };
}

/** Whether the witnesses that have signed are enough. */
export function isQuorum(policy: Policy, signed: ReadonlySet<string>): boolean {
  // Groups name only what stands above them, so one look at each, in their order, is enough.
  const seen = new Set(signed);
  for (const [name, { threshold, members }] of policy.groups) {
    if (members.filter((member) => seen.has(member)).length >= threshold) seen.add(name);
  }
  return policy.quorum === NONE || seen.has(policy.quorum);
}

/**
 * The keys of a policy that count for a log of this name.
 *
 * - Keys that bear the very name of the log: only those do. The owner of another log must not speak for it.
 * - Else keys of deployments. One that the policy binds to names signs logs of these names and no others.
 * - The others are bound by their own names: those count that share the most parts, between slashes, with the name of the
 *   log. `example.com/keys/2027` signs `example.com/th/1`, and `example.org/keys` does not. Where nothing is shared
 *   (`local/…`, which every instance may be called) nobody can tell whose log it is: keys of one owner count, keys of several
 *   do not.
 */
export function keysFor({ logs, origins }: Pick<Policy, 'logs' | 'origins'>, origin: string): readonly VerifierKey[] {
  const named = logs.filter(({ name }) => name === origin);
  if (named.length > 0) return named;
  const bound = logs.filter((key) => origins?.get(key)?.some((pattern) => isBoundTo(pattern, origin)));
  const free = logs.filter((key) => !origins?.has(key));
  const shared = free.map(({ name }) => sharedParts(name, origin));
  const most = Math.max(0, ...shared);
  const isOneOwner = new Set(free.map(({ name }) => name.split('/')[0])).size <= 1;
  const near = most === 0 && !isOneOwner ? [] : free.filter((_, i) => shared[i] === most);
  return [...bound, ...near];
}

const isBoundTo = (pattern: string, origin: string): boolean =>
  pattern.endsWith('*') ? origin.startsWith(pattern.slice(0, -1)) : origin === pattern;

/** How many parts two names have in common from their beginning on. */
function sharedParts(a: string, b: string): number {
  const [first, second] = [a.split('/'), b.split('/')];
  const differs = first.findIndex((part, i) => part !== second[i]);
  return differs < 0 ? first.length : differs;
}
