/**
 * Who is asking: the option `source`, else the runtime, else nobody.
 *
 * Relies on: the post. Refuses: a promise. Who is asking must be known before anything is awaited, and a promise as a source
 * would put all clients into one place.
 */
import { atOnce, isThenable } from '../validate/at-once';
import type { Post } from './post';
import type { Asker, Visit } from './visit';

export function askerOf<C>(post: Post<C>, { context, request, platform }: Visit<C>): Asker {
  let late = false;
  const own = post.attempt(platform, () => {
    const said = post.plan.source?.(context);
    late = isThenable(said);
    return atOnce('source', said);
  });
  if (own !== undefined && own !== null) return { source: own, derivation: 'option', late };
  const { runtime } = post.th.http;
  const found = post.attempt(platform, () => atOnce('runtime.source', runtime.source(request, platform)));
  // Nobody: the empty source is the one that all unknown clients share, and it is limited.
  return found === undefined || found === null
    ? { source: '', derivation: 'none', late }
    : { source: found, derivation: 'runtime', late };
}
