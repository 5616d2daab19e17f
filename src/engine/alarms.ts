/**
 * Who wants to be called once the log has reached a size: one alarm for each owner, so that evidence on its way out and the
 * log on its way to a store do not silence each other.
 *
 * Relies on: its caller, which compares `next` with the log's size before each call. Refuses: to know what an alarm does.
 */

/** `log`: whoever stores the log. `cold`: whoever takes evidence out. */
export type AlarmOwner = 'log' | 'cold';

type Alarm = (now: number) => void;

export class Alarms {
  readonly #waiting = new Map<AlarmOwner, { readonly size: number; readonly alarm: Alarm }>();
  /** The least size that somebody waits for: one comparison a call. */
  next: number = Number.POSITIVE_INFINITY;

  /** In place of the owner's alarm before it. */
  set(owner: AlarmOwner, size: number, alarm: Alarm): void {
    this.#waiting.set(owner, { size, alarm });
    this.#settle();
  }

  /**
   * Calls every alarm that is due at `size`, each once. They are taken off before the first is called: an alarm may use the
   * engine, which asks for alarms again, and may set itself anew. One that fails keeps no other from being called; the first
   * failure is thrown after all of them.
   */
  ring(size: number, now: number): void {
    const due = [...this.#waiting].filter(([, waiting]) => waiting.size <= size);
    for (const [owner] of due) this.#waiting.delete(owner);
    this.#settle();
    const failures: unknown[] = [];
    for (const [, { alarm }] of due) {
      try {
        alarm(now);
      } catch (failure) {
        failures.push(failure);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  #settle(): void {
    this.next = Number.POSITIVE_INFINITY;
    for (const { size } of this.#waiting.values()) this.next = Math.min(this.next, size);
  }
}
