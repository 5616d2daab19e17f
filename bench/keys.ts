/**
 * Source texts: half IPv4, half IPv6, a new string for every request, as a server makes them.
 *
 * Relies on: nothing. Refuses: repeats — every index below 2³¹ has a text of its own, and IPv6 texts differ within their
 * first 48 bits, so that counting them by prefix (ours, /56) merges none.
 *
 * - `joined`: built by concatenation. What a `Map` keeps of it is a rope, about 220 bytes more than its text.
 * - `flat`: cut from bytes, as a socket's address or a header's value is. The default of nothing, the friend of `Map`.
 */
export type KeyKind = 'joined' | 'flat';

export interface Keys {
  /** A new string with the text of `index`. */
  make(index: number): string;
}

const HEX4: readonly string[] = Array.from({ length: 65_536 }, (_, group) => group.toString(16).padStart(4, '0'));

function text(index: number): string {
  // Odd multipliers permute the 32-bit numbers: neighbours in index are strangers in text.
  const mixed = Math.imul(index, 0x9e3779b1) >>> 0;
  if ((index & 1) === 0) {
    return (mixed >>> 24) + '.' + ((mixed >>> 16) & 255) + '.' + ((mixed >>> 8) & 255) + '.' + (mixed & 255);
  }
  const tail = Math.imul(index, 0x85ebca6b) >>> 0;
  const prefix = '2a02:' + HEX4[mixed >>> 16] + ':' + HEX4[mixed & 0xffff];
  return prefix + ':' + HEX4[tail >>> 16] + ':0225:96ff:fe12:' + HEX4[tail & 0xffff];
}

/** Texts of the indexes below `count`. */
export function keys(kind: KeyKind, count: number): Keys {
  if (kind === 'joined') return { make: text };
  const ends = new Uint32Array(count + 1);
  for (let index = 0; index < count; index++) ends[index + 1] = ends[index]! + text(index).length;
  const pool = Buffer.allocUnsafe(ends[count]!);
  for (let index = 0; index < count; index++) pool.write(text(index), ends[index]!, 'latin1');
  // The binding below `toString`: half its cost, and what a server's parser does.
  const bytes = pool as unknown as { latin1Slice(from: number, to: number): string };
  return { make: (index) => bytes.latin1Slice(ends[index]!, ends[index + 1]!) };
}
