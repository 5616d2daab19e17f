/**
 * The wall around the core, and the only host code that touches linear memory. Copies in once, crosses once, reads the
 * verdict. A core that panicked is never called again: what it held is salvaged where it verifies, a fresh core takes
 * its place, and the log says so. Three panics within a minute end the revivals.
 *
 * Relies on: a runtime for cores and randomness. Refuses: policy, text formats, waiting.
 *
 * Copies per flagged request: payload → inbox, inbox → slab. Crossings: one (two where the charge came earlier).
 */
import * as abi from '../../assembly/abi';
import { TracehoundError } from '../errors';
import type { AuditExport, DropReason, EvidenceHandle, PurgeReason, RateLimitResult, Runtime } from '../types';
import { KEY_LABELS, type KeyName } from './keys';
import { type Core, link } from './link';
import { arenaEnd, type CoreConfig } from './memory';
import { type LogProof, logProof, prove } from './proof';
import {
  readAudit,
  readDigest,
  readHandle,
  readId,
  readLimiter,
  readQuarantine,
  readRate,
  readSignatureHash,
} from './records';
import { restoreInto } from './restore';
import { type Salvaged, salvage } from './salvage';
import { DETECTOR_FAILURES, DROP_REASONS, PURGE_REASONS, SOURCE_KINDS, STATUSES, type Status } from './words';

export { ABI_VERSION } from '../../assembly/abi';
export { compareBytes, joined, number32 } from './bytes';
export {
  type Claims,
  Cursor,
  decodeSections,
  encodeSections,
  invalid,
  ORIGIN_BYTES_MAX,
  proveImage,
  SECTION_VERSIONS,
  type SectionName,
  type Sections,
} from './image';
export { type KeyName, SEAL_LABEL } from './keys';
export { type CoreConfig, coreConfig } from './memory';
export type { LimiterGeometry, Salvaged } from './salvage';
export { DISPOSITIONS, PURGE_REASONS, SEVERITIES, type Status } from './words';

/** Who is asking, as the core reads it. */
export interface EngineSource {
  readonly kind: keyof typeof SOURCE_KINDS;
  readonly text: string;
}

/** A flagged scent, ready for the inbox. */
export interface Question {
  /** The source paid already. */
  charged: boolean;
  /** Why there is no payload although there was one. */
  fault: 'too_large' | 'invalid' | undefined;
  truncated: boolean;
  categoryReplaced: boolean;
  severityReplaced: boolean;
  severity: number;
  disposition: number;
  category: string;
  detector: string;
  payload: Uint8Array | string | undefined;
  /** With `too_large`: a lower bound of the size. */
  size: number;
  payloadHash: Uint8Array | undefined;
  fingerprint: Uint8Array | string | undefined;
}

export interface EngineOptions {
  readonly config: CoreConfig;
  readonly runtime: Runtime;
  readonly secret: Uint8Array | undefined;
  /** Origin of the log, perhaps with `{instance}`. */
  readonly origin: string;
  /** The sidecar that GENESIS commits to. */
  genesis(origin: string, instance: string): Uint8Array;
  /** The sidecar that RESUME and PANIC commit to. */
  succession(origin: string, size: number, restored: Succession): Uint8Array;
}

/** What came over from the epoch before. */
export interface Succession {
  readonly items: number;
  readonly lost: number;
  readonly lostIds: readonly Uint8Array[];
  readonly limiter: 'restored' | 'dropped' | 'off';
  /** Tracked sources whose counters the core did not believe. */
  readonly sourcesLost: number;
  /** Unreleased records that did not verify. */
  readonly recordsLost: number;
  /** Records of still earlier epochs that nobody took in time. */
  readonly recordsForgotten: number;
  /** Folded repeats and refusals that no record names: the stopped core owed them. */
  readonly unaccounted: number;
  /** What the earlier core stopped on, one of `PANIC_*`; 0 after a restore. */
  readonly panic: number;
}

/** Payloads of this many bytes and more are hashed by the runtime where it can do so at once (bench/core). */
export const HOST_DIGEST_BYTES = 384;
const PANICS_MAX = 3;
const PANICS_MS = 60_000;
/** Sidecars kept for export; the oldest falls out ("detail unavailable", never "tampered"). */
const DETAILS_MAX = 1_024;
/** Logs of earlier epochs kept until released. */
const CARRIED_MAX = 4;

const TOTALS: Readonly<Record<'seen' | 'skipped' | 'failedOpen', number>> = {
  seen: abi.AUDIT_SEEN,
  skipped: abi.AUDIT_SKIPPED,
  failedOpen: abi.AUDIT_FAILED_OPEN,
};

const encoder = new TextEncoder();
const IN = abi.INBOX_AT;
const IN32 = IN >>> 2;
const OUT32 = abi.OUTBOX_AT >>> 2;

export class Engine {
  readonly config: CoreConfig;
  readonly #options: EngineOptions;
  readonly #arenaEnd: number;
  #core: Core | undefined;
  #keys: Record<KeyName, Uint8Array> | undefined;
  #origin = '';
  #instance = '';
  #epochs = 0;
  #panicTimes: number[] = [];
  #down: TracehoundError | undefined;
  /** Sidecars by the hash that records commit to. */
  #details = new Map<string, Uint8Array>();
  #carried: AuditExport[] = [];
  /** What the next core begins from. */
  #salvaged: Salvaged | undefined;
  /** What the last core stopped on. */
  #panicCode = 0;
  panics = 0;

  /** Throws `RangeError` naming the option when the configuration cannot fit. Touches no core, clock or randomness. */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.config = options.config;
    this.#arenaEnd = arenaEnd(options.config);
  }

  get memoryBytes(): number {
    return this.#core?.bytes.length ?? Math.ceil(this.#arenaEnd / abi.PAGE_BYTES) * abi.PAGE_BYTES;
  }

  /** Layout version of the cores this engine can link. */
  readonly abi: number = abi.ABI_VERSION;

  get status(): 'up' | 'idle' | 'down' {
    if (this.#down) return 'down';
    return this.#core ? 'up' : 'idle';
  }

  /** Begins from what a snapshot held. Only before the first call. */
  restore(salvaged: Salvaged): void {
    this.#salvaged = salvaged;
  }

  /** Puts what a snapshot holds in place before the first call, for those who only look. */
  inherit(now: () => number): void {
    if (this.#salvaged !== undefined && this.status === 'idle') this.#up(now());
  }

  // ── life ────────────────────────────────────────────────────────────────────────────────────────

  /** The core, brought up in the first call that needs it. Throws `CORE_START`, `RUNTIME_FAILED` or `CORE_DOWN`. */
  #up(now: number): Core {
    if (this.#core) return this.#core;
    if (this.#down) throw this.#down;
    try {
      return this.#start(now, abi.KIND_RESUME);
    } catch (cause) {
      if (cause instanceof TracehoundError) throw cause;
      const error = new TracehoundError(
        'CORE_START',
        'core: stopped while starting, expected a sound core, got a panic',
        {
          cause,
        },
      );
      this.#countPanic(now);
      if (this.#panicTimes.length >= PANICS_MAX) throw this.#giveUp(error);
      throw error;
    }
  }

  /** A fresh core, with the inheritance if there is one. */
  #start(now: number, kind: number): Core {
    const salvaged = this.#salvaged;
    let core = this.#fresh(now);
    if (salvaged !== undefined) {
      try {
        this.#resume(core, now, kind, salvaged);
      } catch (cause) {
        if (cause instanceof TracehoundError) throw cause;
        // It stopped on what it inherited. Another one takes over, and takes nothing but the count of what is lost.
        this.#countPanic(now);
        core = this.#fresh(now);
        this.#resume(core, now, kind, { ...salvaged, content: () => undefined, limiter: undefined });
      }
    }
    this.#salvaged = undefined;
    this.#core = core;
    return core;
  }

  /** A linked core with keys, entropy and record 0. Its name and sidecars become the engine's. */
  #fresh(now: number): Core {
    const { runtime, config, secret, origin } = this.#options;
    let instance: ReturnType<Runtime['core']>;
    try {
      instance = runtime.core();
    } catch (cause) {
      throw new TracehoundError('CORE_START', 'core: the runtime has none, expected an instance, got an error', {
        cause,
      });
    }
    const core = link(instance, config);
    const keys = this.#keys ?? deriveKeys(core, secret ?? this.#randomBytes(32));
    this.#fill(core);
    core.bytes.set(keys.tag, IN + abi.INBOX_KEY);
    core.call.seed();
    core.call.makeId(now);
    const uuid = readId(core).slice(0, 36);
    let name = origin.replaceAll('{instance}', uuid);
    // One origin = one writer: a later epoch of a verbatim origin must not continue it from record 0 (docs/identity.md).
    if (name === origin && (this.#epochs > 0 || this.#salvaged)) name = `${origin}/${uuid}`;
    this.#begin(core, now, name, uuid);
    this.#keys = keys;
    this.#origin = name;
    this.#instance = uuid;
    this.#epochs++;
    return core;
  }

  #begin(core: Core, now: number, origin: string, instance: string): void {
    this.#details = new Map();
    const sidecar = this.#options.genesis(origin, instance);
    this.#hashInto(core, sidecar, abi.INBOX_DETAIL_HASH);
    this.#writeText(core, origin);
    core.call.begin(now);
    this.#keep(hashKey(core.bytes, IN + abi.INBOX_DETAIL_HASH), sidecar);
  }

  /** SHA-256 by `core`, or by the runtime where that is faster. */
  #hash(core: Core, bytes: Uint8Array): Uint8Array {
    this.#hashInto(core, bytes, abi.INBOX_DETAIL_HASH);
    return core.bytes.slice(IN + abi.INBOX_DETAIL_HASH, IN + abi.INBOX_DETAIL_HASH + 32);
  }

  /** Puts what an earlier core held into this one, and records where it came from. */
  #resume(core: Core, now: number, kind: number, salvaged: Salvaged): void {
    const hash = (bytes: Uint8Array): Uint8Array => this.#hash(core, bytes);
    const { items, lost, lostIds, limiter, sourcesLost, log } = restoreInto(core, salvaged, this.config, now, hash);
    const carried = [...this.#carried, ...salvaged.earlier, ...provenRuns(salvaged, log)];
    const forgotten = carried.splice(0, Math.max(0, carried.length - CARRIED_MAX));
    const { records, origin } = salvaged.log;
    const state = new DataView(salvaged.audit.buffer, salvaged.audit.byteOffset, salvaged.audit.length);
    const size = state.getFloat64(abi.AUDIT_SIZE, true);
    const sizeKnown = Number.isSafeInteger(size) && size >= 0 ? size : 0;
    this.#note(core, now, kind, {
      size: sizeKnown,
      overlay: log.root ?? new Uint8Array(32),
      count: lost,
      detail: this.#options.succession(origin, sizeKnown, {
        items,
        lost,
        lostIds,
        limiter,
        sourcesLost,
        recordsLost: salvaged.recordsLost + records.length - Math.min(records.length, log.head + log.tail),
        recordsForgotten: forgotten.reduce((sum, old) => sum + old.records.length, 0),
        unaccounted: owed(salvaged, state, limiter === 'restored'),
        panic: kind === abi.KIND_PANIC ? this.#panicCode : 0,
      }),
    });
    this.#carried = carried;
  }

  #countPanic(now: number): void {
    this.panics++;
    // A clock that steps back must not make old panics new, nor new ones forgotten.
    this.#panicTimes = this.#panicTimes.filter((at) => Math.abs(now - at) < PANICS_MS);
    this.#panicTimes.push(now);
  }

  /** Retires the core after `cause`: salvages it, brings up a fresh one, and returns the error to answer with. */
  #retire(cause: unknown, now: number): TracehoundError {
    const dead = this.#core;
    this.#core = undefined;
    this.#countPanic(now);
    this.#panicCode = dead?.view.getUint32(abi.HEADER_AT + abi.HEADER_PANIC, true) ?? 0;
    const error = new TracehoundError('CORE_PANIC', `core: stopped, expected no panic, got code ${this.#panicCode}`, {
      cause,
      recoverable: true,
    });
    if (dead) this.#salvaged = this.#salvage(dead);
    if (this.#panicTimes.length >= PANICS_MAX) return this.#giveUp(error);
    try {
      this.#start(now, abi.KIND_PANIC);
    } catch (failure) {
      return this.#giveUp(failure);
    }
    return error;
  }

  /** No more cores for this instance. */
  #giveUp(cause: unknown): TracehoundError {
    this.#down = new TracehoundError(
      'CORE_DOWN',
      `core: not revived, expected a sound core and fewer than ${PANICS_MAX} panics a minute, got ${this.#panicTimes.length}`,
      { cause },
    );
    this.#bury();
    return this.#down;
  }

  #salvage(core: Core, earlier: readonly AuditExport[] = []): Salvaged {
    return salvage(core, this.config, this.#origin, earlier, (record) => this.#detailOf(record));
  }

  /** Nobody follows: the records that verify can still be exported. A core is brought up to hash, and for nothing else. */
  #bury(): void {
    const salvaged = this.#salvaged;
    this.#salvaged = undefined;
    if (salvaged === undefined) return;
    try {
      const core = link(this.#options.runtime.core(), this.config);
      const log = prove(logProof(salvaged), (bytes) => this.#hash(core, bytes));
      this.#carried = [...this.#carried, ...provenRuns(salvaged, log)].slice(-CARRIED_MAX);
    } catch {
      // Without a core there is no proof, and what is not proven is not handed out.
    }
  }

  /** Everything a snapshot holds, after what is folded was written. Its contents must be read before the next call. */
  image(now: number): { salvaged: Salvaged; size: number; root: Uint8Array } {
    this.settle(now, false);
    const { size, root } = this.head(now);
    return this.#run(now, (core) => ({ salvaged: this.#salvage(core, this.#carried), size, root }));
  }

  /**
   * Runs `work` on a core that is up and has entropy. Whatever it throws that is not ours retires the core: a trap
   * leaves memory in any state, and so does a host error half-way through a call.
   */
  #run<T>(now: number, work: (core: Core) => T): T {
    const core = this.#up(now);
    try {
      this.#refill(core);
      return work(core);
    } catch (cause) {
      if (cause instanceof TracehoundError) throw cause;
      throw this.#retire(cause, now);
    }
  }

  // ── entropy and keys ────────────────────────────────────────────────────────────────────────────

  #randomBytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    try {
      this.#options.runtime.random(bytes);
    } catch (cause) {
      throw new TracehoundError('RUNTIME_FAILED', 'runtime.random: failed, expected random bytes, got an error', {
        cause,
      });
    }
    return bytes;
  }

  #fill(core: Core): void {
    core.bytes.set(this.#randomBytes(abi.ENTROPY_BYTES), IN + abi.INBOX_ENTROPY);
  }

  /** Draws a fixed batch before the pool can run dry, so that equal runs draw equally. */
  #refill(core: Core): void {
    if ((core.u32[OUT32 + (abi.OUTBOX_ENTROPY_LEFT >>> 2)] as number) >= abi.ENTROPY_LOW) return;
    this.#fill(core);
    core.call.refill();
  }

  /** HMAC-SHA-256 under one of the subkeys; of data that passes `maxPayloadBytes`, of its SHA-256. */
  mac(now: number, key: KeyName, data: Uint8Array): Uint8Array {
    return this.#run(now, (core) => {
      let short = data;
      if (data.length > core.payload.length) {
        this.#hashInto(core, data, abi.INBOX_DETAIL_HASH);
        short = core.bytes.slice(IN + abi.INBOX_DETAIL_HASH, IN + abi.INBOX_DETAIL_HASH + 32);
      }
      return hmac(core, (this.#keys as Record<KeyName, Uint8Array>)[key], short);
    });
  }

  // ── inbox ───────────────────────────────────────────────────────────────────────────────────────

  /** Source text → INBOX. Short ASCII, which is what addresses are, is copied without the encoder's allocation. */
  #writeSource(core: Core, source: EngineSource): void {
    const { text } = source;
    core.u32[IN32 + (abi.INBOX_SOURCE_KIND >>> 2)] = SOURCE_KINDS[source.kind];
    if (text.length <= 64) {
      const bytes = core.source;
      let i = 0;
      for (; i < text.length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        bytes[i] = code;
      }
      if (i === text.length) {
        core.u32[IN32 + (abi.INBOX_SOURCE_BYTES >>> 2)] = i;
        return;
      }
    }
    this.#writeText(core, text);
  }

  #writeText(core: Core, text: string): void {
    const { read, written } = encoder.encodeInto(text, core.source);
    const whole = read === text.length;
    if (!whole) core.u32[IN32 + (abi.INBOX_SOURCE_KIND >>> 2)] = abi.SOURCE_UNKNOWN;
    core.u32[IN32 + (abi.INBOX_SOURCE_BYTES >>> 2)] = whole ? written : 0;
  }

  #writeSmall(core: Core, field: number, bytesField: number, text: string, max: number): void {
    const at = IN + field;
    core.u32[IN32 + (bytesField >>> 2)] = encoder.encodeInto(text, core.bytes.subarray(at, at + max)).written;
  }

  /** Payload → inbox. Returns the flags it settles. */
  #writePayload(core: Core, question: Question): number {
    const { payload } = question;
    const bytesAt = IN32 + (abi.INBOX_PAYLOAD_BYTES >>> 2);
    core.u32[bytesAt] = 0;
    if (payload === undefined) {
      core.u32[bytesAt] = Math.min(question.size, 0xffffffff);
      return 0;
    }
    if (typeof payload === 'string') {
      const { read, written } = encoder.encodeInto(payload, core.payload);
      if (read < payload.length) {
        core.payload.fill(0, 0, written);
        question.size = this.config.maxPayloadBytes + 1;
        core.u32[bytesAt] = question.size;
        return abi.IN_TOO_LARGE;
      }
      core.u32[bytesAt] = written;
    } else {
      core.payload.set(payload);
      core.u32[bytesAt] = payload.length;
    }
    return abi.IN_PAYLOAD | this.#hostDigest(core, question, core.u32[bytesAt] as number);
  }

  /** Hashes the payload outside the core when that is faster; the bytes hashed are the bytes in the inbox. */
  #hostDigest(core: Core, question: Question, bytes: number): number {
    let hash = question.payloadHash;
    const digest = this.#options.runtime.digest;
    if (hash === undefined && digest !== undefined && bytes >= HOST_DIGEST_BYTES) {
      hash = digest(core.payload.subarray(0, bytes));
    }
    if (hash === undefined) return 0;
    core.bytes.set(hash, IN + abi.INBOX_PAYLOAD_HASH);
    return abi.IN_PAYLOAD_HASH;
  }

  /** SHA-256 of any number of bytes into an INBOX field, through the payload region piece by piece. */
  #hashInto(core: Core, data: Uint8Array | string, field: number): void {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    const digest = this.#options.runtime.digest;
    if (digest !== undefined && bytes.length >= HOST_DIGEST_BYTES) {
      core.bytes.set(digest(bytes), IN + field);
      return;
    }
    core.call.hashStart();
    for (let from = 0; from < bytes.length; from += core.payload.length) {
      const piece = bytes.subarray(from, from + core.payload.length);
      core.payload.set(piece);
      core.u32[IN32 + (abi.INBOX_PAYLOAD_BYTES >>> 2)] = piece.length;
      core.call.hashUpdate();
      core.payload.fill(0, 0, piece.length);
    }
    core.call.hashFinish();
    core.bytes.copyWithin(IN + field, abi.OUTBOX_AT + abi.OUTBOX_HASH, abi.OUTBOX_AT + abi.OUTBOX_HASH + 32);
  }

  // ── one request ─────────────────────────────────────────────────────────────────────────────────

  /** The clean path: charges the source and nothing else. */
  pass(now: number, source: EngineSource, charged: boolean, observed: boolean): Status {
    const core = this.#up(now);
    try {
      this.#refill(core);
      this.#writeSource(core, source);
      core.u32[IN32] = charged ? abi.IN_CHARGED : 0;
      core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = observed ? abi.DISPOSITION_OBSERVED : abi.DISPOSITION_REFUSED;
      return STATUSES[core.call.intercept(now)] as Status;
    } catch (cause) {
      if (cause instanceof TracehoundError) throw cause;
      throw this.#retire(cause, now);
    }
  }

  /** The flagged path. `question.size` is raised when the text proves too large. */
  intercept(now: number, source: EngineSource, question: Question): Status {
    return this.#run(now, (core) => {
      this.#writeQuestion(core, source, question);
      return STATUSES[core.call.intercept(now)] as Status;
    });
  }

  /** Puts a flagged scent in the place of the item at `slot`. */
  replace(now: number, slot: number, source: EngineSource, question: Question, detail?: Uint8Array): Status {
    return this.#run(now, (core) => {
      this.#writeQuestion(core, source, question);
      core.u32[IN32 + (abi.INBOX_SLOT >>> 2)] = slot;
      return STATUSES[this.#withDetail(core, detail, () => core.call.replace(now))] as Status;
    });
  }

  #writeQuestion(core: Core, source: EngineSource, question: Question): void {
    let flags = questionFlags(question);
    if (question.fingerprint !== undefined) {
      this.#hashInto(core, question.fingerprint, abi.INBOX_SIGNATURE_HASH);
      flags |= abi.IN_SIGNATURE_HASH;
    }
    this.#writeSmall(core, abi.INBOX_CATEGORY, abi.INBOX_CATEGORY_BYTES, question.category, abi.CATEGORY_BYTES_MAX);
    this.#writeSmall(core, abi.INBOX_DETECTOR, abi.INBOX_DETECTOR_BYTES, question.detector, abi.DETECTOR_BYTES_MAX);
    this.#writeSource(core, source);
    core.u32[IN32 + (abi.INBOX_SEVERITY >>> 2)] = question.severity;
    core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = question.disposition;
    core.u32[IN32] = flags | this.#writePayload(core, question);
  }

  // ── answers of the last call ────────────────────────────────────────────────────────────────────

  #last(): Core {
    return this.#core as Core;
  }

  /** `undefined` when the limiter is off or was not asked. */
  rate(): RateLimitResult | undefined {
    const core = this.#last();
    if (((core.u32[OUT32 + (abi.OUTBOX_RATE >>> 2)] as number) & abi.RATE_PRESENT) === 0) return undefined;
    return readRate(core, this.config.limit);
  }

  handle(): EvidenceHandle {
    const core = this.#last();
    return readHandle(core, core.u32[OUT32 + (abi.OUTBOX_SLOT >>> 2)] as number);
  }

  id(): string {
    return readId(this.#last());
  }

  signatureHash(): string {
    return readSignatureHash(this.#last());
  }

  dropReason(): DropReason {
    return DROP_REASONS[this.#last().u32[OUT32 + (abi.OUTBOX_REASON >>> 2)] as number] as DropReason;
  }

  // ── limiter ─────────────────────────────────────────────────────────────────────────────────────

  check(now: number, source: EngineSource, cost: number, peek: boolean): RateLimitResult {
    return this.#run(now, (core) => {
      this.#writeSource(core, source);
      core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = abi.DISPOSITION_REFUSED;
      core.u32[IN32 + (abi.INBOX_COST >>> 2)] = cost;
      core.call.rateCheck(now, peek ? 1 : 0);
      return readRate(core, this.config.limit);
    });
  }

  reset(now: number, source: EngineSource): void {
    this.#run(now, (core) => {
      this.#writeSource(core, source);
      core.call.rateReset(now);
    });
  }

  block(now: number, source: EngineSource, ms: number, detail?: Uint8Array): void {
    this.#run(now, (core) => {
      this.#writeSource(core, source);
      core.view.setFloat64(IN + abi.INBOX_MS, ms, true);
      this.#withDetail(core, detail, () => core.call.rateBlock(now));
    });
  }

  unblock(now: number, source: EngineSource, detail?: Uint8Array): boolean {
    return this.#run(now, (core) => {
      this.#writeSource(core, source);
      return this.#withDetail(core, detail, () => core.call.rateUnblock(now)) !== 0;
    });
  }

  /** 32 bytes: HMAC of the canonical source. */
  sourceTag(now: number, source: EngineSource): Uint8Array {
    return this.#run(now, (core) => {
      this.#writeSource(core, source);
      core.call.tag();
      return readDigest(core, abi.OUTBOX_SOURCE_TAG);
    });
  }

  uninspected(now: number, source: EngineSource, disposition: number, failure: keyof typeof DETECTOR_FAILURES): void {
    this.#run(now, (core) => {
      this.#writeSource(core, source);
      core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = disposition;
      core.u32[IN32 + (abi.INBOX_REASON >>> 2)] = DETECTOR_FAILURES[failure];
      core.call.uninspected(now);
    });
  }

  // ── quarantine ──────────────────────────────────────────────────────────────────────────────────

  /** Slot (index + 1) of a signature, 0 when it is not held; its handle is ready for `handle()`. */
  find(now: number, category: string, hash: Uint8Array): number {
    return this.#run(now, (core) => {
      this.#writeSmall(core, abi.INBOX_CATEGORY, abi.INBOX_CATEGORY_BYTES, category, abi.CATEGORY_BYTES_MAX);
      core.bytes.set(hash, IN + abi.INBOX_SIGNATURE_HASH);
      return core.call.find();
    });
  }

  /** As `find`, by the 16 bytes of a UUID. */
  findId(now: number, uuid: Uint8Array): number {
    return this.#run(now, (core) => {
      core.bytes.set(uuid, IN + abi.INBOX_ID);
      return core.call.findId();
    });
  }

  /** Up to `count` ≤ LIST_MAX items captured after `uuid`, oldest first. */
  page(now: number, uuid: Uint8Array, count: number): EvidenceHandle[] {
    return this.#run(now, (core) => {
      core.bytes.set(uuid, IN + abi.INBOX_ID);
      core.u32[IN32 + (abi.INBOX_COUNT >>> 2)] = Math.min(count, abi.LIST_MAX);
      const found = core.call.page();
      const handles: EvidenceHandle[] = [];
      for (let i = 0; i < found; i++) {
        core.u32[IN32 + (abi.INBOX_SLOT >>> 2)] = i;
        handles.push(readHandle(core, core.call.listed()));
      }
      return handles;
    });
  }

  neutralize(now: number, slot: number, detail?: Uint8Array): void {
    this.#end(now, slot, 0, detail, (core) => core.call.neutralize(now));
  }

  purge(now: number, slot: number, reason: PurgeReason, detail?: Uint8Array): void {
    this.#end(now, slot, PURGE_REASONS[reason], detail, (core) => core.call.purge(now));
  }

  #end(now: number, slot: number, reason: number, detail: Uint8Array | undefined, end: (core: Core) => number): void {
    this.#run(now, (core) => {
      core.u32[IN32 + (abi.INBOX_SLOT >>> 2)] = slot;
      core.u32[IN32 + (abi.INBOX_REASON >>> 2)] = reason;
      this.#withDetail(core, detail, () => end(core));
    });
  }

  flush(now: number, detail?: Uint8Array): number {
    return this.#run(now, (core) => this.#withDetail(core, detail, () => core.call.flush(now)));
  }

  /** A copy of the payload of the item at `slot`; records ACCESSED. */
  read(now: number, slot: number, detail?: Uint8Array): Uint8Array {
    return this.#run(now, (core) => {
      core.u32[IN32 + (abi.INBOX_SLOT >>> 2)] = slot;
      const bytes = this.#withDetail(core, detail, () => core.call.access(now));
      const copy = core.payload.slice(0, bytes);
      core.payload.fill(0, 0, bytes);
      return copy;
    });
  }

  quarantine(): ReturnType<typeof readQuarantine> | undefined {
    return this.#core && readQuarantine(this.#core);
  }

  limiter(): ReturnType<typeof readLimiter> {
    return this.#core && readLimiter(this.#core);
  }

  // ── audit ───────────────────────────────────────────────────────────────────────────────────────

  get origin(): string {
    return this.#origin;
  }

  /** UUID of this epoch. */
  get instance(): string {
    return this.#instance;
  }

  head(now: number): { origin: string; size: number; root: Uint8Array } {
    return this.#run(now, (core) => {
      core.call.root();
      return { origin: this.#origin, size: readAudit(core).size, root: readDigest(core, abi.OUTBOX_HASH) };
    });
  }

  verify(now: number): { ok: boolean; from: number; to: number; gaps: number } {
    return this.#run(now, (core) => {
      const ok = core.call.verify() !== 0;
      const { heldFrom, size, lost } = readAudit(core);
      return { ok, from: heldFrom, to: size, gaps: lost };
    });
  }

  /** Writes what is still folded: pending repeats and the open gap; with `closing` also the CLOSE record. */
  settle(now: number, closing: boolean): void {
    this.#run(now, (core) => {
      core.call.settle(now, closing ? 1 : 0);
    });
  }

  /** Copies of the records [from, to), clipped to what exists. Throws `RANGE_UNAVAILABLE` when `from` is not held. */
  export(now: number, from: number | undefined, to: number | undefined): AuditExport {
    return this.#run(now, (core) => {
      const { size, heldFrom, releasedTo } = readAudit(core);
      const first = from ?? Math.max(heldFrom, releasedTo);
      const end = Math.min(to ?? size, size);
      if (first < heldFrom) {
        throw new TracehoundError(
          'RANGE_UNAVAILABLE',
          `audit.export: record not held any more, expected from ≥ ${heldFrom}, got ${first}`,
        );
      }
      const records: Uint8Array[] = [];
      const details: (Uint8Array | null)[] = [];
      for (let seq = first; seq < end; seq++) {
        core.view.setFloat64(IN + abi.INBOX_NUMBER, seq, true);
        const at = core.call.recordAt();
        const record = core.bytes.slice(at, at + abi.LOG_BYTES);
        records.push(record);
        details.push(this.#detailOf(record));
      }
      return { origin: this.#origin, from: first, records, details };
    });
  }

  release(now: number, toSeq: number): void {
    this.#run(now, (core) => {
      const { size } = readAudit(core);
      if (toSeq > size) {
        throw new RangeError(`audit.release: too large, expected toSeq ≤ ${size}, got ${toSeq}`);
      }
      core.view.setFloat64(IN + abi.INBOX_NUMBER, toSeq, true);
      core.call.release();
    });
  }

  get carried(): readonly AuditExport[] {
    return this.#carried;
  }

  releaseCarried(origin: string): void {
    this.#carried = this.#carried.filter((log) => log.origin !== origin);
  }

  audit(): ReturnType<typeof readAudit> | undefined {
    return this.#core && readAudit(this.#core);
  }

  /** Adds one to a total that CHECKPOINT records carry. */
  count(now: number, what: 'seen' | 'skipped' | 'failedOpen'): void {
    this.#run(now, (core) => {
      const field = core.view.getUint32(abi.HEADER_AT + abi.HEADER_AUDIT, true) + TOTALS[what];
      core.view.setFloat64(field, core.view.getFloat64(field, true) + 1, true);
    });
  }

  /** A record that only the host can know of. `size` and `overlay` say which log came before. */
  #note(
    core: Core,
    now: number,
    kind: number,
    fields: { size: number; overlay: Uint8Array; count: number; detail: Uint8Array },
  ): void {
    core.u32[IN32 + (abi.INBOX_KIND >>> 2)] = kind;
    core.u32[IN32 + (abi.INBOX_REASON >>> 2)] = abi.REASON_NONE;
    core.u32[IN32 + (abi.INBOX_COUNT >>> 2)] = fields.count;
    core.view.setBigUint64(IN + abi.INBOX_ID, BigInt(fields.size));
    core.view.setBigUint64(IN + abi.INBOX_ID + 8, 0n);
    core.bytes.set(fields.overlay, IN + abi.INBOX_OVERLAY);
    this.#withDetail(core, fields.detail, () => core.call.note(now));
  }

  /** Runs a call whose record commits to `detail`, and keeps the sidecar for export. */
  #withDetail<T>(core: Core, detail: Uint8Array | undefined, call: () => T): T {
    if (detail === undefined) {
      core.u32[IN32] = (core.u32[IN32] as number) & ~abi.IN_DETAIL;
      return call();
    }
    this.#hashInto(core, detail, abi.INBOX_DETAIL_HASH);
    core.u32[IN32] = (core.u32[IN32] as number) | abi.IN_DETAIL;
    const key = hashKey(core.bytes, IN + abi.INBOX_DETAIL_HASH);
    const result = call();
    this.#keep(key, detail);
    return result;
  }

  #keep(key: string, detail: Uint8Array): void {
    this.#details.set(key, detail);
    if (this.#details.size > DETAILS_MAX) this.#details.delete(this.#details.keys().next().value as string);
  }

  #detailOf(record: Uint8Array): Uint8Array | null {
    if (((record[abi.LOG_FLAGS + 1] as number) & abi.FLAG_SIDECAR) === 0) return null;
    return this.#details.get(hashKey(record, abi.LOG_DETAIL)) ?? null;
  }

  // ── ids ─────────────────────────────────────────────────────────────────────────────────────────

  makeId(now: number): string {
    return this.#run(now, (core) => {
      core.call.makeId(now);
      return readId(core);
    });
  }
}

function questionFlags(question: Question): number {
  return (
    abi.IN_THREAT |
    (question.charged ? abi.IN_CHARGED : 0) |
    (question.fault === 'too_large' ? abi.IN_TOO_LARGE : 0) |
    (question.fault === 'invalid' ? abi.IN_INVALID : 0) |
    (question.truncated ? abi.IN_TRUNCATED : 0) |
    (question.categoryReplaced ? abi.IN_CATEGORY_REPLACED : 0) |
    (question.severityReplaced ? abi.IN_SEVERITY_REPLACED : 0)
  );
}

/** Unreleased records of a log that ended, as far as they verify: one run, or two around what is damaged. */
function provenRuns({ log }: Salvaged, { head, tail }: LogProof): AuditExport[] {
  const { origin, from, records, details } = log;
  const run = (start: number, end: number): AuditExport => ({
    origin,
    from: from + start,
    records: records.slice(start, end),
    details: details.slice(start, end),
  });
  const whole = head === records.length;
  const runs = whole ? [run(0, head)] : [run(0, head), run(records.length - tail, records.length)];
  return runs.filter((part) => part.records.length > 0);
}

/** Events that the earlier core had folded and no record names; refusals that the limiter still owes came over with it. */
function owed({ limiter }: Salvaged, audit: DataView, taken: boolean): number {
  const refusals =
    limiter === undefined || taken
      ? 0
      : new DataView(limiter.state.buffer, limiter.state.byteOffset).getFloat64(abi.LIMITER_REFUSALS_PENDING, true);
  const events = audit.getFloat64(abi.AUDIT_FOLD_PENDING, true) + refusals;
  return Number.isSafeInteger(events) && events >= 0 ? events : 0;
}

/** A Map key for 32 bytes: a string of 32 characters. */
const hashKey = (bytes: Uint8Array, at: number): string => String.fromCharCode(...bytes.subarray(at, at + 32));

/** The key of any length goes where the source text goes, the data where payloads go. */
function hmac(core: Core, key: Uint8Array, data: Uint8Array): Uint8Array {
  core.source.set(key);
  core.u32[IN32 + (abi.INBOX_SOURCE_BYTES >>> 2)] = key.length;
  core.payload.set(data);
  core.u32[IN32 + (abi.INBOX_PAYLOAD_BYTES >>> 2)] = data.length;
  core.call.keyedHash();
  core.source.fill(0, 0, key.length);
  core.payload.fill(0, 0, data.length);
  return readDigest(core, abi.OUTBOX_HASH);
}

function deriveKeys(core: Core, secret: Uint8Array): Record<KeyName, Uint8Array> {
  const keys = {} as Record<KeyName, Uint8Array>;
  for (const name of Object.keys(KEY_LABELS) as KeyName[]) {
    keys[name] = hmac(core, secret, encoder.encode(KEY_LABELS[name]));
  }
  return keys;
}
