/**
 * The sections of a snapshot: what was salvaged as bytes, and bytes as something that may be salvaged.
 *
 *   limiter      state (LIMITER_BYTES) │ occupied ways: index u32, tag u32, record
 *   quarantine   u32 items │ each: slot (SLOT_BYTES) │ head and payload, as long as the slot says
 *   audit        state (AUDIT_BYTES) │ u32 logs │ each: u16 bytes, origin │ u64 from │ u32 records │ records │
 *                per record with a sidecar: u16 bytes (0: gone), sidecar
 *
 * Numbers written here are big-endian; slot, state and ways are as they lie in memory, which is why a snapshot names the
 * ABI. The first log is the epoch that was running, the others are of epochs before it that nobody had released yet.
 *
 * Relies on: proof. Refuses: to allocate by a number it read — every count is bounded by the bytes that are there — and
 * to hand out anything of an image in which one thing is wrong.
 */
import * as abi from '../../assembly/abi';
import { TracehoundError } from '../errors';
import { joined } from '../formats/bytes';
import type { AuditExport } from '../types/index';
import { compareBytes, number32 } from './bytes';
import { chainProof, hasSidecar, itemProof, logProof, proveAsync, recordAt, sidecarsProof, textsFrom } from './proof';
import {
  headBytes,
  type LimiterGeometry,
  payloadBytes,
  recordBytes,
  type Salvaged,
  type SalvagedLimiter,
  WAY_HEAD_BYTES,
} from './salvage';

/** In the order in which they are written, with the version of each. */
export const SECTION_VERSIONS = { limiter: 2, quarantine: 2, audit: 2 } as const;
export type SectionName = keyof typeof SECTION_VERSIONS;
/** `limiter` is missing where there is no limiter, or no seal. */
export type Sections = Readonly<Partial<Record<SectionName, Uint8Array>>>;

/** What the header of a snapshot says about the sections. */
export interface Claims {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly limiter: LimiterGeometry | null;
}

/** An origin of 255 bytes, a slash and a UUID. */
export const ORIGIN_BYTES_MAX = 292;
/** `maxPayloadBytes` of the largest configuration. */
const PAYLOAD_BYTES_MAX = 2 ** 26;
/** The running log and those that an engine carries, with room for more some day. */
const LOGS_MAX = 64;
/** What a slot says of its neighbours in the core that is left behind. */
const LINKS: readonly [from: number, to: number][] = [
  [abi.SLOT_FIRST_BLOCK, abi.SLOT_SEEN],
  [abi.SLOT_SEVERITY_PREV, abi.SLOT_EXPIRES_AT],
  [abi.SLOT_ENTERED, abi.SLOT_BYTES],
];

export function invalidSnapshot(
  part: string,
  problem: string,
  expected: string,
  got: string,
  cause?: unknown,
): TracehoundError {
  const message = `snapshot: ${part}: ${problem}, expected ${expected}, got ${got}`;
  return new TracehoundError('SNAPSHOT_INVALID', message, cause === undefined ? {} : { cause });
}

// ── writing ───────────────────────────────────────────────────────────────────────────────────────

/** Reads everything before it returns. `withKeys`: the limiter's part, which holds its hash key, may be in it. */
export function encodeSections(salvaged: Salvaged, withKeys: boolean): Sections {
  const { limiter, audit, log, earlier } = salvaged;
  return {
    ...(withKeys && limiter !== undefined ? { limiter: joined([limiter.state, limiter.ways]) } : {}),
    quarantine: joined(encodeItems(salvaged)),
    audit: joined([audit, number32(1 + earlier.length), ...[log, ...earlier].flatMap(encodeLog)]),
  };
}

function encodeItems(salvaged: Salvaged): Uint8Array[] {
  const parts = [number32(salvaged.slots.length)];
  salvaged.slots.forEach((slot, index) => {
    const content = salvaged.content(index);
    if (content === undefined)
      throw invalidSnapshot('quarantine', `item ${index} cannot be read`, 'its blocks', 'none');
    const copy = slot.slice();
    for (const [from, to] of LINKS) copy.fill(0, from, to);
    parts.push(copy, content);
  });
  if (salvaged.slotsLost === 0) return parts;
  throw invalidSnapshot('quarantine', 'items are missing', `${salvaged.slotsLost} more slots in use`, 'another');
}

function encodeLog({ origin, from, records, details }: AuditExport): Uint8Array[] {
  const name = new TextEncoder().encode(origin);
  const head = new Uint8Array(2 + name.length + 12);
  const view = new DataView(head.buffer);
  view.setUint16(0, name.length);
  head.set(name, 2);
  view.setBigUint64(2 + name.length, BigInt(from));
  view.setUint32(2 + name.length + 8, records.length);
  const sidecars = records.flatMap((record, i) => {
    if (!hasSidecar(record)) return [];
    const detail = details[i] ?? new Uint8Array(0);
    return [Uint8Array.of(detail.length >>> 8, detail.length & 0xff), detail];
  });
  return [head, ...records, ...sidecars];
}

// ── reading ───────────────────────────────────────────────────────────────────────────────────────

/** Takes bytes from the front of a part; whatever asks for more than there is refuses the snapshot. */
export class Cursor {
  readonly #bytes: Uint8Array;
  readonly #part: string;
  #at = 0;

  constructor(bytes: Uint8Array, part: string) {
    this.#bytes = bytes;
    this.#part = part;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(bytes: number): Uint8Array {
    if (bytes > this.left) throw invalidSnapshot(this.#part, 'cut short', `${bytes} bytes more`, `${this.left}`);
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }

  u16(): number {
    return this.#view(2).getUint16(0);
  }

  u32(): number {
    return this.#view(4).getUint32(0);
  }

  u64(): number {
    return Number(this.#view(8).getBigUint64(0));
  }

  /** A count of things that take at least `least` bytes each. */
  count(least: number): number {
    const count = this.u32();
    if (count * least > this.left) throw invalidSnapshot(this.#part, 'cut short', `${count} entries`, 'too few bytes');
    return count;
  }

  end(): void {
    if (this.left > 0) throw invalidSnapshot(this.#part, 'too long', 'its end', `${this.left} bytes more`);
  }

  #view(bytes: number): DataView {
    const part = this.take(bytes);
    return new DataView(part.buffer, part.byteOffset, bytes);
  }
}

/** Everything that can be checked without hashing. Throws `SNAPSHOT_INVALID`. */
export function decodeSections(sections: Sections, claims: Claims): Salvaged {
  const { audit, log, earlier } = readLogs(present(sections, 'audit'), claims);
  const { slots, contents } = readItems(present(sections, 'quarantine'));
  return {
    audit,
    log,
    recordsLost: 0,
    earlier,
    slots,
    slotsLost: 0,
    content: (index) => contents[index],
    limiter: claims.limiter === null ? undefined : limiterSection(present(sections, 'limiter'), claims.limiter),
  };
}

function present(sections: Sections, name: SectionName): Uint8Array {
  const bytes = sections[name];
  if (!(bytes instanceof Uint8Array)) throw invalidSnapshot(name, 'missing', 'its bytes', 'none');
  return bytes;
}

function limiterSection(bytes: Uint8Array, geometry: LimiterGeometry): SalvagedLimiter {
  const cursor = new Cursor(bytes, 'limiter');
  const state = cursor.take(abi.LIMITER_BYTES).slice();
  const each = WAY_HEAD_BYTES + recordBytes(geometry.limit);
  if (cursor.left % each !== 0)
    throw invalidSnapshot('limiter', 'another length', `entries of ${each} bytes`, 'another');
  const ways = cursor.take(cursor.left).slice();
  const view = new DataView(ways.buffer);
  for (let at = 0, last = -1; at < ways.length; at += each) {
    const way = view.getUint32(at, true);
    if (way <= last || way >= geometry.maxSources) {
      throw invalidSnapshot(
        'limiter',
        'an entry is out of place',
        `${last + 1} … ${geometry.maxSources - 1}`,
        `${way}`,
      );
    }
    last = way;
  }
  return { ...geometry, state, ways };
}

function readItems(bytes: Uint8Array): { slots: Uint8Array[]; contents: Uint8Array[] } {
  const cursor = new Cursor(bytes, 'quarantine');
  const count = cursor.count(abi.SLOT_BYTES + abi.ITEM_HEAD_BYTES);
  const slots: Uint8Array[] = [];
  const contents: Uint8Array[] = [];
  for (let i = 0; i < count; i++) {
    const slot = cursor.take(abi.SLOT_BYTES);
    const before = slots.at(-1);
    if (before !== undefined && compareBytes(before, abi.SLOT_ID, slot, abi.SLOT_ID, 16) >= 0) {
      throw invalidSnapshot('quarantine', `item ${i} has no place of its own`, 'rising ids', 'another');
    }
    slots.push(slot);
    contents.push(cursor.take(headBytes(slot) + payloadBytes(slot)));
  }
  cursor.end();
  return { slots, contents };
}

function readLogs(bytes: Uint8Array, claims: Claims): Pick<Salvaged, 'audit' | 'log' | 'earlier'> {
  const cursor = new Cursor(bytes, 'audit');
  const audit = cursor.take(abi.AUDIT_BYTES).slice();
  const size = new DataView(audit.buffer).getFloat64(abi.AUDIT_SIZE, true);
  const count = cursor.u32();
  if (count < 1 || count > LOGS_MAX) throw invalidSnapshot('audit', 'unusable', `1 to ${LOGS_MAX} logs`, `${count}`);
  const [log, ...earlier] = Array.from({ length: count }, () => readLog(cursor)) as [AuditExport, ...AuditExport[]];
  cursor.end();
  if (size !== claims.size || log.origin !== claims.origin || log.from + log.records.length !== size) {
    throw invalidSnapshot('audit', 'another log', 'the origin and size that the header names', 'another');
  }
  return { audit, log, earlier };
}

/** Copies: a log is carried for long, and must not keep the evidence beside it alive. */
function readLog(cursor: Cursor): AuditExport {
  const name = cursor.take(cursor.u16());
  const from = cursor.u64();
  const records = Array.from({ length: cursor.count(abi.LOG_BYTES) }, () => cursor.take(abi.LOG_BYTES).slice());
  const details = records.map((record) => {
    const bytes = hasSidecar(record) ? cursor.u16() : 0;
    return bytes === 0 ? null : cursor.take(bytes).slice();
  });
  let origin: string;
  try {
    origin = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(name);
  } catch (cause) {
    throw invalidSnapshot('audit', 'an origin is unreadable', 'UTF-8', 'other bytes', cause);
  }
  if (name.length === 0 || name.length > ORIGIN_BYTES_MAX || !Number.isSafeInteger(from + records.length)) {
    throw invalidSnapshot('audit', 'a log is unusable', 'its origin and numbers', 'another');
  }
  return { origin, from, records, details };
}

// ── proving ───────────────────────────────────────────────────────────────────────────────────────

/** Items whose digests run side by side. */
const ITEMS_AT_ONCE = 64;

/** Everything that takes hashing: log, sidecars, evidence. Throws `SNAPSHOT_INVALID` at the first thing that is wrong. */
export async function proveImage(
  salvaged: Salvaged,
  claims: Claims,
  hash: (bytes: Uint8Array) => Promise<Uint8Array>,
): Promise<void> {
  const { log, earlier, slots } = salvaged;
  const { tail, root } = await proveAsync(logProof(salvaged), hash);
  if (tail !== log.records.length)
    throw invalidSnapshot(
      'audit',
      'records do not follow one another up to the head',
      'rising numbers up to the head',
      'others',
    );
  if (root === undefined || root.length !== claims.root.length || compareBytes(root, 0, claims.root, 0, 32) !== 0) {
    throw invalidSnapshot('audit', 'another tree head', 'the one that the header names', 'another');
  }
  for (const old of earlier) {
    if (!(await proveAsync(chainProof(old), hash))) {
      throw invalidSnapshot('audit', 'records of an earlier log do not follow one another', 'rising numbers', 'others');
    }
  }
  for (const each of [log, ...earlier]) {
    if (!(await proveAsync(sidecarsProof(each), hash)))
      throw invalidSnapshot('audit', 'a sidecar is not what its record names', 'the bytes that it names', 'others');
  }
  const recordOf = recordAt(log);
  const signatures = new Set<string>();
  for (let from = 0; from < slots.length; from += ITEMS_AT_ONCE) {
    const batch = slots.slice(from, from + ITEMS_AT_ONCE);
    const faults = await Promise.all(
      batch.map((slot, i) => {
        const content = salvaged.content(from + i) as Uint8Array;
        signatures.add(slotSignature(slot, content));
        return proveAsync(itemProof(slot, content, PAYLOAD_BYTES_MAX, recordOf), hash);
      }),
    );
    const wrong = faults.findIndex((fault) => fault !== undefined);
    if (wrong >= 0)
      throw invalidSnapshot('quarantine', `item ${from + wrong} does not verify`, 'a whole item', `${faults[wrong]}`);
  }
  if (signatures.size !== slots.length)
    throw invalidSnapshot('quarantine', 'two items have one signature', 'one item for each', 'two');
}

/** Hash and category, which are what finds an item. */
function slotSignature(slot: Uint8Array, content: Uint8Array): string {
  const from = textsFrom(slot);
  const category = content.subarray(from, from + (slot[abi.SLOT_CATEGORY_BYTES] as number));
  return String.fromCharCode(...slot.subarray(abi.SLOT_HASH, abi.SLOT_HASH + 32), ...category);
}
