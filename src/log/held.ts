/**
 * The log that no store keeps: signed and proven from memory, while everything of it is still held.
 *
 * Relies on: the engine's log, heads, proofs. Refuses: to release a record; its caller does.
 */

import { TIMEOUT_MS } from './asking';
import type { SignedLog } from './bundle';
import { Heads } from './heads';
import { type KeeperPort, type Proofs, UnstoredKeeper } from './keeper';
import { proofsOf } from './proofs';
import { heldReader, type LogReader } from './reader';

export class HeldKeeper extends UnstoredKeeper {
  readonly #port: KeeperPort;
  readonly #rotateMs: number;
  readonly #proofs: Proofs;
  #origin = '';
  #heads: Heads | undefined;

  constructor(port: KeeperPort, rotateMs: number) {
    super(port);
    this.#port = port;
    this.#rotateMs = rotateMs;
    this.#proofs = proofsOf({
      checkpoint: async () => (await this.#head()).checkpoint,
      reader: async () => this.#reader(port.log.head(port.now()).size),
      signed: () => this.#signed(),
    });
  }

  proofs(_act: string): Proofs {
    return this.#proofs;
  }

  /** The heads of the log that the core holds now: it may have begun another since we last looked. */
  #current(): Heads {
    const { log, now, random, options } = this.#port;
    const { origin } = log.link(now());
    if (this.#heads === undefined || origin !== this.#origin) {
      const { signer } = options;
      this.#origin = origin;
      const { troubles: trouble } = this.#port;
      const port = { log, now, random, signer, rotateMs: this.#rotateMs, timeoutMs: TIMEOUT_MS, trouble };
      this.#heads = new Heads(port, origin, log.state()?.epoch ?? 0);
    }
    return this.#heads;
  }

  async #head(): Promise<{ size: number; checkpoint: string; keys: readonly number[] }> {
    const { log, now } = this.#port;
    const heads = this.#current();
    await heads.prepare();
    const head = log.head(now());
    return { size: head.size, checkpoint: await heads.sign(head), keys: heads.keys };
  }

  async #signed(): Promise<SignedLog> {
    const { size, ...head } = await this.#head();
    return { reader: this.#reader(size), begins: 0, ...head };
  }

  #reader(size: number): LogReader {
    const { log, now } = this.#port;
    return heldReader(log.tail(now(), 0, size));
  }

  override async close(): Promise<void> {
    if (!this.#port.isUp()) return;
    const heads = this.#current();
    await super.close();
    heads.end();
  }
}
