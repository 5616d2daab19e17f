/**
 * The guard of one mounted middleware: every framework's adapter hands its requests to it. What happens to one of them
 * is the passage's; the guard checks the options once, and has the log stored after each answer.
 *
 * Relies on: `th.http`. Refuses: to be built with options that are wrong, and to let a failing log change an answer.
 *
 * Not trusted: the user's detector decides what is a threat. A detector that is wrong is wrong here too; one that
 * fails is recorded as UNINSPECTED and `onDetectorFailure` decides.
 *
 * @module
 */
import type { GuardedTracehound } from '../types/index';
import { kindOf } from '../validate/kind';
import { type GuardOptions, planOf } from './options';
import { Passage } from './passage';
import { Post } from './post';
import type { Guard } from './visit';

export type { GuardOptions } from './options';
export { leaveReceipt } from './receipts';
export type { Guard, Outcome, Visit } from './visit';

/** Builds the guard of one mounted middleware. Throws when the options are wrong. */
export function guard<C>(th: GuardedTracehound, options: GuardOptions<C>): Guard<C> {
  const port = th?.http;
  if (typeof port?.limits?.charge !== 'function') {
    throw new TypeError(`tracehound: no instance, expected createTracehound(), got ${kindOf(th)}`);
  }
  const post = new Post(th, planOf(options, port.settings.failMode));
  return async (visit) => {
    try {
      return await new Passage(post, visit).decide();
    } finally {
      post.attempt(visit.platform, () => port.runtime.ship(visit.platform));
    }
  };
}
