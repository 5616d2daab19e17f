/**
 * An HTTP request as bytes again: `application/http` (RFC 9112 §10.1), within a budget.
 *
 * Relies on: nothing. Refuses: to let the content of one part begin another — CR, LF and NUL cannot be in a field,
 * white space cannot be in the target, and no field of the client can carry one of our own names.
 *
 *   POST /login?next=/ HTTP/1.1          start line: the target has half of the head's budget
 *   host: shop.example                   fields of the client, in their order, cut one by one
 *   Tracehound-Target: raw               our own, always after the client's
 *                                        empty line
 *   user=admin'--                        as much body as still fits
 *
 * @module
 */

/** One header field. */
export type Field = readonly [name: string, value: string];

/** Our own fields begin with this. A field of the client that does gets `untrusted-` in front. */
const OWN_PREFIX = 'tracehound-';

/** Methods are short words; what is longer than this is an attack on the reader. */
const METHOD_CHARACTERS_MAX = 64;
const NAME_CHARACTERS_MAX = 256;

/** In the place of a version that the platform does not say. It fits the grammar, and no protocol has it. */
const UNSAID = '0.0';

const CRLF: Uint8Array = new Uint8Array([0x0d, 0x0a]);

const isControl = (code: number): boolean => code === 0x0a || code === 0x0d || code === 0;
const isBlank = (code: number): boolean => code <= 0x20 || code === 0x7f;
const isNotToken = (code: number): boolean => !/[\w!#$%&'*+.^`|~-]/.test(String.fromCharCode(code));

/** Percent-encodes the characters that may not be where this text goes. */
function percentEncoded(text: string, unfit: (code: number) => boolean): string {
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!unfit(code)) continue;
    out += `${text.slice(from, at)}%${code.toString(16).toUpperCase().padStart(2, '0')}`;
    from = at + 1;
  }
  return from === 0 ? text : out + text.slice(from);
}

/**
 * The bytes of a text that came from the wire. Platforms show header bytes as the characters 0–255, so those are put
 * back one to one; a text with any other character was decoded by someone and is written as UTF-8.
 */
export function octets(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) return new TextEncoder().encode(text);
    bytes[at] = code;
  }
  return bytes;
}

/** The way back: one character per byte. */
export function characters(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4_096) text += String.fromCharCode(...bytes.subarray(at, at + 4_096));
  return text;
}

/** Several pieces as one, at most `max` bytes. */
export function joinedWithin(pieces: readonly Uint8Array[], max: number): Uint8Array {
  let bytes = 0;
  for (const piece of pieces) bytes += piece.byteLength;
  const whole = new Uint8Array(Math.min(bytes, max));
  let at = 0;
  for (const piece of pieces) {
    const room = whole.length - at;
    // A view costs more than the few bytes that most pieces have.
    const fit = piece.length <= room ? piece : piece.subarray(0, room);
    whole.set(fit, at);
    at += fit.length;
  }
  return whole;
}

/** The start line within `budget` bytes, and whether the target had to be cut for it. */
export function startLine(
  method: string,
  target: string,
  version: string | undefined,
  budget: number,
): { bytes: Uint8Array; cut: boolean } {
  const verb = percentEncoded(method.slice(0, METHOD_CHARACTERS_MAX), isNotToken);
  const tail = octets(` HTTP/${version ?? UNSAID}\r\n`);
  const head = octets(`${verb} `);
  const room = Math.max(0, budget - head.length - tail.length);
  const line = octets(percentEncoded(target.slice(0, room), isBlank));
  const cut = target.length > room || line.length > room;
  return { bytes: joinedWithin([head, line.subarray(0, room), tail], budget), cut };
}

/** What the client's fields became: their lines, and what had no room. */
export interface FieldLines {
  readonly lines: Uint8Array[];
  readonly bytes: number;
  /** Fields whose end is missing. */
  readonly cut: number;
  /** Fields that are missing altogether. */
  readonly dropped: number;
}

/**
 * Field lines within `budget` bytes, in the order they came. Names in `first` are given room before the others, so
 * that padding cannot push them out; no single field takes more than half of what there is.
 */
export function fieldLines(fields: readonly Field[], budget: number, first: ReadonlySet<string>): FieldLines {
  const places = new Array<Uint8Array | undefined>(fields.length);
  const share = budget >>> 1;
  let room = budget;
  let cut = 0;
  let dropped = 0;
  const place = (index: number): void => {
    const [name, value] = fields[index] as Field;
    const label = `${percentEncoded(name.slice(0, NAME_CHARACTERS_MAX), isNotToken)}: `;
    const most = Math.min(share, room) - 2;
    const own = label.toLowerCase().startsWith(OWN_PREFIX) ? 'untrusted-' : '';
    if (most < own.length + label.length) {
      dropped++;
      return;
    }
    const whole = octets(`${own}${label}${percentEncoded(value.slice(0, most), isControl)}\r\n`);
    const fits = whole.length - 2 <= most;
    if (value.length > most || !fits) cut++;
    const line = fits ? whole : joinedWithin([whole.subarray(0, most), CRLF], most + 2);
    places[index] = line;
    room -= line.length;
  };
  for (let index = 0; index < fields.length; index++) if (first.has(nameAt(fields, index))) place(index);
  for (let index = 0; index < fields.length; index++) if (!first.has(nameAt(fields, index))) place(index);
  const lines = places.filter((line) => line !== undefined);
  return { lines, bytes: budget - room, cut, dropped };
}

/** Our own fields, as they are: every value is one of a few words, a number, or was cut by who wrote it. */
export function ownLines(fields: readonly Field[]): Uint8Array {
  return octets(fields.map(([name, value]) => `Tracehound-${name}: ${percentEncoded(value, isControl)}\r\n`).join(''));
}

const nameAt = (fields: readonly Field[], index: number): string => (fields[index] as Field)[0].toLowerCase();
