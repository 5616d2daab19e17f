/**
 * The log that nobody stores: signed and proven from memory, while everything of it is still held.
 *
 * Relies on: the engine's log, checkpoints. Refuses: to release a record; that is the caller's.
 */
import type { SignedLog } from './bundle';
import { Checkpoints } from './heads';
import { type KeeperPort, type Notary, UnstoredKeeper } from './keeper';
import { notaryOf } from './proofs';
import { heldReader, type LogReader } from './reader';

export class HeldKeeper extends UnstoredKeeper {
  readonly #port: KeeperPort;
  readonly #rotateMs: number;
  readonly #notary: Notary;
  #origin = '';
  #checkpoints: Checkpoints | undefined;

  constructor(port: KeeperPort, rotateMs: number) {
    super(port);
    this.#port = port;
    this.#rotateMs = rotateMs;
    this.#notary = notaryOf({
      checkpoint: async () => (await this.#head()).checkpoint,
      reader: async () => this.#reader(port.log.head(port.now()).size),
      signed: () => this.#signed(),
    });
  }

  notary(_act: string): Notary {
    return this.#notary;
  }

  /** Who signs the log that the core holds now: it may have begun another since we last looked. */
  #current(): Checkpoints {
    const { log, now, random, options } = this.#port;
    const { origin } = log.link(now());
    if (this.#checkpoints === undefined || origin !== this.#origin) {
      const { signer } = options;
      this.#origin = origin;
      const port = { log, now, random, signer, rotateMs: this.#rotateMs };
      this.#checkpoints = new Checkpoints(port, origin, log.state()?.epoch ?? 0);
    }
    return this.#checkpoints;
  }

  async #head(): Promise<{ size: number; checkpoint: string; keys: readonly number[] }> {
    const { log, now } = this.#port;
    const checkpoints = this.#current();
    await checkpoints.prepare();
    const head = log.head(now());
    return { size: head.size, checkpoint: await checkpoints.sign(head), keys: checkpoints.keys };
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
    const checkpoints = this.#current();
    await super.close();
    checkpoints.end();
  }
}
