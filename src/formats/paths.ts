/**
 * Where the objects of a log lie in a store: the names of C2SP tlog-tiles below a path that its origin gives.
 *
 * Relies on: nothing. Refuses: names that a file system, a URL or a store reads as something else.
 */

/** Hashes to a tile, entries to a bundle. */
export const TILE_WIDTH = 256;

/** `1234067` → `x001/x234/067`: no folder has more than a thousand entries. */
function numbered(index: number): string {
  const digits = (value: number): string => String(value % 1_000).padStart(3, '0');
  let path = digits(index);
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000))
    path = `x${digits(rest)}/${path}`;
  return path;
}

const partial = (width: number): string => (width < TILE_WIDTH ? `.p/${width}` : '');

/** Tile `index` of tile level `level` while it has `width` hashes, 1 … 256. */
export const tilePath = (level: number, index: number, width: number): string =>
  `tile/${level}/${numbered(index)}${partial(width)}`;

/** The records under tile `index` of level 0. */
export const entriesPath = (index: number, width: number): string => `tile/entries/${numbered(index)}${partial(width)}`;

/** Their sidecars. Not part of C2SP: who does not know them finds a complete log without them. */
export const detailsPath = (index: number, width: number): string => `tile/details/${numbered(index)}${partial(width)}`;

/** The records from `from` on that are signed and not yet in bundles (tail.ts). Not part of C2SP either. */
export const tailPath = (from: number): string => `tail/${numbered(from)}`;

/**
 * The path below which a log of this name lies in a store: its parts between `/`, bytes of UTF-8 outside `[A-Za-z0-9.-]` as
 * `_XX` in capital hexadecimal digits, `_` itself as `_5F`. Not `%XX`: static servers and networks of caches decode that
 * before they look for the file. A part that would be `.` or `..` has its dots so spelt, and one without a character is
 * `_`. No two names have one path.
 */
export function originPath(origin: string): string {
  return origin.split('/').map(pathPart).join('/');
}

function pathPart(part: string): string {
  if (part === '') return '_';
  const plain = part === '.' || part === '..' ? /[A-Za-z0-9-]/ : /[A-Za-z0-9.-]/;
  let path = '';
  for (const byte of new TextEncoder().encode(part)) {
    const character = String.fromCharCode(byte);
    path += plain.test(character) ? character : `_${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return path;
}

/** The name whose path this is; `undefined` when it is nobody's. */
export function pathOrigin(path: string): string | undefined {
  const parts = path.split('/').map((part) => (part === '_' ? '' : decodedPart(part)));
  const origin = parts.join('/');
  return originPath(origin) === path ? origin : undefined;
}

function decodedPart(part: string): string {
  const bytes = part.replace(/_([0-9A-F]{2})|[^\x20-\x7e]/g, (_, hex) =>
    hex === undefined ? '?' : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return new TextDecoder().decode(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
}
