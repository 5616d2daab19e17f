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

/** What each trouble means, in one sentence. What to do stands in docs/trouble. */
const SENTENCES: Readonly<Record<TroubleCode, string>> = {
  LOG_NOT_STORED: 'the store of the log takes no records; they wait in memory',
  LOG_SLOW: 'the store of the log is slow; records wait in memory',
  LOG_STOPPED: 'the log is not written any more: another writer took it over, or the store went backwards',
  SIGNER_FAILED: 'the signer does not sign; records are stored and prove nothing until it does',
  RECORDS_LOST: 'records left memory before they were stored',
  SIDECARS_LOST: 'sidecars left memory before they were stored',
  DETECTOR_FAILED: 'a detector failed; its requests are uninspected',
  ONE_SOURCE:
    'every request comes from one source, so all clients share one limit; is a proxy in front, and `source` not set?',
  FORWARDED_UNREAD: 'requests carry X-Forwarded-For or Forwarded, and nothing reads it; set `source`',
  SECRET_NOT_SET: '`secret` is not set: tags, trace ids and blocks mean nothing after a restart or in another instance',
  CORE_PANIC: 'the core stopped on a failed assertion; a fresh one took over with what could be verified',
  HANDLER_FAILED: 'a handler that was given to `on` threw',
};

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
    const more = trouble.count === 1 ? '' : ` (${trouble.count} times)`;
    this.#say?.(`tracehound: ${code}: ${SENTENCES[code]}${more}. See docs/trouble/${code}.md`);
  }

  end(code: TroubleCode): void {
    this.#open.delete(code);
  }

  /** What is wrong now, oldest first. */
  list(): readonly Trouble[] {
    return [...this.#open].map(([code, open]) => asTrouble(code, open));
  }
}

const asTrouble = (code: TroubleCode, { since, failures, detail }: Open): Trouble =>
  Object.freeze({ code, since, count: failures.count, detail: Object.freeze({ ...detail }) });
