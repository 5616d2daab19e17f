/**
 * The post of one mounted middleware: what all its visits share. The instance, the plan, the places of captures in
 * flight, the questions of `skip` and `allow` in flight, and the count of failures.
 *
 * Relies on: a plan that was checked, and an instance. Refuses: to let a failure of the user's code, or of a side matter,
 * become an answer. It is reported to the runtime, at 1, 2, 4, 8 …: whoever finds a request that breaks the detector must
 * not own the error log.
 */
import { Failures } from '../time/retry';
import type { GuardedTracehound } from '../types/index';
import { Questions } from './asking';
import type { GuardPlan } from './options';
import { CaptureSlots } from './slots';

export class Post<C> {
  readonly th: GuardedTracehound;
  readonly plan: GuardPlan<C>;
  /** Places for bodies that are read for evidence. */
  readonly slots: CaptureSlots;
  /** Of `skip` and `allow`, in flight. */
  readonly questions: Questions;
  readonly #failures = new Failures();

  constructor(th: GuardedTracehound, plan: GuardPlan<C>) {
    this.th = th;
    this.plan = plan;
    const { settings, runtime } = th.http;
    this.questions = new Questions(settings.ipv6Prefix);
    this.slots = new CaptureSlots(plan.captureMax, settings.ipv6Prefix, () => runtime.now());
  }

  /** What `act` gives; nothing when it throws, and then the runtime is told. */
  attempt<T>(platform: unknown, act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      this.report(platform, error);
      return undefined;
    }
  }

  readonly report = (platform: unknown, error: unknown): void => {
    if (!this.#failures.add()) return;
    const failure = Promise.reject(error);
    failure.catch(() => {}); // reported or not, it must not end the process
    try {
      this.th.http.runtime.defer(failure, platform);
    } catch {
      // The runtime cannot even report: there is nobody left to tell.
    }
  };
}
