/**
 * Who is asking, canonically, by regular expressions and lists of numbers: the slow version of assembly/address.ts.
 *
 * Relies on: nothing. Refuses: to guess — what is not strictly an address is not an address.
 */

export const UNKNOWN = 0;
export const TEXT = 1;
export const ADDRESS = 2;
export const KEY = 3;

export const DOMAIN_UNKNOWN = 0;
export const DOMAIN_KEY = 1;
export const DOMAIN_IPV4 = 4;
export const DOMAIN_IPV6 = 6;

export interface Identity {
  /** Domain byte and canonical bytes, ungrouped. */
  tag: number[];
  /** The same with IPv6 cut to the prefix. */
  key: number[];
}

export function identify(kind: number, source: Uint8Array, prefix: number): Identity {
  const unknown = { tag: [DOMAIN_UNKNOWN], key: [DOMAIN_UNKNOWN] };
  if (kind === UNKNOWN || source.length === 0) return unknown;
  if (kind !== KEY) {
    const address = parseAddress(String.fromCharCode(...source));
    if (address?.length === 4) return { tag: [DOMAIN_IPV4, ...address], key: [DOMAIN_IPV4, ...address] };
    if (address) return { tag: [DOMAIN_IPV6, ...address], key: [DOMAIN_IPV6, ...cut(address, prefix)] };
    if (kind === ADDRESS) return unknown;
  }
  return { tag: [DOMAIN_KEY, ...source], key: [DOMAIN_KEY, ...source] };
}

/** Dotted quad, eight full hextets, the key as it is, or nothing. */
export function canonicalText(tag: readonly number[]): number[] {
  const [domain, ...bytes] = tag;
  if (domain === DOMAIN_KEY) return bytes;
  const letters = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
  if (domain === DOMAIN_IPV4) return letters(bytes.join('.'));
  if (domain === DOMAIN_UNKNOWN) return [];
  return letters(
    Array.from({ length: 8 }, (_, i) => (bytes[2 * i]! * 256 + bytes[2 * i + 1]!).toString(16).padStart(4, '0')).join(
      ':',
    ),
  );
}

/** The bytes that the prefix reaches, what is behind it zero. */
const cut = (address: number[], prefix: number): number[] =>
  address
    .slice(0, Math.ceil(prefix / 8))
    .map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - 8 * i))) & 0xff);

/** 4 or 16 bytes; undefined if it is not strictly an address. */
export function parseAddress(text: string): number[] | undefined {
  const plain = /^([^:]*)(?::([0-9]+))?$/.exec(text);
  const quad = plain && parseQuad(plain[1]!);
  if (quad) return isPort(plain[2]) ? quad : undefined;
  const bracketed = /^\[([^\]]*)\](?::([0-9]+))?$/.exec(text);
  if (bracketed) return isPort(bracketed[2]) ? carried(parseHextets(bracketed[1]!)) : undefined;
  return carried(parseHextets(text));
}

const isPort = (port: string | undefined): boolean =>
  port === undefined || (/^[1-9][0-9]{0,4}$/.test(port) && +port <= 65_535);

function parseQuad(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && +part <= 255))
    return undefined;
  return parts.map(Number);
}

function parseHextets(text: string): number[] | undefined {
  const zoned = /^([^%]*)(%[\x21-\x5a\x5c\x5e-\x7e]+)?$/.exec(text);
  if (!zoned) return undefined;
  let groups = zoned[1]!;
  const quad = /^(.*:)([^:]*\.[^:]*)$/.exec(groups);
  if (quad) {
    const bytes = parseQuad(quad[2]!);
    if (!bytes) return undefined;
    const pair = (i: number): string => (bytes[i]! * 256 + bytes[i + 1]!).toString(16);
    groups = `${quad[1]}${pair(0)}:${pair(2)}`;
  }
  const halves = groups.split('::');
  if (halves.length > 2) return undefined;
  const lists = halves.map((half) => (half === '' ? [] : half.split(':')));
  const count = lists.reduce((sum, list) => sum + list.length, 0);
  if (halves.length === 1 ? count !== 8 : count > 7) return undefined;
  if (!lists.flat().every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const zeros = new Array<string>(8 - count).fill('0');
  return [...lists[0]!, ...zeros, ...(lists[1] ?? [])].flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** The IPv4 address inside mapped, compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056) addresses. */
function carried(address: number[] | undefined): number[] | undefined {
  if (!address) return undefined;
  const starts = (...head: number[]): boolean => head.every((byte, i) => address[i] === byte);
  const zeros = (count: number): number[] => new Array<number>(count).fill(0);
  if (starts(...zeros(10), 0xff, 0xff)) return address.slice(12);
  if (starts(...zeros(12)) && address[12] !== 0) return address.slice(12);
  if (starts(0x00, 0x64, 0xff, 0x9b, ...zeros(8))) return address.slice(12);
  if (starts(0x20, 0x02)) return address.slice(2, 6);
  return address;
}
