/**
 * Snapshots: one moment of an instance, sealed so that nobody without the `secret` reads it, and whoever changes a bit
 * makes it worthless.
 *
 *   magic 8 │ version u16 │ flags u16 │ nonce 12 ‖ AES-256-GCM(seal key, nonce, image, the 24 bytes before) with its tag
 *   magic 8 │ version u16 │ flags u16 │ zeros 12 ‖ image ‖ SHA-256 of all that          unsealed, and only when asked for
 *
 *   image = u32 header bytes │ header, RFC 8785 │ limiter? │ quarantine │ audit         (engine/image.ts)
 *
 * Relies on: the engine's image; Web Crypto. Refuses: a part of a snapshot — one thing wrong, and none of it is
 * believed; and to hand out a snapshot that it could not open again.
 *
 * Trusted: whoever knows the `secret` could write any state. Not trusted: whoever stores the bytes could at most withhold
 * them or hand back an older one. An unsealed snapshot is safe against accidents only: whoever can write it can forge it.
 *
 * @module
 */

import {
  ABI_VERSION,
  type Claims,
  Cursor,
  compareBytes,
  decodeSections,
  type Engine,
  encodeSections,
  invalidSnapshot,
  type LimiterGeometry,
  number32,
  ORIGIN_BYTES_MAX,
  proveImage,
  type Salvaged,
  SEAL_LABEL,
  SECTION_VERSIONS,
  type SectionName,
  type Sections,
} from '../engine/index';
import { TracehoundError } from '../errors';
import { captureBytes, fromHex, isBytes, joined, toHex } from '../formats/bytes';
import { canonicalise } from '../formats/jcs';
import { sealKey } from '../formats/seal';
import type { Json, OpenedSnapshot, OpenSnapshotOptions, Runtime } from '../types/index';
import { kindOf } from '../validate/kind';
import { VERSION } from '../version';
import { readSecrets } from './secret';

/** 'THSNAP' and a line end of either kind: what is copied as text is spoilt here already (as in PNG). */
const MAGIC = /* @__PURE__ */ Uint8Array.of(0x54, 0x48, 0x53, 0x4e, 0x41, 0x50, 0x0d, 0x0a);
const SNAPSHOT_VERSION = 1;
const FLAG_SEALED = 1;
const VERSION_AT = 8;
const FLAGS_AT = 10;
const NONCE_AT = 12;
const PREFIX_BYTES = 24;
const TAG_BYTES = 16;
const DIGEST_BYTES = 32;
const HEADER_BYTES_MAX = 4_096;
/** No core is larger, and neither is what it holds. */
const BYTES_MAX = 0x7fff0000;
/** What `rateLimit` can be (config.ts), rounded as the core rounds it. */
const WAYS_MIN = 16;
const WAYS_MAX = 2 ** 24;

const SECTION_NAMES = Object.keys(SECTION_VERSIONS) as SectionName[];

type Bytes = Uint8Array<ArrayBuffer>;

const subtleDigest = async (bytes: Uint8Array): Promise<Bytes> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Bytes));

// ── making ────────────────────────────────────────────────────────────────────────────────────────

/**
 * A snapshot of `engine` as it is now: everything is read before the first await. `secret` seals it; without one the
 * caller must have asked for an unsealed one, which holds no key and therefore no limiter. What could not be opened
 * again is not handed out.
 */
export async function takeSnapshot(
  engine: Engine,
  now: number,
  options: unknown,
  given: Uint8Array | undefined,
  runtime: Runtime,
): Promise<Uint8Array> {
  const secret = sealingSecret(options, given);
  const { salvaged, size, root } = engine.image(now);
  const sections = encodeSections(salvaged, secret !== undefined);
  const limiter = sections.limiter === undefined ? null : (salvaged.limiter ?? null);
  const claims = { origin: salvaged.log.origin, size, root, limiter };
  // By Web Crypto also where the runtime could hash at once: nobody waits for this, and requests must not wait either.
  await proveImage(decodeSections(sections, claims), claims, subtleDigest);
  const parts = SECTION_NAMES.flatMap((name) => sections[name] ?? []);
  const image = [encodeHeader(claims, sections), ...parts];
  return secret === undefined ? frame(image) : seal(joined(image), secret, runtime);
}

/** The secret to seal with; `undefined` when the caller asked for an unsealed snapshot. */
function sealingSecret(options: unknown, secret: Uint8Array | undefined): Uint8Array | undefined {
  if (readUnsealed('snapshot', options)) return undefined;
  if (secret !== undefined) return secret;
  throw new TracehoundError(
    'SNAPSHOT_UNSEALED',
    'snapshot: nothing to seal it with, expected the option `secret` or { unsealed: true }, got neither',
  );
}

function encodeHeader(claims: Claims, sections: Sections): Uint8Array {
  const { origin, size, root, limiter } = claims;
  const geometry = limiter && {
    windowMs: limiter.windowMs,
    limit: limiter.limit,
    maxSources: limiter.maxSources,
    ipv6Prefix: limiter.ipv6Prefix,
  };
  const table = SECTION_NAMES.flatMap((name) => {
    const bytes = sections[name]?.length;
    return bytes === undefined ? [] : [{ name, version: SECTION_VERSIONS[name], bytes }];
  });
  const facts: { readonly [key: string]: Json } = {
    abi: ABI_VERSION,
    version: VERSION,
    origin,
    size,
    root: toHex(root),
    limiter: geometry,
    sections: table,
  };
  const header = canonicalise(facts, HEADER_BYTES_MAX);
  if (!header.ok)
    throw invalidSnapshot('header', `${header.reason}`, `≤ ${HEADER_BYTES_MAX} bytes of plain JSON`, 'another');
  return joined([number32(header.bytes.length), header.bytes]);
}

function prefixOf(flags: number): Bytes {
  const prefix = new Uint8Array(PREFIX_BYTES);
  prefix.set(MAGIC);
  const view = new DataView(prefix.buffer);
  view.setUint16(VERSION_AT, SNAPSHOT_VERSION);
  view.setUint16(FLAGS_AT, flags);
  return prefix;
}

async function frame(image: readonly Uint8Array[]): Promise<Bytes> {
  const framed = joined([prefixOf(0), ...image, new Uint8Array(DIGEST_BYTES)]);
  const end = framed.length - DIGEST_BYTES;
  framed.set(await subtleDigest(framed.subarray(0, end)), end);
  return framed;
}

async function seal(image: Bytes, secret: Uint8Array, runtime: Runtime): Promise<Bytes> {
  const prefix = prefixOf(FLAG_SEALED);
  try {
    runtime.random(prefix.subarray(NONCE_AT));
    const sealed = await crypto.subtle.encrypt(sealParams(prefix), await keyFor(secret, 'encrypt'), image);
    return joined([prefix, new Uint8Array(sealed)]);
  } catch (cause) {
    throw new TracehoundError('RUNTIME_FAILED', 'snapshot: not sealed, expected randomness and AES-GCM, got an error', {
      cause,
    });
  }
}

const sealParams = (prefix: Bytes): AesGcmParams => ({
  name: 'AES-GCM',
  iv: prefix.subarray(NONCE_AT),
  additionalData: prefix,
  tagLength: TAG_BYTES * 8,
});

const keyFor = (secret: Uint8Array, use: 'encrypt' | 'decrypt'): Promise<CryptoKey> =>
  sealKey(secret, new TextEncoder().encode(SEAL_LABEL), [use]);

// ── opening ───────────────────────────────────────────────────────────────────────────────────────

/**
 * Opens a snapshot for `createTracehound({ restore })`. Everything in it is verified before anything is returned; one
 * thing wrong — a flipped bit, another secret, another version, evidence that does not have its hash — and it rejects
 * with `SNAPSHOT_INVALID`, which says what.
 *
 * With a `secret` only sealed snapshots are opened: else whoever stores them could swap one for an unsealed forgery.
 *
 * @example
 * const th = createTracehound({ secret, restore: await openSnapshot(bytes, { secret }) });
 */
export async function openSnapshot(bytes: Uint8Array, options: OpenSnapshotOptions = {}): Promise<OpenedSnapshot> {
  const { secret, formerSecrets } = readSecrets('openSnapshot secret', options?.secret);
  const unsealedToo = readUnsealed('openSnapshot', options) || secret === undefined;
  const own = readBytes(bytes);
  const sealed = readPrefix(own);
  if (!sealed && !unsealedToo) {
    throw invalidSnapshot(
      'seal',
      'none',
      'a sealed snapshot because a secret was given (or { unsealed: true })',
      'another',
    );
  }
  if (sealed && secret === undefined) throw invalidSnapshot('seal', 'closed', 'the secret that sealed it', 'none');
  const parts = splitImage(
    sealed ? await unsealAny(own, [secret as Uint8Array, ...formerSecrets]) : await unframe(own),
  );
  const claims = readHeader(parts.header);
  if (!sealed && claims.limiter !== null) {
    throw invalidSnapshot(
      'limiter',
      'not allowed',
      'none in an unsealed snapshot because its hash key is in it',
      'another',
    );
  }
  await proveImage(decodeSections(parts, claims), claims, subtleDigest);
  const { origin, size, root } = claims;
  return Object.freeze({ version: SNAPSHOT_VERSION, origin, size, root: toHex(root), sections: Object.freeze(parts) });
}

/** What an engine begins from. Throws when `opened` is not what `openSnapshot` returned. */
export function restorable(opened: OpenedSnapshot): Salvaged {
  const sections = opened.sections as OpenedSnapshot['sections'] | null | undefined;
  const header = sections?.header;
  if (opened.version !== SNAPSHOT_VERSION || !sections || !(header instanceof Uint8Array)) {
    throw new TypeError(`restore: wrong kind, expected what openSnapshot returned, got another ${kindOf(opened)}`);
  }
  return decodeSections(sections, readHeader(header));
}

/** A copy: what was verified must be what is used, whatever the caller does with its bytes meanwhile. */
function readBytes(bytes: unknown): Bytes {
  if (!isBytes(bytes)) throw new TypeError(`openSnapshot: wrong kind, expected a Uint8Array, got ${kindOf(bytes)}`);
  const view = captureBytes(bytes, BYTES_MAX);
  if (view === undefined) throw invalidSnapshot('bytes', 'unreadable', 'a snapshot', 'a detached buffer');
  if (typeof view === 'number') throw invalidSnapshot('bytes', 'too many', `≤ ${BYTES_MAX}`, `${view}`);
  return new Uint8Array(view);
}

/** Whether it is sealed. */
function readPrefix(own: Bytes): boolean {
  if (own.length < PREFIX_BYTES || MAGIC.some((byte, i) => own[i] !== byte)) {
    throw invalidSnapshot('prefix', 'not a snapshot', 'bytes that begin with THSNAP', 'another');
  }
  const view = new DataView(own.buffer);
  const version = view.getUint16(VERSION_AT);
  if (version !== SNAPSHOT_VERSION) {
    throw invalidSnapshot('prefix', 'another version', `${SNAPSHOT_VERSION}`, `${version}`);
  }
  const flags = view.getUint16(FLAGS_AT);
  if ((flags & ~FLAG_SEALED) !== 0) throw invalidSnapshot('prefix', 'unknown flags', `0 or ${FLAG_SEALED}`, `${flags}`);
  return flags === FLAG_SEALED;
}

/** Under the first secret that opens it. */
async function unsealAny(own: Bytes, secrets: readonly Uint8Array[]): Promise<Bytes> {
  let failure: unknown;
  for (const secret of secrets) {
    try {
      return await unseal(own, secret);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

async function unseal(own: Bytes, secret: Uint8Array): Promise<Bytes> {
  if (own.length < PREFIX_BYTES + TAG_BYTES) throw invalidSnapshot('seal', 'cut short', 'at least its tag', 'another');
  let key: CryptoKey;
  try {
    key = await keyFor(secret, 'decrypt');
  } catch (cause) {
    throw new TracehoundError('RUNTIME_FAILED', 'snapshot: not opened, expected AES-GCM, got an error', { cause });
  }
  try {
    const prefix = own.subarray(0, PREFIX_BYTES);
    return new Uint8Array(await crypto.subtle.decrypt(sealParams(prefix), key, own.subarray(PREFIX_BYTES)));
  } catch (cause) {
    throw invalidSnapshot('seal', 'broken', 'the secret that sealed it and unchanged bytes', 'another', cause);
  }
}

async function unframe(own: Bytes): Promise<Bytes> {
  const end = own.length - DIGEST_BYTES;
  if (end < PREFIX_BYTES) throw invalidSnapshot('digest', 'cut short', 'at least 32 bytes', 'another');
  const expected = await subtleDigest(own.subarray(0, end));
  if (compareBytes(expected, 0, own, end, DIGEST_BYTES) !== 0)
    throw invalidSnapshot('digest', 'another', 'unchanged bytes', 'another');
  return own.subarray(PREFIX_BYTES, end);
}

// ── the header ────────────────────────────────────────────────────────────────────────────────────

/** The header's bytes, and every section that it names. */
function splitImage(image: Uint8Array): Sections & { readonly header: Uint8Array } {
  const cursor = new Cursor(image, 'image');
  const headerBytes = cursor.u32();
  if (headerBytes > HEADER_BYTES_MAX) {
    throw invalidSnapshot('header', 'too long', `≤ ${HEADER_BYTES_MAX} bytes`, `${headerBytes}`);
  }
  const header = cursor.take(headerBytes);
  const parts: { header: Uint8Array } & { [name in SectionName]?: Uint8Array } = { header };
  for (const { name, bytes } of readHeader(header).table) parts[name] = cursor.take(bytes);
  cursor.end();
  return parts;
}

type Table = readonly { readonly name: SectionName; readonly bytes: number }[];

function readHeader(bytes: Uint8Array): Claims & { readonly table: Table } {
  const { abi, origin, size, root, limiter, sections } = parseHeader(bytes);
  if (abi !== ABI_VERSION) throw invalidSnapshot('header', 'another ABI version', `${ABI_VERSION}`, `${Number(abi)}`);
  if (typeof origin !== 'string' || origin === '' || new TextEncoder().encode(origin).length > ORIGIN_BYTES_MAX) {
    throw invalidSnapshot('header', 'unusable origin', `1 to ${ORIGIN_BYTES_MAX} bytes of text`, 'another');
  }
  if (!isInteger(size, 1, Number.MAX_SAFE_INTEGER))
    throw invalidSnapshot('header', 'unusable size', 'records ≥ 1', 'another');
  const head = typeof root === 'string' ? fromHex(root) : undefined;
  if (head?.length !== 32) throw invalidSnapshot('header', 'unusable root', '32 bytes of hex', 'another');
  const geometry = readGeometry(limiter);
  return { origin, size, root: head, limiter: geometry, table: readTable(sections, geometry !== null) };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw invalidSnapshot('header', 'unreadable', 'JSON', 'other text', cause);
  }
  // One spelling only, so that nothing can hide in a second one.
  const again = canonicalise(value, HEADER_BYTES_MAX);
  if (!again.ok || again.bytes.length !== bytes.length || compareBytes(again.bytes, 0, bytes, 0, bytes.length) !== 0) {
    throw invalidSnapshot('header', 'not canonical', 'RFC 8785', 'another spelling');
  }
  if (typeof value !== 'object' || value === null)
    throw invalidSnapshot('header', 'not an object', 'one', 'another value');
  return value as Record<string, unknown>;
}

const isInteger = (value: unknown, least: number, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;

function readGeometry(value: unknown): LimiterGeometry | null {
  if (value === null) return null;
  const { windowMs, limit, maxSources, ipv6Prefix } = (value ?? {}) as Record<string, unknown>;
  if (
    isInteger(windowMs, 32, 2 ** 40) &&
    isInteger(limit, 1, 2 ** 31 - 1) &&
    isInteger(maxSources, WAYS_MIN, WAYS_MAX) &&
    isInteger(ipv6Prefix, 1, 128)
  ) {
    return { windowMs, limit, maxSources, ipv6Prefix };
  }
  throw invalidSnapshot('header', 'unusable limiter', 'null or its four numbers', 'another');
}

/** Every section is known, there once and in its place; the limiter's exactly when its geometry is there. */
function readTable(value: unknown, limited: boolean): Table {
  const expected = SECTION_NAMES.filter((name) => name !== 'limiter' || limited);
  const entries = Array.isArray(value) ? (value as unknown[]) : [];
  if (entries.length !== expected.length)
    throw invalidSnapshot('header', 'other sections', `${expected.join(', ')}`, 'another');
  return expected.map((name, i) => {
    const entry = (entries[i] ?? {}) as Record<string, unknown>;
    if (entry.name !== name) throw invalidSnapshot('header', 'other sections', `${expected.join(', ')}`, 'another');
    if (entry.version !== SECTION_VERSIONS[name]) {
      throw invalidSnapshot(name, 'another version', `${SECTION_VERSIONS[name]}`, `${Number(entry.version)}`);
    }
    if (!isInteger(entry.bytes, 0, BYTES_MAX)) throw invalidSnapshot(name, 'unusable length', 'bytes ≥ 0', 'another');
    return { name, bytes: entry.bytes };
  });
}

// ── options ───────────────────────────────────────────────────────────────────────────────────────

function readUnsealed(part: string, options: unknown): boolean {
  if (options === undefined) return false;
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${part} options: wrong kind, expected an object, got ${kindOf(options)}`);
  }
  const { unsealed } = options as { unsealed?: unknown };
  if (unsealed === undefined || typeof unsealed === 'boolean') return unsealed === true;
  throw new TypeError(`${part} unsealed: wrong kind, expected a boolean, got ${kindOf(unsealed)}`);
}
