/**
 * Holds promises against a subject, one after the other, and reports what became of each.
 *
 * Relies on: nothing. Refuses: to stop at a promise that is broken, and to reject.
 */

/** One promise about a subject. It fails by throwing. */
export interface Held<Stage, Part extends string = string> {
  readonly part: Part;
  /** The promise, as a sentence about the subject. */
  readonly promise: string;
  run(stage: Stage): Promise<void>;
}

/** What became of one promise. */
export interface Report<Part extends string = string> {
  readonly part: Part;
  readonly promise: string;
  /** Absent when it was kept. */
  readonly error?: string;
}

/** Every promise gets a subject of its own. Never rejects: a subject that cannot be made breaks its promise. */
export async function hold<Stage, Part extends string>(
  make: () => Stage | Promise<Stage>,
  cases: readonly Held<Stage, Part>[],
): Promise<Report<Part>[]> {
  const reports: Report<Part>[] = [];
  for (const { part, promise, run } of cases) {
    try {
      await run(await make());
      reports.push({ part, promise });
    } catch (error) {
      reports.push({ part, promise, error: error instanceof Error ? error.message : String(error) });
    }
  }
  return reports;
}
