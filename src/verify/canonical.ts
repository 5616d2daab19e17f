/**
 * Canonical JSON (RFC 8785) of a known shape, read as it streams by. Canonical text has its keys sorted, each once, and no white
 * space, so between two values there is exactly one text that may stand: a key twice, in another place, or one that nobody
 * knows is simply another text.
 *
 * Relies on: the language's JSON for one string at a time. Refuses: to hold more than one value and one chunk, and whatever
 * is spelt otherwise; by throwing `LOG_INVALID` with the part's name.
 */
import { invalid } from './json';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPELLING = 'canonical JSON (RFC 8785)';

export class CanonicalText {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #bytesMax: number;
  readonly #part: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;
  #total = 0;

  constructor(chunks: AsyncIterable<Uint8Array>, part: string, bytesMax: number) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#part = part;
    this.#bytesMax = bytesMax;
  }

  /** The next byte, not taken; `undefined` at the end. */
  async peek(): Promise<number | undefined> {
    return (await this.#fill()) ? this.#chunk[this.#at] : undefined;
  }

  /** Takes exactly this text. */
  async literal(text: string, part: string = this.#part): Promise<void> {
    if (this.#takes(text)) return;
    for (let i = 0; i < text.length; i++) {
      if ((await this.peek()) !== text.charCodeAt(i)) {
        const problem = (await this.peek()) === undefined ? 'cut short' : 'another text';
        throw invalid(part, problem, `${text.replace(/^[,{]+/, '')} next, in ${SPELLING}`);
      }
      this.#at++;
    }
  }

  /** Takes a text that lies in the chunk whole, without waiting: a bundle has a dozen for each record. */
  #takes(text: string): boolean {
    if (this.#chunk.length - this.#at < text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.#chunk[this.#at + i] !== text.charCodeAt(i)) return false;
    this.#at += text.length;
    return true;
  }

  /** Takes this text if it stands there: it differs from what else may stand there in its first byte. */
  async has(text: string, part?: string): Promise<boolean> {
    if ((await this.peek()) !== text.charCodeAt(0)) return false;
    await this.literal(text, part);
    return true;
  }

  /** A string of at most `bytesMax` bytes as it is spelt. */
  async string(part: string, bytesMax: number): Promise<string> {
    const pieces: Uint8Array[] = [];
    let length = 0;
    let isEscaped = false;
    await this.literal('"', part);
    for (;;) {
      if (!(await this.#fill())) throw invalid(part, 'cut short', 'the end of a string');
      const from = this.#at;
      let end = from;
      for (; end < this.#chunk.length; end++) {
        const byte = this.#chunk[end]!;
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) break;
      }
      pieces.push(this.#chunk.slice(from, end));
      length += end - from;
      this.#at = end;
      if (length > bytesMax) throw invalid(part, 'too long', `≤ ${bytesMax} bytes`);
      if (end < this.#chunk.length) break;
    }
    this.#at++;
    return stringOf(part, pieces);
  }

  /** The characters of a string without escapes, in pieces, as they come. */
  async *ascii(part: string): AsyncGenerator<Uint8Array> {
    await this.literal('"', part);
    for (;;) {
      if (!(await this.#fill())) throw invalid(part, 'cut short', 'the end of a string');
      const quote = this.#chunk.indexOf(QUOTE, this.#at);
      const end = quote < 0 ? this.#chunk.length : quote;
      const piece = this.#chunk.subarray(this.#at, end);
      this.#at = end;
      if (piece.length > 0) yield piece;
      if (quote < 0) continue;
      this.#at++;
      return;
    }
  }

  /** An integer ≥ 0 below 2⁵³, in its one spelling. */
  async integer(part: string): Promise<number> {
    let digits = '';
    for (let byte = await this.peek(); byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = await this.peek()) {
      digits += String.fromCharCode(byte);
      this.#at++;
      if (digits.length > 16) break;
    }
    const value = /^(?:0|[1-9]\d*)$/.test(digits) ? Number(digits) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw invalid(part, 'wrong', 'an integer ≥ 0');
    return value;
  }

  /** Nothing may follow. */
  async end(): Promise<void> {
    if ((await this.peek()) !== undefined) throw invalid(this.#part, 'more behind its end', `the end, in ${SPELLING}`);
  }

  /** Gives the source up before its end. */
  async stop(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #fill(): Promise<boolean> {
    while (this.#at === this.#chunk.length) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#chunk = value;
      this.#at = 0;
      this.#total += value.length;
      if (this.#total > this.#bytesMax) throw invalid(this.#part, 'too long', `≤ ${this.#bytesMax} bytes`);
    }
    return true;
  }
}

function stringOf(part: string, pieces: readonly Uint8Array[]): string {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let value: unknown;
  let text: string;
  try {
    text = `"${pieces.map((piece) => decoder.decode(piece, { stream: true })).join('')}${decoder.decode()}"`;
    value = JSON.parse(text);
  } catch {
    // The parser's message would show the text.
    throw invalid(part, 'no text', `a string in UTF-8, in ${SPELLING}`);
  }
  if (typeof value !== 'string' || JSON.stringify(value) !== text) {
    throw invalid(part, 'a string spelt otherwise', SPELLING);
  }
  return value;
}

// ── base64 ────────────────────────────────────────────────────────────────────────────────────────

const QUANTUM = 4;
/** Characters that are decoded at a time: a whole number of quanta. */
const PIECE = 65_536;

/** The bytes of base64 that comes in pieces of any length; `decode` answers `undefined` for what is none. */
export async function* decodedPieces(
  pieces: AsyncIterable<Uint8Array>,
  decode: (text: string) => Uint8Array | undefined,
  refuse: () => Error,
): AsyncGenerator<Uint8Array> {
  const ascii = new TextDecoder('latin1');
  let rest = '';
  let isPadded = false;
  const take = (text: string): Uint8Array => {
    const bytes = isPadded ? undefined : decode(text);
    if (bytes === undefined) throw refuse();
    isPadded = text.endsWith('=');
    return bytes;
  };
  for await (const piece of pieces) {
    for (let from = 0; from < piece.length; from += PIECE) {
      rest += ascii.decode(piece.subarray(from, from + PIECE));
      const whole = rest.length - (rest.length % QUANTUM);
      if (whole > 0) yield take(rest.slice(0, whole));
      rest = rest.slice(whole);
    }
  }
  if (rest !== '') throw refuse();
}
