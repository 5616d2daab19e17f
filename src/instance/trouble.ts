/**
 * Troubles: what goes wrong behind an operator's back, counted, and said once for each doubling.
 *
 *   raise ─▶ count ─▶ 1st, 2nd, 4th, 8th … ─▶ handlers of `trouble`, and one line for the operator
 *
 * Relies on: `retry` for which failures are worth a line; `events`. Refuses: text from outside: a detail holds our own words
 * and numbers, so that nothing of a request reaches a terminal.
 */
import { Failures } from '../time/retry';
import type { Trouble, TroubleCode } from '../types/index';
import type { Events } from './events';

/** What is behind: how the rest of an instance says that something is wrong. */
export interface TroublePort {
  /** It happened, once more. */
  raise(code: TroubleCode, detail?: Trouble['detail']): void;
  /** It is over: the next time is a first time. */
  end(code: TroubleCode): void;
}

interface Open {
  readonly since: number;
  readonly failures: Failures;
  detail: Trouble['detail'];
}

export class Troubles implements TroublePort {
  readonly #open = new Map<TroubleCode, Open>();
  readonly #now: () => number;
  readonly #events: Events;
  readonly #say: ((line: string) => void) | undefined;

  /** `say` prints a line for the operator; left out, nothing is printed. */
  constructor(now: () => number, events: Events, say: ((line: string) => void) | undefined) {
    this.#now = now;
    this.#events = events;
    this.#say = say;
  }

  raise(code: TroubleCode, detail: Trouble['detail'] = {}): void {
    let open = this.#open.get(code);
    if (open === undefined) {
      open = { since: this.#now(), failures: new Failures(), detail };
      this.#open.set(code, open);
    }
    open.detail = detail;
    if (!open.failures.add()) return;
    const trouble = asTrouble(code, open);
    this.#events.emit('trouble', trouble);
    if (this.#say === undefined) return;
    const say = this.#say;
    // Later: the first line that a process prints takes milliseconds, and a request may be waiting.
    void Promise.resolve().then(() => say(lineOf(trouble)));
  }

  end(code: TroubleCode): void {
    this.#open.delete(code);
  }

  /** What is wrong now, oldest first. */
  list(): readonly Trouble[] {
    return [...this.#open].map(([code, open]) => asTrouble(code, open));
  }
}

/** One line without text from outside; what the code means stands on its page, which a bundle does not carry. */
function lineOf({ code, count, detail }: Trouble): string {
  const facts = Object.entries(detail).map(([name, value]) => `${name} ${value}`);
  const times = count === 1 ? [] : [`${count} times`];
  return `tracehound: ${[code, ...times, ...facts].join(', ')}: see docs/trouble/${code}.md`;
}

const asTrouble = (code: TroubleCode, { since, failures, detail }: Open): Trouble =>
  Object.freeze({ code, since, count: failures.count, detail: Object.freeze({ ...detail }) });
