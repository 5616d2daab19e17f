/**
 * Lines to the output, and how far a long run has come.
 *
 * Relies on: port. Refuses: to hold more than 64 KiB of lines, and to go on writing when nobody reads.
 */
import type { CommandPort } from './port';
import { counted } from './text';

const HELD_MAX = 65_536;

/** Somebody has closed the other end: `| head` has seen enough. */
export class NobodyReads extends Error {}

export class Output {
  readonly #port: CommandPort;
  #held: string[] = [];
  #length = 0;

  constructor(port: CommandPort) {
    this.#port = port;
  }

  /** A line that is already harmless. Rejects with {@link NobodyReads}. */
  async line(text: string): Promise<void> {
    this.#held.push(text, '\n');
    this.#length += text.length + 1;
    if (this.#length >= HELD_MAX) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#length === 0) return;
    const text = this.#held.join('');
    [this.#held, this.#length] = [[], 0];
    await this.bytes(new TextEncoder().encode(text));
  }

  async bytes(bytes: Uint8Array): Promise<void> {
    if (!(await this.#port.out(bytes))) throw new NobodyReads();
  }
}

/** Ten times a second is smooth, and nobody waits for it. */
const EVERY_MS = 100;
/** What is done sooner needs no progress. */
const AFTER_MS = 500;
const ERASED = '\r\u001b[K';

/** Records so far, on a terminal. */
export class Progress {
  readonly #port: CommandPort;
  #next: number;
  #isShown = false;

  constructor(port: CommandPort) {
    this.#port = port;
    this.#next = port.now() + AFTER_MS;
  }

  at(records: number, total: number): void {
    if (!this.#port.isTerminal.err) return;
    const now = this.#port.now();
    if (now < this.#next) return;
    this.#next = now + EVERY_MS;
    this.#isShown = true;
    const part = total > 0 ? ` of ${counted(total)}, ${Math.floor((100 * Math.min(records, total)) / total)} %` : '';
    this.#port.err(`${ERASED}${counted(records)} records${part}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#port.err(ERASED);
    this.#isShown = false;
  }
}
