/**
 * When what waits is worked off: soon after somebody said that something waits, and again, with growing pauses, while that
 * fails.
 *
 *   remind ─▶ wakeIn(first) ─▶ due ─▶ work: nothing left ─▶ silent until the next remind
 *                               ▲      │ more is left ─▶ wakeIn(first)
 *                               └──────┴ failed ───────▶ wakeIn(first, 2 × first, 4 × first … at most max)
 *
 * Relies on: a timer that outlives the request (an alarm, `setTimeout`). Refuses: to believe that it will be woken before
 * the timer says so: a timer that fails makes `remind` reject, and is asked again by the next `remind`.
 *
 * @module
 */
import { pauseMs } from '../time/retry';

export interface DrainPort {
  /** Has `due` called once, `ms` from now. Resolves when that is certain. */
  wakeIn(ms: number): Promise<void>;
  /** Works off what waits. Answers whether more is left. */
  work(): Promise<boolean>;
  report(error: unknown): void;
}

/** Pause before the first turn, ms: what comes within it is worked off together. */
const FIRST_MS = 2_000;
const PAUSE_MS_MAX = 60_000;

export class Drain {
  readonly #port: DrainPort;
  /** The timer that was asked for and did not come yet. */
  #asked: Promise<void> | undefined;
  #failures = 0;

  constructor(port: DrainPort) {
    this.#port = port;
  }

  /** Something waits. Resolves when it is certain that `due` will be called. */
  remind(): Promise<void> {
    return this.#wakeIn(FIRST_MS);
  }

  /** The timer came. Rejects only when the next one cannot be asked for. */
  async due(): Promise<void> {
    this.#asked = undefined;
    try {
      const isMore = await this.#port.work();
      this.#failures = 0;
      if (isMore) await this.#wakeIn(FIRST_MS);
    } catch (error) {
      this.#port.report(error);
      await this.#wakeIn(pauseMs(++this.#failures, FIRST_MS, PAUSE_MS_MAX));
    }
  }

  #wakeIn(ms: number): Promise<void> {
    this.#asked ??= this.#port.wakeIn(ms).catch((error: unknown) => {
      this.#asked = undefined;
      throw error;
    });
    return this.#asked;
  }
}
