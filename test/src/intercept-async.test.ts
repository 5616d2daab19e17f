/**
 * Guards that waiting changes nothing: on a runtime that can only hash asynchronously, `interceptAsync` answers, counts
 * and charges as `intercept` does, for payloads large enough to be worth the wait.
 */
import { describe, expect, it } from 'vitest';
import { createTracehound, node } from '../../runtimes/node/index';
import type { Runtime, Scent, Tracehound, TracehoundOptions } from '../../src/types';
import { lab } from '../lab/lab';

/** No synchronous digest, and a clock that stands. */
const { digest: _, ...slow } = node;
const runtime: Runtime = { ...slow, now: () => 1_760_000_000_000 };
const LARGE: Scent = {
  source: '192.0.2.1',
  threat: { category: 'sqli', severity: 'high' },
  payload: new Uint8Array(20_000),
};

/** What became of `count` large flagged scents, beside ids. */
async function lives(
  mode: 'intercept' | 'interceptAsync',
  count: number,
  options: TracehoundOptions,
): Promise<unknown> {
  const th: Tracehound = createTracehound({ runtime, ...options });
  const statuses: string[] = [];
  for (let i = 0; i < count; i++) statuses.push((await th[mode](LARGE)).status);
  const { totals, quarantine, audit } = th.watcher.snapshot();
  return { statuses, totals, count: quarantine.count, size: audit.size };
}

describe('interceptAsync with a payload that is hashed elsewhere', () => {
  it('sees a request once where there is no limiter', async () => {
    const options = { rateLimit: false } as const;
    expect(await lives('interceptAsync', 2, options)).toMatchObject({ totals: { seen: 2, flagged: 2 } });
    expect(await lives('interceptAsync', 2, options)).toEqual(await lives('intercept', 2, options));
  });

  it('counts a refused request as flagged', async () => {
    const options = { rateLimit: { limit: 2 } };
    const waited = await lives('interceptAsync', 4, options);
    expect(waited).toMatchObject({ statuses: ['quarantined', 'duplicate', 'rate_limited', 'rate_limited'] });
    expect(waited).toMatchObject({ totals: { seen: 4, flagged: 4 } });
    expect(waited).toEqual(await lives('intercept', 4, options));
  });

  it('charges requests that wait at the same time, each once', async () => {
    const th = createTracehound({ runtime, rateLimit: { limit: 2 } });
    const answers = await Promise.all([1, 2, 3, 4].map(() => th.interceptAsync(LARGE)));
    expect(answers.map(({ status }) => status).sort()).toEqual([
      ...['duplicate', 'quarantined', 'rate_limited', 'rate_limited'],
    ]);
  });

  it('answers `error` when closed, and asks the platform for nothing', async () => {
    let cores = 0;
    const core = (): ReturnType<Runtime['core']> => {
      cores++;
      return runtime.core();
    };
    const th = createTracehound({ runtime: { ...runtime, core } });
    await th.close();
    expect((await th.interceptAsync(LARGE)).status).toBe('error');
    expect(cores).toBe(0);
  });

  it('keeps the evidence when the core stops while it charges', async () => {
    const lane = lab();
    const th = lane.make();
    th.intercept({ source: '192.0.2.9' });
    lane.last().stopAt = { name: 'intercept', code: 7 };
    expect((await th.interceptAsync(LARGE)).status).toBe('quarantined');
    expect([lane.cores.length, lane.violations]).toEqual([2, []]);
  });
});
