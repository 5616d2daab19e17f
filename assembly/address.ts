/**
 * Who is asking, by bits: every spelling of one address becomes the same few bytes, and nothing else becomes them.
 *
 * Relies on: bytes that the host wrote and measured. Refuses: to guess — leading zeros, impossible ports, surrounding
 * spaces are not an address; and to parse a key. A key is hashed where it lies, so the byte before it must be ours.
 */
import * as abi from './abi';
import { bytesCopy } from './bytes';
import { hold } from './panic';

const DOT: u32 = 0x2e;
const ZERO: u32 = 0x30;
const COLON: u32 = 0x3a;
const PERCENT: u32 = 0x25;
const BRACKET_OPEN: u32 = 0x5b;
const BRACKET_CLOSE: u32 = 0x5d;

/**
 * From '0' to 'f': the value of a hexadecimal digit, 0xff for what is none. Digits and letters alternate at random, so
 * comparing would be mispredicted every third time; loading is not.
 */
const DIGITS: u32 = <u32>(
  memory.data<u8>([
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 0x0b,
    0x0c, 0x0d, 0x0e, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
  ])
);
const DIGITS_BYTES: u32 = 55;

@unmanaged
class Identity {
  tagAt: u32;
  tagBytes: u32;
  keyAt: u32;
  keyBytes: u32;
}
if (offsetof<Identity>('tagAt') != abi.IDENTITY_TAG_AT) ERROR('IDENTITY_TAG_AT');
if (offsetof<Identity>('tagBytes') != abi.IDENTITY_TAG_BYTES) ERROR('IDENTITY_TAG_BYTES');
if (offsetof<Identity>('keyAt') != abi.IDENTITY_KEY_AT) ERROR('IDENTITY_KEY_AT');
if (offsetof<Identity>('keyBytes') != abi.IDENTITY_KEY_BYTES) ERROR('IDENTITY_KEY_BYTES');
if (offsetof<Identity>() != abi.IDENTITY_TAG) ERROR('IDENTITY_TAG');
if (abi.IDENTITY_TAG + 17 > abi.IDENTITY_KEY || abi.IDENTITY_KEY + 17 > abi.IDENTITY_BYTES) ERROR('IDENTITY_BYTES');

/** Leaves tag and key of a source in IDENTITY. `prefix`: bits of an IPv6 address that make one source, 1 … 128. */
export function sourceRead(kind: u32, at: u32, bytes: u32, prefix: u32): void {
  hold(kind <= <u32>abi.SOURCE_KEY, abi.PANIC_INBOX);
  hold(bytes <= <u32>abi.SOURCE_BYTES_MAX, abi.PANIC_INBOX);
  const tag: u32 = abi.IDENTITY_AT + abi.IDENTITY_TAG;
  if (kind == abi.SOURCE_UNKNOWN || bytes == 0) {
    point(tag, abi.DOMAIN_UNKNOWN, 0);
    return;
  }
  if (kind != abi.SOURCE_KEY) {
    const found = addressRead(at, at + bytes, tag + 1);
    if (found != 0) {
      point(tag, found == 4 ? abi.DOMAIN_IPV4 : abi.DOMAIN_IPV6, found);
      if (found == 16) group(prefix);
      return;
    }
    if (kind == abi.SOURCE_ADDRESS) {
      point(tag, abi.DOMAIN_UNKNOWN, 0);
      return;
    }
  }
  point(at - 1, abi.DOMAIN_KEY, bytes);
}

/** The ungrouped identity: what the log's source tag is made of. */
export function sourceTagAt(): u32 {
  return changetype<Identity>(abi.IDENTITY_AT).tagAt;
}

export function sourceTagBytes(): u32 {
  return changetype<Identity>(abi.IDENTITY_AT).tagBytes;
}

/** Does the source share its limit with other addresses? */
export function sourceIsGrouped(): bool {
  const identity = changetype<Identity>(abi.IDENTITY_AT);
  return identity.keyAt != identity.tagAt || identity.keyBytes != identity.tagBytes;
}

/** The limiter's key: the same, IPv6 cut to the prefix. */
export function sourceKeyAt(): u32 {
  return changetype<Identity>(abi.IDENTITY_AT).keyAt;
}

export function sourceKeyBytes(): u32 {
  return changetype<Identity>(abi.IDENTITY_AT).keyBytes;
}

/** Writes the ungrouped source as text to `out`, at most max(39, its own bytes); returns the bytes. */
export function canonicalText(out: u32): u32 {
  const identity = changetype<Identity>(abi.IDENTITY_AT);
  const domain: u32 = load<u8>(identity.tagAt);
  const from: u32 = identity.tagAt + 1;
  if (domain == abi.DOMAIN_KEY) {
    memory.copy(out, from, identity.tagBytes - 1);
    return identity.tagBytes - 1;
  }
  let to = out;
  if (domain == abi.DOMAIN_IPV4) {
    for (let i: u32 = 0; i < 4; i++) {
      if (i > 0) store<u8>(to++, DOT);
      to = decimal(to, load<u8>(from + i));
    }
  }
  if (domain == abi.DOMAIN_IPV6) {
    for (let i: u32 = 0; i < 16; i++) {
      if (i > 0 && (i & 1) == 0) store<u8>(to++, COLON);
      const byte: u32 = load<u8>(from + i);
      store<u8>(to++, hexDigit(byte >> 4));
      store<u8>(to++, hexDigit(byte & 15));
    }
  }
  return to - out;
}

function point(at: u32, domain: u32, bytes: u32): void {
  const identity = changetype<Identity>(abi.IDENTITY_AT);
  store<u8>(at, domain);
  identity.tagAt = at;
  identity.tagBytes = bytes + 1;
  identity.keyAt = at;
  identity.keyBytes = bytes + 1;
}

/**
 * The limiter's key of an IPv6 source: a customer owns a whole prefix, not one address. Only the bytes that the prefix
 * reaches are hashed; a prefix of whole bytes is the head of the tag and is not even copied.
 */
function group(prefix: u32): void {
  const identity = changetype<Identity>(abi.IDENTITY_AT);
  if (prefix >= 128) return;
  const bytes: u32 = (prefix + 7) >> 3;
  identity.keyBytes = bytes + 1;
  const spare: u32 = (bytes << 3) - prefix;
  if (spare == 0) return;
  const key: u32 = abi.IDENTITY_AT + abi.IDENTITY_KEY;
  bytesCopy(key, identity.tagAt, bytes + 1);
  store<u8>(key + bytes, <u32>load<u8>(key + bytes) & (0xff << spare));
  identity.keyAt = key;
}

/** 4 or 16, and so many bytes at `out`; 0 if the text is not strictly an address. */
function addressRead(from: u32, end: u32, out: u32): u32 {
  const quad = quadRead(from, end, out);
  if (quad != 0) return portEnds(quad, end) ? 4 : 0;
  const bracketed = load<u8>(from) == BRACKET_OPEN;
  let at = hextetsRead(bracketed ? from + 1 : from, end, out);
  if (at == 0) return 0;
  if (byteAt(at, end) == PERCENT) {
    const zone = ++at;
    while (isZone(byteAt(at, end))) at++;
    if (at == zone) return 0;
  }
  if (bracketed) {
    if (byteAt(at, end) != BRACKET_CLOSE || !portEnds(at + 1, end)) return 0;
  } else if (at != end) return 0;
  return carried(out);
}

/** Dotted quad, strictly: no leading zeros, no other bases. Returns where it stopped; 0 if there is none. */
function quadRead(from: u32, end: u32, out: u32): u32 {
  let at = from;
  for (let i: u32 = 0; i < 4; i++) {
    if (i > 0 && byteAt(at++, end) != DOT) return 0;
    const first = at;
    let value: u32 = 0;
    for (; ; at++) {
      const digit = byteAt(at, end) - ZERO;
      if (digit > 9) break;
      if (at != first && value == 0) return 0;
      value = value * 10 + digit;
      if (value > 255) return 0;
    }
    if (at == first) return 0;
    store<u8>(out + i, value);
  }
  return at;
}

/** Nothing, or `:1` … `:65535`, and then the end. */
function portEnds(from: u32, end: u32): bool {
  if (from == end) return true;
  if (byteAt(from, end) != COLON) return false;
  let port: u32 = 0;
  for (let at = from + 1; at < end; at++) {
    const digit = byteAt(at, end) - ZERO;
    if (digit > 9 || (digit == 0 && port == 0)) return false;
    port = port * 10 + digit;
    if (port > 65_535) return false;
  }
  return port > 0;
}

/** Up to eight groups with at most one `::` and perhaps a dotted quad as the last two; 0 if they are not that. */
function hextetsRead(from: u32, end: u32, out: u32): u32 {
  let at = from;
  let count: u32 = 0;
  let gap: i32 = -1;
  let expected = true;
  if (byteAt(at, end) == COLON && byteAt(at + 1, end) == COLON) {
    gap = 0;
    expected = false;
    at += 2;
  }
  while (count < 8) {
    const first = at;
    let value: u32 = 0;
    // The loop over letters calls nothing: this is where the time of an IPv6 source goes.
    for (const stop: u32 = min<u32>(end, first + 5); at < stop; at++) {
      const index: u32 = <u32>load<u8>(at) - ZERO;
      if (index >= DIGITS_BYTES) break;
      const digit: u32 = load<u8>(DIGITS + index);
      if (digit > 15) break;
      value = (value << 4) | digit;
    }
    if (at == first) break;
    const letter = byteAt(at, end);
    if (letter == DOT) {
      if (count > 6) return 0;
      at = quadRead(first, end, out + (count << 1));
      if (at == 0) return 0;
      count += 2;
      expected = false;
      break;
    }
    if (at - first > 4) return 0;
    store<u8>(out + (count << 1), value >> 8);
    store<u8>(out + (count << 1) + 1, value);
    count++;
    expected = letter == COLON;
    if (!expected) break;
    at++;
    if (byteAt(at, end) == COLON) {
      if (gap >= 0) return 0;
      gap = count;
      expected = false;
      at++;
    }
  }
  if (expected) return 0;
  if (gap < 0) return count == 8 ? at : 0;
  if (count == 8) return 0;
  // The groups behind `::` move to the end; zeros fill the gap.
  const behind: u32 = (count - gap) << 1;
  memory.copy(out + 16 - behind, out + (gap << 1), behind);
  memory.fill(out + (gap << 1), 0, (8 - count) << 1);
  return at;
}

/**
 * Mapped ::ffff:0:0/96 and compatible ::a.b.c.d (RFC 4291 §2.5.5), NAT64 64:ff9b::/96 (RFC 6052) and 6to4 2002::/16
 * (RFC 3056) become the IPv4 address they carry: else one client has as many keys as spellings, or one gateway's
 * clients share a key. `::` and `::1` carry none.
 */
function carried(out: u32): u32 {
  const word0 = wordAt(out);
  if (word0 >> 16 == 0x2002) {
    bytesCopy(out, out + 2, 4);
    return 4;
  }
  const translated = word0 == 0x0064_ff9b;
  if ((word0 != 0 && !translated) || wordAt(out + 4) != 0) return 16;
  const word2 = wordAt(out + 8);
  const mapped = word2 == 0x0000_ffff;
  const compatible = word2 == 0 && load<u8>(out + 12) != 0;
  if (translated ? word2 != 0 : !mapped && !compatible) return 16;
  bytesCopy(out, out + 12, 4);
  return 4;
}

/** The byte, or one that fits nowhere at the end. */
function byteAt(at: u32, end: u32): u32 {
  return at < end ? <u32>load<u8>(at) : 0xff;
}

function wordAt(at: u32): u32 {
  return (
    ((<u32>load<u8>(at)) << 24) |
    ((<u32>load<u8>(at + 1)) << 16) |
    ((<u32>load<u8>(at + 2)) << 8) |
    <u32>load<u8>(at + 3)
  );
}

/** Printable ASCII without brackets: whatever an operating system names its interfaces. */
function isZone(letter: u32): bool {
  return letter > 0x20 && letter < 0x7f && letter != BRACKET_OPEN && letter != BRACKET_CLOSE;
}

function hexDigit(value: u32): u32 {
  return value < 10 ? ZERO + value : 0x57 + value;
}

function decimal(at: u32, value: u32): u32 {
  let to = at;
  if (value > 99) store<u8>(to++, ZERO + value / 100);
  if (value > 9) store<u8>(to++, ZERO + ((value / 10) % 10));
  store<u8>(to++, ZERO + (value % 10));
  return to;
}
