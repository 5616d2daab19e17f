/**
 * Whether a request is exempt by the user's rules: `skip`, then `allow`.
 *
 * Relies on: the post's questions in flight. Refuses: to take anything but a clear yes in time for a yes, and to ask more
 * often for one sender than the questions allow.
 */
import type { Source } from '../types/index';
import { isThenable } from '../validate/at-once';
import type { Post } from './post';
import type { Visit } from './visit';

/** The rule that said yes. */
export type Exemption = 'skipped' | 'allowed';

/** A promise only where a rule answered one: the usual request waits for nothing. */
export function exemption<C>(
  post: Post<C>,
  visit: Visit<C>,
  source: Source,
): Exemption | undefined | Promise<Exemption | undefined> {
  const { skip, allow } = post.plan;
  const allowed = (): Exemption | undefined | Promise<Exemption | undefined> => {
    const yes = isYes(post, visit, source, allow);
    if (yes instanceof Promise) return yes.then((given) => (given ? 'allowed' : undefined));
    return yes ? 'allowed' : undefined;
  };
  const skipped = isYes(post, visit, source, skip);
  if (skipped instanceof Promise) return skipped.then((given) => (given ? 'skipped' : allowed()));
  return skipped ? 'skipped' : allowed();
}

function isYes<C>(
  { questions, plan, report }: Post<C>,
  { context, platform }: Visit<C>,
  source: Source,
  rule: ((context: C) => unknown) | undefined,
): boolean | Promise<boolean> {
  if (rule === undefined || !questions.has(source)) return false;
  const failed = (error: unknown): false => {
    report(platform, error);
    return false;
  };
  try {
    const answer = rule(context);
    return isThenable(answer) ? questions.isYes(source, answer, plan.detectTimeoutMs).catch(failed) : answer === true;
  } catch (error) {
    return failed(error);
  }
}
