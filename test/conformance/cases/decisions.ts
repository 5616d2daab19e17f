/**
 * Who may pass: the limiter's promises, and what a signal does to a request.
 */
import type { Source } from '../../../src/types/index';
import { same, that } from '../assert';
import { type Case, THREAT } from '../stage';

const part = 'decisions';

export const decisions: readonly Case[] = [
  {
    part,
    promise: 'admits exactly `limit` in a window, and says to the millisecond when it admits again',
    run: async ({ instance }) => {
      const { th, world } = instance({ rateLimit: { windowMs: 3_200, limit: 5 } });
      for (let i = 0; i < 5; i++) same(th.intercept({ source: '192.0.2.1' }).status, 'clean', `request ${i + 1}`);
      const refused = th.intercept({ source: '192.0.2.1' });
      that(refused.status === 'rate_limited', `expected rate_limited, got ${refused.status}`);
      same([refused.rate.remaining, refused.blocked], [0, false], 'remaining and blocked');
      world.now += refused.retryAfterMs - 1;
      same(th.intercept({ source: '192.0.2.1' }).status, 'rate_limited', 'one millisecond early');
      world.now += 1;
      same(th.intercept({ source: '192.0.2.1' }).status, 'clean', 'in time');
    },
  },
  {
    part,
    promise: 'never admits more than `limit` in any window, wherever the requests fall',
    run: async ({ instance }) => {
      const { th, world } = instance({ rateLimit: { windowMs: 320, limit: 4 } });
      const admitted: number[] = [];
      for (let i = 0; i < 600; i++) {
        world.now += (i * 7) % 23;
        if (th.rateLimiter.check('192.0.2.1').allowed) admitted.push(world.now);
      }
      for (const from of admitted) {
        const within = admitted.filter((at) => at >= from && at < from + 320).length;
        that(within <= 4, `admitted ${within} in one window, expected at most 4`);
      }
      that(admitted.length > 20, `admitted ${admitted.length}, expected more than 20`);
    },
  },
  {
    part,
    promise: 'ends a block when it said, whatever is refused meanwhile',
    run: async ({ instance }) => {
      const { th, world } = instance({ rateLimit: { windowMs: 320, limit: 1, blockMs: 5_000 } });
      th.intercept({ source: 'x' });
      const first = th.intercept({ source: 'x' });
      that(first.status === 'rate_limited' && first.blocked, 'expected a block');
      same(first.retryAfterMs, 5_000, 'retryAfterMs');
      world.now += 4_999;
      that(!th.rateLimiter.peek('x').allowed, 'expected the block to last');
      th.intercept({ source: 'x' });
      world.now += 1;
      that(th.rateLimiter.peek('x').allowed, 'expected the block to have ended');
    },
  },
  {
    part,
    promise: 'takes every spelling of an address for one source, and a key never for an address',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: { limit: 100 } });
      const used = (source: Source): number => 100 - th.rateLimiter.peek(source).remaining;
      const spellings: Source[] = ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:c000:201', '[::ffff:192.0.2.1]:443'];
      for (const source of spellings) th.rateLimiter.check(source);
      same(used({ address: '192.0.2.1' }), spellings.length, 'spellings of 192.0.2.1');
      same(used({ key: '192.0.2.1' }), 0, 'the key of the same text');
      th.rateLimiter.check('2001:db8:0:1::1');
      same([used('2001:db8:0:ff::2'), used('2001:db8:0:100::1')], [1, 0], 'inside and outside of the /56');
    },
  },
  {
    part,
    promise: 'limits all who have no usable source together',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: { limit: 3 } });
      const nobody: Source[] = ['', {}, { address: 'no address' }];
      for (const source of nobody) same(th.intercept({ source }).status, 'clean', 'nobody');
      same(th.intercept({ source: { address: '999.1.1.1' } }).status, 'rate_limited', 'the fourth nobody');
    },
  },
  {
    part,
    promise: 'admits no more when the clock stands still or runs back',
    run: async ({ instance }) => {
      const { th, world } = instance({ rateLimit: { windowMs: 1_000, limit: 2 } });
      let admitted = 0;
      for (let i = 0; i < 20; i++) {
        world.now -= i % 3 === 0 ? 300 : 0;
        if (th.rateLimiter.check('x').allowed) admitted++;
      }
      same(admitted, 2, 'admitted');
    },
  },
  {
    part,
    promise: 'charges a request that brings its receipt only once',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: { limit: 10 } });
      const rate = th.rateLimiter.check('x');
      const result = th.intercept({ source: 'x', threat: THREAT, payload: 'a', rate });
      same(result.status, 'quarantined', 'status');
      same(th.rateLimiter.peek('x').remaining, 9, 'remaining');
    },
  },
  {
    part,
    promise: 'decides alike whether or not its caller waits',
    run: async ({ instance }) => {
      const [now, later] = [instance({}, 7), instance({}, 7)];
      for (let i = 0; i < 40; i++) {
        const scent = { source: `s${i % 5}`, threat: i % 3 === 0 ? undefined : THREAT, payload: 'p'.repeat(i * 50) };
        const [one, other] = [now.th.intercept(scent as never), await later.th.interceptAsync(scent as never)];
        same(other, one, `request ${i}`);
      }
      await Promise.all([now.th.audit.flush(), later.th.audit.flush()]);
      same(later.th.audit.head(), now.th.audit.head(), 'head of the log');
    },
  },
];
