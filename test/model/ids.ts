/**
 * Ids in big integers: a 48-bit millisecond and a 42-bit counter, written where RFC 9562 §5.7 wants them.
 *
 * Relies on: nothing. Refuses: cleverness. Takes its random bytes from a list, in the order in which the core draws.
 */
const MS_MAX = 2n ** 48n - 1n;
const COUNTER_MAX = 2n ** 42n - 1n;

const integer = (bytes: Uint8Array): bigint => bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);

export class IdsModel {
  #last = 0n;
  #counter = 0n;
  #pool: Uint8Array = new Uint8Array();

  feed(pool: Uint8Array): void {
    this.#pool = Uint8Array.from(pool);
  }

  get left(): number {
    return this.#pool.length;
  }

  draw(bytes: number): Uint8Array {
    const drawn = this.#pool.slice(0, bytes);
    this.#pool = this.#pool.slice(bytes);
    return drawn;
  }

  /** 24 bytes as hex. */
  make(now: number): string {
    const asked = Number.isFinite(now) ? BigInt(Math.floor(Math.min(Math.max(now, 0), Number(MS_MAX)))) : this.#last;
    const fresh = this.#counter === 0n;
    if (fresh || asked > this.#last) {
      this.#last = asked;
      this.#seed();
    } else if (this.#counter < COUNTER_MAX) this.#counter += 1n;
    else if (this.#last < MS_MAX) {
      this.#last += 1n;
      this.#seed();
    }
    const random = integer(this.draw(12));
    const uuid =
      (this.#last << 80n) |
      (7n << 76n) |
      ((this.#counter >> 30n) << 64n) |
      (2n << 62n) |
      ((this.#counter & (2n ** 30n - 1n)) << 32n) |
      (random >> 64n);
    const suffix = random & (2n ** 64n - 1n);
    return uuid.toString(16).padStart(32, '0') + suffix.toString(16).padStart(16, '0');
  }

  /** Six bytes: the low 11 bits of the first two are the head of the counter, the low 30 of the rest its tail. */
  #seed(): void {
    const bytes = this.draw(6);
    const head = integer(bytes.slice(0, 2)) & 0x7ffn;
    const tail = integer(bytes.slice(2)) & (2n ** 30n - 1n);
    this.#counter = (head << 30n) | tail;
    if (this.#counter === 0n) this.#counter = 1n;
  }
}
