/**
 * Evidence for people to read, as it comes in pieces: text line by line, anything else as bytes in rows of sixteen.
 *
 * Relies on: text. Refuses: to hold more than a line, of which it shows the beginning, and to print what could do anything.
 */
import { harmless, hexRow, hexTotal } from './text';

/** Longer than any line that people read; what is longer is broken. */
const LINE_MAX = 65_536;
const ROW_BYTES = 16;

export class Payload {
  #isText: boolean;
  #decoder = decoder();
  /** What the last piece left over: of a line, or of a row. */
  #line = '';
  #row: number[] = [];
  #at = 0;
  #isBegun = false;
  /** Some line has ended: nothing behind the last end is no line. */
  #isEnded = false;

  constructor(hex: boolean) {
    this.#isText = !hex;
  }

  /** Looks at a piece, in a first reading: bytes that are no UTF-8 make all of it bytes. */
  look(piece: Uint8Array): void {
    if (!this.#isText) return;
    try {
      this.#decoder.decode(piece, { stream: true });
    } catch {
      this.#isText = false;
    }
  }

  /** The lines that a piece completes. */
  *lines(piece: Uint8Array): Generator<string> {
    this.#begin();
    if (this.#isText) yield* this.#text(this.#decoder.decode(piece, { stream: true }));
    else yield* this.#bytes(piece);
  }

  /** What is left. */
  *end(): Generator<string> {
    this.#begin();
    if (this.#isText) {
      if (this.#line !== '' || !this.#isEnded) yield harmless(this.#line);
      return;
    }
    if (this.#row.length > 0) yield hexRow(this.#at, this.#row);
    yield hexTotal(this.#at + this.#row.length);
  }

  /** The first reading has ended: the last piece may have left half a character. */
  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    this.look(new Uint8Array(0));
    try {
      this.#decoder.decode();
    } catch {
      this.#isText = false;
    }
    this.#decoder = decoder();
  }

  // A carriage return is shown: \r\n and \n are different attacks.
  *#text(more: string): Generator<string> {
    const lines = (this.#line + more).split('\n');
    this.#line = lines.pop() as string;
    for (const line of lines) yield* broken(line);
    this.#isEnded ||= lines.length > 0;
    while (this.#line.length > LINE_MAX) {
      yield harmless(this.#line.slice(0, LINE_MAX));
      this.#line = this.#line.slice(LINE_MAX);
    }
  }

  *#bytes(piece: Uint8Array): Generator<string> {
    for (const byte of piece) {
      if (this.#row.push(byte) < ROW_BYTES) continue;
      yield hexRow(this.#at, this.#row);
      this.#at += ROW_BYTES;
      this.#row = [];
    }
  }
}

const decoder = (): TextDecoder => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function* broken(line: string): Generator<string> {
  for (let from = 0; from === 0 || from < line.length; from += LINE_MAX)
    yield harmless(line.slice(from, from + LINE_MAX));
}
