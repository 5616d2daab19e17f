/**
 * IP addresses and ranges as the host needs them: to know a trusted peer, to look up a decision. The limiter has its own
 * reader in the core (`assembly/address.ts`); a test holds the two to the same spellings.
 *
 * Relies on: bytes. Refuses: to guess — leading zeros, missing groups and impossible ports are no address.
 *
 * An address is 4 or 16 bytes. IPv6 that carries an IPv4 address (mapped, compatible, NAT64 of RFC 6052, 6to4 of
 * RFC 3056) *is* that IPv4 address: a client must not leave a range by spelling itself differently.
 */
import { equalBytes } from './bytes';

/** Longest spelling that is read: 45 characters of address, a zone, brackets, a port. */
const TEXT_MAX = 128;

/** The bytes of an address, with or without port, brackets and zone; `undefined` if it is not strictly one. */
export function addressOf(text: string): Uint8Array | undefined {
  if (text.length > TEXT_MAX) return undefined;
  const plain = /^([\d.]+)(?::(\d+))?$/.exec(text);
  if (plain !== null) return isPort(plain[2]) ? quad(plain[1] as string) : undefined;
  const bracketed = /^\[([^\]]*)\](?::(\d+))?$/.exec(text);
  if (bracketed === null) return carried(hextets(text));
  return isPort(bracketed[2]) ? carried(hextets(bracketed[1] as string)) : undefined;
}

/** An address and how many of its bits count. */
export interface Range {
  readonly address: Uint8Array;
  readonly bits: number;
}

/**
 * `10.0.0.0/8`, `2001:db8::/32`, or a single address. `undefined` if it is neither, and if bits are set behind the
 * prefix: such a range is a typing mistake, and whoever trusts it would trust the wrong half of a network.
 */
export function rangeOf(text: string): Range | undefined {
  const [address, bits] = parsed(text) ?? [];
  if (address === undefined || bits === undefined) return undefined;
  return equalBytes(masked(address, bits), address) ? { address, bits } : undefined;
}

/** The network that `192.0.2.7/24` lies in: lists of others are not always tidy. */
export function networkOf(text: string): Range | undefined {
  const [address, bits] = parsed(text) ?? [];
  return address === undefined || bits === undefined ? undefined : { address: masked(address, bits), bits };
}

/** An address without port, brackets or zone, and a prefix that it can have. */
function parsed(text: string): [address: Uint8Array, bits: number] | undefined {
  const [, spelling, prefix] = /^([\d.]+|[\da-fA-F:.]*:[\da-fA-F:.]*:[\da-fA-F:.]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = spelling === undefined ? undefined : addressOf(spelling);
  if (spelling === undefined || address === undefined) return undefined;
  const most = address.length * 8;
  if (prefix === undefined) return [address, most];
  // `::ffff:10.0.0.0/104` is 10.0.0.0/8: the prefix shrinks with the address. Other carriers have no such reading.
  const mapped = most === 32 && spelling.includes(':');
  if (mapped && !/^::ffff:/i.test(spelling)) return undefined;
  const bits = Number(prefix) - (mapped ? 96 : 0);
  return bits >= 0 && bits <= most ? [address, bits] : undefined;
}

export function isWithin(address: Uint8Array, range: Range): boolean {
  return address.length === range.address.length && equalBytes(masked(address, range.bits), range.address);
}

/** The first `bits` bits, zeros behind them. */
export function masked(address: Uint8Array, bits: number): Uint8Array {
  return address.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * index))) & 0xff);
}

const isPort = (port: string | undefined): boolean =>
  port === undefined || (/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535);

function quad(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  if (!parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return Uint8Array.from(parts, Number);
}

function hextets(text: string): Uint8Array | undefined {
  const [, groups] = /^([\da-fA-F:.]+)(?:%[\x21-\x5a\x5c\x5e-\x7e]+)?$/.exec(text) ?? [];
  if (groups === undefined) return undefined;
  const last = groups.lastIndexOf(':');
  const tail = groups.slice(last + 1);
  const four = tail.includes('.') ? quad(tail) : undefined;
  if (tail.includes('.') && (four === undefined || last < 0)) return undefined;
  const halves = (four === undefined ? groups : `${groups.slice(0, last + 1)}${pair(four, 0)}:${pair(four, 2)}`).split(
    '::',
  );
  if (halves.length > 2) return undefined;
  const [head, rest] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[] | undefined];
  const count = head.length + (rest?.length ?? 0);
  if (rest === undefined ? count !== 8 : count > 7) return undefined;
  const all = [...head, ...new Array<string>(8 - count).fill('0'), ...(rest ?? [])];
  if (!all.every((group) => /^[\da-fA-F]{1,4}$/.test(group))) return undefined;
  const bytes = new Uint8Array(16);
  for (const [index, group] of all.entries()) {
    const value = Number.parseInt(group, 16);
    bytes[2 * index] = value >>> 8;
    bytes[2 * index + 1] = value & 0xff;
  }
  return bytes;
}

const pair = (bytes: Uint8Array, at: number): string =>
  ((bytes[at] as number) * 256 + (bytes[at + 1] as number)).toString(16);

/** The IPv4 address inside, where there is one. `::` and `::1` carry none: their first octet would be 0. */
function carried(address: Uint8Array | undefined): Uint8Array | undefined {
  if (address === undefined) return undefined;
  const zeros = (from: number, to: number): boolean => address.subarray(from, to).every((byte) => byte === 0);
  if (zeros(0, 10) && address[10] === 0xff && address[11] === 0xff) return address.slice(12);
  if (zeros(0, 12) && address[12] !== 0) return address.slice(12);
  if (address[0] === 0 && address[1] === 0x64 && address[2] === 0xff && address[3] === 0x9b && zeros(4, 12)) {
    return address.slice(12);
  }
  return address[0] === 0x20 && address[1] === 0x02 ? address.slice(2, 6) : address;
}
