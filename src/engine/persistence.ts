/**
 * A core that outlives the process it runs in: its memory as pages, and the calls that changed it since.
 *
 *   wake    pages ─▶ memory, then every call once more, in order: the same core, down to the last byte of its state
 *   keep    each call that changes the core is written down as it was asked: function, numbers, question
 *   take    what has to be stored now; a checkpoint is the pages that changed, and then the calls before it are needless
 *
 * It holds because the core is deterministic (DESIGN: same configuration, entropy and calls → the same state) and because
 * the host writes nowhere but in the inbox; where it does (`poke`), that is written down too.
 *
 * Relies on: a linked core. Refuses: to wait, to seal, to know where bytes go; and a core of another ABI.
 */
import * as abi from '../../assembly/abi';
import { TracehoundError } from '../errors';
import { fromBase64, joined, toBase64 } from '../formats/bytes';
import type { AuditExport } from '../types/index';
import { Details } from './details';
import type { Core, CoreFunctions } from './link';
import type { CoreConfig } from './memory';

const PAGE_BYTES = 16_384;
/** What of the question is not text, payload or entropy. */
const FIXED_BYTES = abi.INBOX_SOURCE;
const IN = abi.INBOX_AT;

/** Functions that change the state, by the number they are written down with. Only append: numbers are stored. */
const CHANGING = [
  ...(['refill', 'makeId', 'intercept', 'refused', 'uninspected', 'rateCheck', 'rateReset', 'rateBlock'] as const),
  ...(['rateUnblock', 'neutralize', 'purge', 'replace', 'flush', 'access', 'append', 'settle', 'release'] as const),
  ...(['erase', 'setHold', 'evacuated'] as const),
] satisfies readonly (keyof CoreFunctions)[];
/** Functions that only look, or answer from scratch memory. */
type Looking =
  | ('tag' | 'find' | 'findId' | 'page' | 'listed' | 'root' | 'verify' | 'recordAt')
  | ('hashStart' | 'hashUpdate' | 'hashFinish' | 'keyedHash');
/** Functions of a core that begins: it is kept once it has. */
type Beginning = 'init' | 'seed' | 'begin' | 'restoreItem' | 'restoreLimiter' | 'restoreWay';
/** Every function is one of the three: one that is forgotten here does not compile. */
const ALL: readonly Exclude<keyof CoreFunctions, Looking | Beginning>[] = CHANGING;
/** What is written down and is no call. */
const POKE = 0xfe;
const DETAIL = 0xff;

const HEAD_BYTES = 24; // kind u8, –, –, –, extra u32, now f64, text bytes u32, payload bytes u32

/** What the host knows of a core beside its memory. */
export interface CoreFacts {
  readonly config: CoreConfig;
  /** SHA-256 of the core that ran, hex. */
  readonly core: string;
  /** The option `audit.origin`. */
  readonly template: string;
  /** Name of the log, and UUID of its epoch. */
  readonly origin: string;
  readonly instance: string;
  readonly panics: number;
  /** Logs of earlier epochs that nobody has released. */
  readonly carried: readonly AuditExport[];
}

/** A core as it was left. `isOwn`: it was sealed with the secret in force. */
export interface LeftCore {
  readonly facts: Uint8Array;
  readonly pages: Iterable<readonly [index: number, bytes: Uint8Array]>;
  readonly calls: Uint8Array;
  readonly isOwn: boolean;
}

/** What has to be stored, at once or not at all. */
export interface Batch {
  /** Calls since the last batch. */
  readonly calls: Uint8Array;
  readonly checkpoint:
    | {
        /** Everything that is stored so far is of another core. */
        readonly whole: boolean;
        readonly facts: Uint8Array;
        readonly pages: readonly (readonly [index: number, bytes: Uint8Array])[];
      }
    | undefined;
}

/** A core that was woken, and what is known of it. */
export interface Woken {
  readonly facts: CoreFacts;
  readonly details: Details;
  readonly isOwn: boolean;
}

/** Asked when a checkpoint is taken. */
export type Describe = () => { readonly facts: CoreFacts; readonly details: Details };

export class Persistence {
  #left: LeftCore | undefined;
  #core: Core | undefined;
  #describe!: Describe;
  /** Pages as they are stored; one of zeros alone may be missing. */
  readonly #stored = new Map<number, Uint8Array>();
  /** Nothing of this core is stored. */
  #whole = false;
  #calls: Uint8Array[] = [];
  #written = 0;
  /** Things written down since the last checkpoint, and their bytes. */
  #count = 0;
  #bytes = 0;

  constructor(left: LeftCore | undefined) {
    this.#left = left;
  }

  /** Changes so far. What `take` gave holds all there were when it was asked. */
  get written(): number {
    return this.#written;
  }

  /** Name of the log of the core that was left, if there is one. */
  get origin(): string | undefined {
    return this.#left && readFacts(this.#left.facts).facts.origin;
  }

  /** Calls, and bytes of calls, that would have to be made again now. */
  get backlog(): { readonly count: number; readonly bytes: number } {
    return { count: this.#count, bytes: this.#bytes };
  }

  /** Brings back what was left, in a core that `link` makes for its configuration. Once; `undefined` when there is nothing. */
  wake(link: (config: CoreConfig) => Core): (Woken & { readonly core: Core }) | undefined {
    const left = this.#left;
    this.#left = undefined;
    if (left === undefined) return undefined;
    const { facts, details } = readFacts(left.facts);
    const core = link(facts.config);
    for (const [index, bytes] of left.pages) {
      core.bytes.set(bytes, index * PAGE_BYTES);
      this.#stored.set(index, bytes);
    }
    this.#again(core, left.calls, details);
    if (core.call.verify() === 0)
      throw unusable('its log does not hold together', 'every link to fit', 'one that does not');
    return { core, facts, details, isOwn: left.isOwn };
  }

  /** From here on every change of `core` is written down. `isStored`: it is the one that `wake` brought back. */
  keep(core: Core, describe: Describe, isStored: boolean): Core {
    if (!isStored) {
      this.#written++;
      this.#whole = true;
      this.#stored.clear();
      this.#calls = [];
      this.#count = 0;
      this.#bytes = 0;
    }
    const call: Record<string, unknown> = { ...core.call };
    ALL.forEach((name, kind) => {
      const ask = core.call[name] as (now?: number, extra?: number) => number;
      call[name] = (now = 0, extra = 0): number => {
        const question = questionOf(core, kind, now, extra);
        const answer = ask(now, extra);
        this.#write(question);
        return answer;
      };
    });
    this.#describe = describe;
    this.#core = {
      ...core,
      call: call as unknown as CoreFunctions,
      poked: (at, bytes) => this.#write(entry(POKE, 0, at, new Uint8Array(0), core.bytes.subarray(at, at + bytes))),
      detailed: (hash, sort, bytes) => this.#write(entry(DETAIL, sort, 0, hash, bytes)),
    };
    return this.#core;
  }

  #write(bytes: Uint8Array): void {
    this.#written++;
    if (this.#whole) return; // The pages will say it.
    this.#calls.push(bytes);
    this.#count++;
    this.#bytes += bytes.length;
  }

  /** What has to be stored now, and counts as stored from here on. */
  take(checkpoint: boolean): Batch {
    const calls = joined(this.#calls);
    this.#calls = [];
    if (!(checkpoint || this.#whole) || this.#core === undefined) return { calls, checkpoint: undefined };
    const whole = this.#whole;
    this.#whole = false;
    this.#count = 0;
    this.#bytes = 0;
    const { facts, details } = this.#describe();
    return { calls, checkpoint: { whole, facts: writeFacts(facts, details), pages: this.#changed(this.#core) } };
  }

  /** Copies of the pages that are not as they are stored. */
  #changed(core: Core): [index: number, bytes: Uint8Array][] {
    const pages: [number, Uint8Array][] = [];
    const words = PAGE_BYTES / 4;
    for (let index = 0; index * PAGE_BYTES < core.bytes.length; index++) {
      const stored = this.#stored.get(index);
      const before = stored && new Uint32Array(stored.buffer, stored.byteOffset, stored.length >>> 2);
      const from = index * words;
      const end = Math.min(words, core.u32.length - from);
      let at = 0;
      if (before === undefined) while (at < end && core.u32[from + at] === 0) at++;
      else while (at < end && core.u32[from + at] === before[at]) at++;
      if (at === end) continue;
      const page = core.bytes.slice(index * PAGE_BYTES, (index + 1) * PAGE_BYTES);
      this.#stored.set(index, page);
      pages.push([index, page]);
    }
    return pages;
  }

  /** Makes calls once more. */
  #again(core: Core, calls: Uint8Array, details: Details): void {
    const view = new DataView(calls.buffer, calls.byteOffset, calls.length);
    for (let at = 0; at < calls.length; ) {
      const kind = view.getUint8(at);
      const extra = view.getUint32(at + 4, true);
      const now = view.getFloat64(at + 8, true);
      const texts = at + HEAD_BYTES;
      const payloads = texts + view.getUint32(at + 16, true);
      const end = payloads + view.getUint32(at + 20, true);
      const text = calls.subarray(texts, payloads);
      const payload = calls.subarray(payloads, end);
      if (kind === POKE) core.bytes.set(payload, now);
      else if (kind === DETAIL) details.keep(text, extra, payload.slice());
      else ask(core, kind, now, extra, text, payload);
      this.#count++;
      this.#bytes += end - at;
      at = end;
    }
  }
}

// ── one call ──────────────────────────────────────────────────────────────────────────────────────

const REFILL = CHANGING.indexOf('refill');
const PAYLOADS: ReadonlySet<number> = new Set([CHANGING.indexOf('intercept'), CHANGING.indexOf('replace')]);

/** What function `kind` is about to be asked, so that it can be asked again. */
function questionOf(core: Core, kind: number, now: number, extra: number): Uint8Array {
  const sourceBytes = Math.min(wordOf(core, abi.INBOX_SOURCE_BYTES), abi.SOURCE_BYTES_MAX);
  return entry(kind, extra, now, core.bytes.subarray(IN, IN + FIXED_BYTES + sourceBytes), payloadOf(core, kind));
}

/** What else it is given: entropy, a payload, or nothing. */
function payloadOf(core: Core, kind: number): Uint8Array {
  if (kind === REFILL) return core.bytes.subarray(IN + abi.INBOX_ENTROPY, IN + abi.INBOX_ENTROPY + abi.ENTROPY_BYTES);
  const isGiven = PAYLOADS.has(kind) && (wordOf(core, abi.INBOX_FLAGS) & abi.IN_PAYLOAD) !== 0;
  return core.payload.subarray(0, isGiven ? wordOf(core, abi.INBOX_PAYLOAD_BYTES) : 0);
}

const wordOf = (core: Core, field: number): number => core.u32[(IN + field) >>> 2] as number;

function ask(core: Core, kind: number, now: number, extra: number, asked: Uint8Array, payload: Uint8Array): void {
  const name = CHANGING[kind];
  if (name === undefined)
    throw unusable('it made a call that this version does not know', `< ${CHANGING.length}`, 'another');
  core.bytes.set(asked, IN);
  if (kind === REFILL) core.bytes.set(payload, IN + abi.INBOX_ENTROPY);
  else core.payload.set(payload);
  (core.call[name] as (now: number, extra: number) => number)(now, extra);
  if (kind !== REFILL) core.payload.fill(0, 0, payload.length);
  // As after a call with a sidecar: the next question must not inherit it.
  core.u32[IN >>> 2] = 0;
}

function entry(kind: number, extra: number, now: number, text: Uint8Array, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + text.length + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  view.setUint32(4, extra, true);
  view.setFloat64(8, now, true);
  view.setUint32(16, text.length, true);
  view.setUint32(20, payload.length, true);
  bytes.set(text, HEAD_BYTES);
  bytes.set(payload, HEAD_BYTES + text.length);
  return bytes;
}

// ── facts ─────────────────────────────────────────────────────────────────────────────────────────

/** u32 bytes of JSON │ JSON │ sidecars as entries. */
function writeFacts(facts: CoreFacts, details: Details): Uint8Array {
  const carried = facts.carried.map((log) => ({
    ...log,
    records: log.records.map(toBase64),
    details: log.details.map((detail) => detail && toBase64(detail)),
  }));
  const text = new TextEncoder().encode(JSON.stringify({ abi: abi.ABI_VERSION, ...facts, carried }));
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, text.length, true);
  return joined([length, text, ...details.all().map(([hash, sort, bytes]) => entry(DETAIL, sort, 0, hash, bytes))]);
}

function readFacts(bytes: Uint8Array): { facts: CoreFacts; details: Details } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = 4 + view.getUint32(0, true);
  const said = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end)));
  if (said.abi !== abi.ABI_VERSION) {
    throw unusable('another ABI version', `${abi.ABI_VERSION}`, `${Number(said.abi)}`);
  }
  const unpacked = (text: string | null): Uint8Array | null =>
    text === null ? null : (fromBase64(text) as Uint8Array);
  const carried = said.carried.map((log: { records: string[]; details: (string | null)[] }) => ({
    ...log,
    records: log.records.map(unpacked),
    details: log.details.map(unpacked),
  }));
  const details = new Details();
  for (let at = end; at < bytes.length; ) {
    const text = view.getUint32(at + 16, true);
    const hash = bytes.slice(at + HEAD_BYTES, at + HEAD_BYTES + text);
    const next = at + HEAD_BYTES + text + view.getUint32(at + 20, true);
    details.keep(hash, view.getUint32(at + 4, true), bytes.slice(at + HEAD_BYTES + text, next));
    at = next;
  }
  return { facts: { ...said, carried }, details };
}

const unusable = (problem: string, expected: string, got: string): TracehoundError =>
  new TracehoundError('SNAPSHOT_INVALID', `memory: not usable, ${problem}, expected ${expected}, got ${got}`);
