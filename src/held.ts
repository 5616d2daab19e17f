/**
 * The log that nobody stores: signed and proven from memory, while everything of it is still held.
 *
 * Relies on: the engine's log, checkpoints. Refuses: to release a record; that is the caller's.
 */
import type { SignedLog } from './bundle';
import { Checkpoints } from './checkpoints';
import { type KeeperPort, NoKeeper, type Notary } from './keep';
import { notaryOf } from './notary';
import { parseCheckpoint, parseNote } from './note';
import { heldReader, type LogReader } from './reader';

export class HeldKeeper extends NoKeeper {
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
      checkpoint: () => this.#checkpoint(),
      reader: async () => this.#reader(port.log.head(port.now()).size),
      signed: () => this.#signed(),
    });
  }

  override notary(_act: string): Notary {
    return this.#notary;
  }

  /** Who signs the log that the core holds now: it may have begun another since we last looked. */
  #current(): Checkpoints {
    const { log, now, random, options } = this.#port;
    const { origin } = log.link(now());
    if (this.#checkpoints === undefined || origin !== this.#origin) {
      const { signer } = options;
      this.#origin = origin;
      this.#checkpoints = new Checkpoints({ log, now, random, signer, rotateMs: this.#rotateMs }, origin);
    }
    return this.#checkpoints;
  }

  async #checkpoint(): Promise<string> {
    const { log, now } = this.#port;
    const checkpoints = this.#current();
    await checkpoints.prepare();
    return checkpoints.sign(log.head(now()));
  }

  async #signed(): Promise<SignedLog> {
    const checkpoint = await this.#checkpoint();
    const { size } = parseCheckpoint(parseNote(checkpoint).text);
    return { reader: this.#reader(size), checkpoint, begins: 0, keys: (this.#checkpoints as Checkpoints).keys };
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
