/**
 * Where a source is decided about: one place for all its spellings, and one that nobody can choose without the secret.
 *
 * Relies on: the same canonical form as the core's limiter (DESIGN §4 *Sources*), IPv6 grouped by `ipv6Prefix`; a keyed
 * hash of the instance. Refuses: to tell an address to whoever reads the place.
 */

import { addressOf, masked } from '../formats/address';
import { toHex } from '../formats/bytes';
import type { Source } from '../types/index';
import { readSource } from './scent';

const IPV6_BYTES = 16;
/** As `createTracehound` has it. */
const IPV6_PREFIX = 56;

/** What is asked of the instance: a keyed hash of a source. */
interface Hasher {
  readonly http: { readonly limits: { partition(source: Source): Uint8Array } };
}

/** Eight keyed bytes: equal for two sources exactly when the limiter counts them as one. */
export function placeOf({ http }: Hasher, source: Source, ipv6Prefix: number = IPV6_PREFIX): Uint8Array {
  return http.limits.partition({ key: canonicalOf(source, ipv6Prefix) });
}

function canonicalOf(source: Source, ipv6Prefix: number): string {
  const { kind, text } = readSource(source);
  if (kind === 'key') return `key ${text}`;
  const address = kind === 'unknown' ? undefined : addressOf(text);
  if (address === undefined) return kind === 'text' ? `key ${text}` : 'unknown';
  return `address ${toHex(address.length === IPV6_BYTES ? masked(address, ipv6Prefix) : address)}`;
}
