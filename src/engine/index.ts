/**
 * The wall around the core, and the only host code that touches linear memory. Copies in once, crosses once, reads the
 * verdict. One method per question; `life` keeps the core that answers.
 *
 * Relies on: a runtime for cores and randomness. Refuses: policy, text formats, waiting.
 *
 * Copies per flagged request: payload → inbox, inbox → slab. Crossings: one (two where the charge came earlier).
 */
import * as abi from '../../assembly/abi';
import { TracehoundError } from '../errors';
import type { DropReason, EvidenceHandle, PurgeReason, RateLimitResult } from '../types/index';
import {
  type EngineSource,
  hashOf,
  hmac,
  type Question,
  questionSignature,
  writeQuestion,
  writeSmall,
  writeSource,
} from './inbox';
import type { KeyName, Subkeys } from './keys';
import { type EngineOptions, Life } from './life';
import type { Core } from './link';
import { EngineLog } from './log';
import { arenaEnd, type CoreConfig } from './memory';
import { readDigest, readHandle, readId, readLimiter, readQuarantine, readRate, readSignatureHash } from './records';
import type { Salvaged } from './salvage';
import {
  ACCESSES,
  DETECTOR_FAILURES,
  DISPOSITIONS,
  DROP_REASONS,
  PURGE_REASONS,
  STATUSES,
  type Status,
  wordCode,
} from './words';

export { ABI_VERSION } from '../../assembly/abi';
export { compareBytes, number32 } from './bytes';
export {
  type Claims,
  Cursor,
  decodeSections,
  encodeSections,
  invalidSnapshot,
  ORIGIN_BYTES_MAX,
  proveImage,
  SECTION_VERSIONS,
  type SectionName,
  type Sections,
} from './image';
export type { EngineSource, Question } from './inbox';
export { type KeyName, SEAL_LABEL } from './keys';
export type { EngineOptions } from './life';
export type { EngineLog, LogTail } from './log';
export { type CoreConfig, coreConfig } from './memory';
export { type Batch, type LeftCore, Persistence } from './persistence';
export type { LimiterGeometry, Salvaged } from './salvage';
export type { Continues, Succession } from './succession';
export { DISPOSITIONS, PURGE_REASONS, SEVERITIES, type Status } from './words';

type Total = 'seen' | 'skipped' | 'failedOpen' | 'allowed' | 'shed' | 'lostEvents';

const TOTALS: Readonly<Record<Total, number>> = {
  seen: abi.AUDIT_SEEN,
  skipped: abi.AUDIT_SKIPPED,
  failedOpen: abi.AUDIT_FAILED_OPEN,
  allowed: abi.AUDIT_ALLOWED,
  shed: abi.AUDIT_SHED,
  lostEvents: abi.AUDIT_LOST_EVENTS,
};

const IN = abi.INBOX_AT;
const IN32 = IN >>> 2;
const OUT32 = abi.OUTBOX_AT >>> 2;

export class Engine {
  readonly config: CoreConfig;
  readonly log: EngineLog;
  readonly #life: Life;
  readonly #arenaEnd: number;

  /** Throws `RangeError` naming the option when the configuration cannot fit. Touches no core, clock or randomness. */
  constructor(options: EngineOptions) {
    this.config = options.config;
    this.#arenaEnd = arenaEnd(options.config);
    this.#life = new Life(options);
    this.log = new EngineLog(this.#life);
  }

  get memoryBytes(): number {
    return this.#life.core?.bytes.length ?? Math.ceil(this.#arenaEnd / abi.PAGE_BYTES) * abi.PAGE_BYTES;
  }

  get status(): 'up' | 'idle' | 'down' {
    return this.#life.status;
  }

  get panics(): number {
    return this.#life.panics;
  }

  /** Begins from what a snapshot held. Only before the first call. */
  restore(salvaged: Salvaged): void {
    this.#life.restore(salvaged);
  }

  /** Puts what a snapshot holds in place before the first call, for those who only look. */
  inherit(now: () => number): void {
    if (this.#life.inherits) this.#life.up(now());
  }

  /** Everything a snapshot holds, after what is folded was written. Its contents must be read before the next call. */
  image(now: number): { salvaged: Salvaged; size: number; root: Uint8Array } {
    this.log.settle(now, false);
    const { size, root } = this.log.head(now);
    return this.#life.run(now, (core) => ({ salvaged: this.#life.salvage(core, this.#life.carried), size, root }));
  }

  /** HMAC-SHA-256 under one of the subkeys; of data that passes `maxPayloadBytes`, of its SHA-256. */
  mac(now: number, key: KeyName, data: Uint8Array): Uint8Array {
    return this.#life.run(now, (core) => {
      const short = data.length > core.payload.length ? hashOf(core, data) : data;
      return hmac(core, (this.#life.keys as Subkeys).of(core, key), short);
    });
  }

  /** As `mac`, once for each secret: the current one, then those before it. */
  macs(now: number, key: KeyName, data: Uint8Array): Uint8Array[] {
    return this.#life.run(now, (core) =>
      [this.#life.keys as Subkeys, ...this.#life.formerKeys].map((keys) => hmac(core, keys.of(core, key), data)),
    );
  }

  // ── one request ─────────────────────────────────────────────────────────────────────────────────

  /** The clean path: charges the source and nothing else. */
  pass(now: number, source: EngineSource, charged: boolean, observed: boolean): Status {
    const core = this.#life.ready(now);
    try {
      this.#life.refill(core);
      writeSource(core, source);
      core.u32[IN32] = charged ? abi.IN_CHARGED : 0;
      core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = observed ? abi.DISPOSITION_OBSERVED : abi.DISPOSITION_REFUSED;
      return STATUSES[core.call.intercept(now)] as Status;
    } catch (cause) {
      if (cause instanceof TracehoundError) throw cause;
      throw this.#life.retire(cause, now);
    }
  }

  /** The flagged path. `question.size` is raised when the text proves too large. */
  intercept(now: number, source: EngineSource, question: Question): Status {
    return this.#life.run(now, (core) => {
      const ask = (): number => {
        writeQuestion(core, source, question);
        return core.call.intercept(now);
      };
      const detail = question.sidecar?.(questionSignature(core, question));
      return STATUSES[detail === undefined ? ask() : this.#life.details.withThreat(core, detail, ask)] as Status;
    });
  }

  /** Puts a flagged scent in the place of the item at `slot`. */
  replace(now: number, slot: number, source: EngineSource, question: Question, detail?: Uint8Array): Status {
    return this.#life.run(now, (core) => {
      const answer = this.#life.details.with(core, detail, () => {
        writeQuestion(core, source, question);
        core.u32[IN32 + (abi.INBOX_SLOT >>> 2)] = slot;
        return core.call.replace(now);
      });
      return STATUSES[answer] as Status;
    });
  }

  // ── answers of the last call ────────────────────────────────────────────────────────────────────

  #last(): Core {
    return this.#life.core as Core;
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
    return this.#life.run(now, (core) => {
      writeSource(core, source);
      core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = abi.DISPOSITION_REFUSED;
      core.u32[IN32 + (abi.INBOX_COST >>> 2)] = cost;
      core.call.rateCheck(now, peek ? 1 : 0);
      return readRate(core, this.config.limit);
    });
  }

  /** Whether there was anything to forget; then it is recorded. */
  reset(now: number, source: EngineSource, detail?: Uint8Array): boolean {
    return this.#life.run(now, (core) => {
      writeSource(core, source);
      return this.#life.details.with(core, detail, () => core.call.rateReset(now)) !== 0;
    });
  }

  block(now: number, source: EngineSource, ms: number, detail?: Uint8Array): void {
    this.#life.run(now, (core) => {
      writeSource(core, source);
      core.view.setFloat64(IN + abi.INBOX_MS, ms, true);
      this.#life.details.with(core, detail, () => core.call.rateBlock(now));
    });
  }

  unblock(now: number, source: EngineSource, detail?: Uint8Array): boolean {
    return this.#life.run(now, (core) => {
      writeSource(core, source);
      return this.#life.details.with(core, detail, () => core.call.rateUnblock(now)) !== 0;
    });
  }

  /** 32 bytes: HMAC of the canonical source. */
  sourceTag(now: number, source: EngineSource): Uint8Array {
    return this.#life.run(now, (core) => {
      writeSource(core, source);
      core.call.tag();
      return readDigest(core, abi.OUTBOX_SOURCE_TAG);
    });
  }

  uninspected(now: number, source: EngineSource, disposition: number, failure: keyof typeof DETECTOR_FAILURES): void {
    const reason = wordCode('uninspected reason', DETECTOR_FAILURES, failure);
    if (DISPOSITIONS[disposition] === undefined) {
      throw new RangeError(`uninspected disposition: unknown, expected ${DISPOSITIONS.join(' | ')}, got another word`);
    }
    this.#life.run(now, (core) => {
      writeSource(core, source);
      core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = disposition;
      core.u32[IN32 + (abi.INBOX_REASON >>> 2)] = reason;
      core.call.uninspected(now);
    });
  }

  /** A limiter of the platform refused a request. */
  refused(now: number, source: EngineSource, blocked: boolean, observed: boolean): void {
    this.#life.run(now, (core) => {
      writeSource(core, source);
      core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = observed ? abi.DISPOSITION_OBSERVED : abi.DISPOSITION_REFUSED;
      core.u32[IN32 + (abi.INBOX_REASON >>> 2)] = blocked ? abi.REASON_BLOCKED : abi.REASON_WINDOW;
      core.call.refused(now);
    });
  }

  // ── quarantine ──────────────────────────────────────────────────────────────────────────────────

  /** Slot (index + 1) of a signature, 0 when it is not held; its handle is ready for `handle()`. */
  find(now: number, category: string, hash: Uint8Array): number {
    return this.#life.run(now, (core) => {
      writeSmall(core, abi.INBOX_CATEGORY, abi.INBOX_CATEGORY_BYTES, category, abi.CATEGORY_BYTES_MAX);
      core.bytes.set(hash, IN + abi.INBOX_SIGNATURE_HASH);
      return core.call.find();
    });
  }

  /** As `find`, by the 16 bytes of a UUID. */
  findId(now: number, uuid: Uint8Array): number {
    return this.#life.run(now, (core) => {
      core.bytes.set(uuid, IN + abi.INBOX_ID);
      return core.call.findId();
    });
  }

  /** Up to `count` ≤ LIST_MAX items captured after `uuid`, oldest first. */
  page(now: number, uuid: Uint8Array, count: number): EvidenceHandle[] {
    return this.#life.run(now, (core) => {
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
    this.#end(now, slot, wordCode('purge reason', PURGE_REASONS, reason), detail, (core) => core.call.purge(now));
  }

  /** As `purge`, at the word of somebody who may have it erased. */
  erase(now: number, slot: number, detail?: Uint8Array): void {
    this.#end(now, slot, abi.REASON_NONE, detail, (core) => core.call.erase(now));
  }

  /** Puts an item on hold or takes it off; whether that changed anything. */
  hold(now: number, slot: number, on: boolean, detail?: Uint8Array): boolean {
    return this.#end(now, slot, abi.REASON_NONE, detail, (core) => core.call.setHold(now, on ? 1 : 0)) !== 0;
  }

  /** Cold storage acknowledged a copy of the item; whether it had none before. */
  evacuated(now: number, slot: number, detail?: Uint8Array): boolean {
    return this.#end(now, slot, abi.REASON_NONE, detail, (core) => core.call.evacuated(now)) !== 0;
  }

  #end(now: number, slot: number, reason: number, detail: Uint8Array | undefined, end: (core: Core) => number): number {
    return this.#life.run(now, (core) => {
      core.u32[IN32 + (abi.INBOX_SLOT >>> 2)] = slot;
      core.u32[IN32 + (abi.INBOX_REASON >>> 2)] = reason;
      return this.#life.details.with(core, detail, () => end(core));
    });
  }

  /** Purges items, BATCH_ITEMS at most; answers how many, and whether more may be held. */
  flush(now: number, detail?: Uint8Array): { purged: number; more: boolean } {
    const purged = this.#life.run(now, (core) => this.#life.details.with(core, detail, () => core.call.flush(now)));
    return { purged, more: purged === abi.BATCH_ITEMS };
  }

  /** A copy of the payload of the item at `slot`, after the record that says so; of `denied` an empty one. */
  read(now: number, slot: number, as: keyof typeof ACCESSES, detail?: Uint8Array): Uint8Array {
    return this.#life.run(now, (core) => {
      core.u32[IN32 + (abi.INBOX_SLOT >>> 2)] = slot;
      core.u32[IN32 + (abi.INBOX_KIND >>> 2)] = ACCESSES[as];
      const bytes = this.#life.details.with(core, detail, () => core.call.access(now));
      const copy = core.payload.slice(0, bytes);
      core.payload.fill(0, 0, bytes);
      return copy;
    });
  }

  /** The salt of the item at `slot`, which opens its record's commitments; and whether that record is of an earlier log. */
  secrets(now: number, slot: number): { salt: Uint8Array; salvaged: boolean } {
    return this.#life.run(now, (core) => {
      const at = core.places.slots + (slot - 1) * abi.SLOT_BYTES;
      const first = core.view.getUint32(at + abi.SLOT_FIRST_BLOCK, true);
      const salt = core.places.slab + (first - 1) * abi.BLOCK_BYTES + abi.BLOCK_DATA + abi.ITEM_SALT;
      const salvaged = ((core.bytes[at + abi.SLOT_FLAGS] as number) & abi.ITEM_SALVAGED) !== 0;
      return { salt: core.bytes.slice(salt, salt + 16), salvaged };
    });
  }

  quarantine(): ReturnType<typeof readQuarantine> | undefined {
    return this.#life.core && readQuarantine(this.#life.core);
  }

  limiter(): ReturnType<typeof readLimiter> {
    return this.#life.core && readLimiter(this.#life.core);
  }

  // ── totals and ids ─────────────────────────────────────────────────────────────────────────────

  /** Adds one to a total that HEARTBEAT records carry. */
  count(now: number, what: Total): void {
    const total = wordCode('count', TOTALS, what);
    this.#life.run(now, (core) => {
      const field = core.view.getUint32(abi.HEADER_AT + abi.HEADER_AUDIT, true) + total;
      core.view.setFloat64(field, core.view.getFloat64(field, true) + 1, true);
      core.poked?.(field, 8);
    });
  }

  makeId(now: number): string {
    return this.#life.run(now, (core) => {
      core.call.makeId(now);
      return readId(core);
    });
  }
}
