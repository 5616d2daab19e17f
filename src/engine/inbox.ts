/**
 * The inbox: one question copied in, and the small services that go through the same memory (hashing, HMAC).
 *
 * Relies on: a linked core. Refuses: to call anything that decides. Hashing goes through the payload region, so it comes
 * before the payload of the same call, never after.
 */
import * as abi from '../../assembly/abi';
import { toHex } from '../formats/bytes';
import type { Core } from './link';
import { readDigest } from './records';
import { SOURCE_KINDS } from './words';

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
  /** Of the fingerprint, once somebody knows it. */
  signatureHash: Uint8Array | undefined;
  /** Makes the sidecar, when the detector said more than evidence holds. `signature`: unless only the core can know it. */
  sidecar: ((signature: string | undefined) => Uint8Array | undefined) | undefined;
}

/**
 * Payloads of this many bytes and more are hashed by the runtime where it can do so at once. Up to 288 bytes the core is
 * not slower than Node 24's crypto.hash (bench/core, AMD EPYC).
 */
const HOST_DIGEST_BYTES = 320;

const encoder = new TextEncoder();
const IN = abi.INBOX_AT;
const IN32 = IN >>> 2;

/** Texts up to this length are copied by character where they are ASCII. */
const SHORT = 64;

/**
 * A short ASCII text, which is what addresses, categories and names are, without the views and objects that the encoder
 * wants: 8 instead of 66 ns. Returns its bytes; −1 when it is something else, and what was written is not the text.
 */
function writeAscii(core: Core, at: number, text: string): number {
  if (text.length > SHORT) return -1;
  const { bytes } = core;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return -1;
    bytes[at + i] = code;
  }
  return text.length;
}

/** Source text → INBOX. */
export function writeSource(core: Core, source: EngineSource): void {
  const { text } = source;
  core.u32[IN32 + (abi.INBOX_SOURCE_KIND >>> 2)] = SOURCE_KINDS[source.kind];
  const bytes = writeAscii(core, IN + abi.INBOX_SOURCE, text);
  if (bytes < 0) writeText(core, text);
  else core.u32[IN32 + (abi.INBOX_SOURCE_BYTES >>> 2)] = bytes;
}

export function writeText(core: Core, text: string): void {
  const { read, written } = encoder.encodeInto(text, core.source);
  const whole = read === text.length;
  if (!whole) core.u32[IN32 + (abi.INBOX_SOURCE_KIND >>> 2)] = abi.SOURCE_UNKNOWN;
  core.u32[IN32 + (abi.INBOX_SOURCE_BYTES >>> 2)] = whole ? written : 0;
}

export function writeSmall(core: Core, field: number, bytesField: number, text: string, max: number): void {
  const at = IN + field;
  let bytes = text.length <= max ? writeAscii(core, at, text) : -1;
  if (bytes < 0) bytes = encoder.encodeInto(text, core.bytes.subarray(at, at + max)).written;
  core.u32[IN32 + (bytesField >>> 2)] = bytes;
}

/** Payload → inbox. Returns the flags it settles. */
function writePayload(core: Core, question: Question): number {
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
      question.size = core.payload.length + 1;
      core.u32[bytesAt] = question.size;
      return abi.IN_TOO_LARGE;
    }
    core.u32[bytesAt] = written;
  } else {
    core.payload.set(payload);
    core.u32[bytesAt] = payload.length;
  }
  return abi.IN_PAYLOAD | hostDigest(core, question, core.u32[bytesAt] as number);
}

/** Hashes the payload outside the core when that is faster; the bytes hashed are the bytes in the inbox. */
function hostDigest(core: Core, question: Question, bytes: number): number {
  const hash = question.payloadHash ?? platformDigest(core, core.payload.subarray(0, bytes));
  if (hash === undefined) return 0;
  core.bytes.set(hash, IN + abi.INBOX_PAYLOAD_HASH);
  return abi.IN_PAYLOAD_HASH;
}

/**
 * The platform's hash where it is faster; `undefined` where the core must hash. A platform that fails, or answers
 * something that is no digest, costs time and nothing else: the core's hash is the same.
 */
function platformDigest(core: Core, bytes: Uint8Array): Uint8Array | undefined {
  if (core.digest === undefined || bytes.length < HOST_DIGEST_BYTES) return undefined;
  try {
    const hash = core.digest(bytes);
    return hash.length === 32 ? hash : undefined;
  } catch {
    return undefined;
  }
}

/** SHA-256 of any number of bytes into an INBOX field, through the payload region piece by piece. */
export function hashInto(core: Core, data: Uint8Array | string, field: number): void {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data;
  const hash = platformDigest(core, bytes);
  if (hash !== undefined) {
    core.bytes.set(hash, IN + field);
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

/** What a record says that only the host can know of: numbers, all of them zero unless given. */
export interface Appended {
  readonly reason?: number;
  readonly count?: number;
  readonly length?: number;
  /** 0 none … 3 passed. */
  readonly disposition?: number;
  /** 32 bytes at 80: what the kind lays over the payload field. */
  readonly overlay?: Uint8Array;
  /** 16 bytes: the evidence that it is about. */
  readonly id?: Uint8Array;
  /** RESUME, PANIC: size of the log before, in the place of the id. */
  readonly size?: number;
}

const NOTHING = new Uint8Array(32);

export function writeAppend(core: Core, kind: number, what: Appended): void {
  core.u32[IN32 + (abi.INBOX_KIND >>> 2)] = kind;
  core.u32[IN32 + (abi.INBOX_REASON >>> 2)] = what.reason ?? abi.REASON_NONE;
  core.u32[IN32 + (abi.INBOX_COUNT >>> 2)] = what.count ?? 0;
  core.u32[IN32 + (abi.INBOX_LENGTH >>> 2)] = what.length ?? 0;
  core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = what.disposition ?? abi.DISPOSITION_NONE;
  core.view.setBigUint64(IN + abi.INBOX_ID, BigInt(what.size ?? 0));
  core.view.setBigUint64(IN + abi.INBOX_ID + 8, 0n);
  if (what.id !== undefined) core.bytes.set(what.id, IN + abi.INBOX_ID);
  core.bytes.set(what.overlay ?? NOTHING, IN + abi.INBOX_OVERLAY);
}

/** The signature that the core will give a question: of its fingerprint, else of its payload; that of a source it alone knows. */
export function questionSignature(core: Core, question: Question): string | undefined {
  const { category, fingerprint, payload, fault } = question;
  if (fault !== undefined) return undefined;
  const bytes = typeof payload === 'string' ? encoder.encode(payload) : payload;
  if (bytes !== undefined && bytes.length > core.payload.length) return undefined;
  if (fingerprint !== undefined) {
    question.signatureHash ??= hashOf(core, fingerprint);
    return `${category}:${toHex(question.signatureHash)}`;
  }
  if (bytes === undefined) return undefined;
  question.payloadHash ??= hashOf(core, bytes);
  return `${category}:${toHex(question.payloadHash)}`;
}

export function writeQuestion(core: Core, source: EngineSource, question: Question): void {
  let flags = questionFlags(question);
  if (question.fingerprint !== undefined) {
    if (question.signatureHash === undefined) hashInto(core, question.fingerprint, abi.INBOX_SIGNATURE_HASH);
    else core.bytes.set(question.signatureHash, IN + abi.INBOX_SIGNATURE_HASH);
    flags |= abi.IN_SIGNATURE_HASH;
  }
  writeSmall(core, abi.INBOX_CATEGORY, abi.INBOX_CATEGORY_BYTES, question.category, abi.CATEGORY_BYTES_MAX);
  writeSmall(core, abi.INBOX_DETECTOR, abi.INBOX_DETECTOR_BYTES, question.detector, abi.DETECTOR_BYTES_MAX);
  writeSource(core, source);
  core.u32[IN32 + (abi.INBOX_SEVERITY >>> 2)] = question.severity;
  core.u32[IN32 + (abi.INBOX_DISPOSITION >>> 2)] = question.disposition;
  // The sidecar of an act was hashed before: its bit stays.
  core.u32[IN32] = ((core.u32[IN32] as number) & abi.IN_DETAIL) | flags | writePayload(core, question);
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

/** SHA-256 by `core`, or by the runtime where that is faster. */
export function hashOf(core: Core, data: Uint8Array | string): Uint8Array {
  hashInto(core, data, abi.INBOX_DETAIL_HASH);
  return core.bytes.slice(IN + abi.INBOX_DETAIL_HASH, IN + abi.INBOX_DETAIL_HASH + 32);
}

/** The key of any length goes where the source text goes, the data where payloads go. */
export function hmac(core: Core, key: Uint8Array, data: Uint8Array): Uint8Array {
  core.source.set(key);
  core.u32[IN32 + (abi.INBOX_SOURCE_BYTES >>> 2)] = key.length;
  core.payload.set(data);
  core.u32[IN32 + (abi.INBOX_PAYLOAD_BYTES >>> 2)] = data.length;
  core.call.keyedHash();
  core.source.fill(0, 0, key.length);
  core.payload.fill(0, 0, data.length);
  return readDigest(core, abi.OUTBOX_HASH);
}
