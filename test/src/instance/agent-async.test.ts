/**
 * Guards that waiting changes nothing: on a runtime that can only hash asynchronously, `interceptAsync` answers, counts
 * and charges as `intercept` does, for payloads large enough to be worth the wait.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createTracehound, node } from '../../../runtimes/node/index';
import type { Runtime, Scent, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { lab } from '../../lab/lab';

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

  it('keeps what was hashed, whatever the caller does to its bytes meanwhile', async () => {
    const th = createTracehound({ runtime });
    // The one is hashed by the platform, the other by the core after the wait.
    const [payload, fingerprint] = [new Uint8Array(20_000), new Uint8Array(100)];
    const waiting = th.interceptAsync({ ...LARGE, payload, fingerprint });
    payload.fill(1);
    fingerprint.fill(2);
    const result = await waiting;
    const expected = createTracehound({ runtime }).intercept({ ...LARGE, fingerprint: new Uint8Array(100) });
    if (result.status !== 'quarantined' || expected.status !== 'quarantined') throw new Error(result.status);
    expect([result.evidence.signature, result.evidence.hash]).toEqual([
      expected.evidence.signature,
      expected.evidence.hash,
    ]);
    expect(th.quarantine.read(result.evidence.signature)).toEqual(new Uint8Array(20_000));
  });
});

describe('a runtime whose core is slow', () => {
  const text = 'x'.repeat(300);
  const bytes = new TextEncoder().encode(`${text}\u20ac`);
  const parts: Partial<Scent>[] = [
    { payload: bytes },
    { payload: text },
    { payload: { a: text } },
    {},
    { payload: bytes.subarray(0, 3) },
    { payload: new Uint8Array(100_000) },
  ];
  const fingerprints = [undefined, bytes, `${text}\ud800`, 'short', new Uint8Array(1)];
  const scents = parts.flatMap((part) =>
    fingerprints.flatMap((fingerprint): Scent[] => {
      const threat = { category: 'sqli', severity: 'high' } as const;
      const scent: Scent = { source: '192.0.2.1', ...part, threat };
      if (fingerprint !== undefined) scent.fingerprint = fingerprint;
      return [scent, { ...scent, threat: { ...threat, rule: '942100', detector: 'crs' } }];
    }),
  );

  async function log(asyncDigestBytes: number, mode: 'intercept' | 'interceptAsync'): Promise<unknown> {
    let drawn = 0;
    const random = (into: Uint8Array): void => {
      for (let i = 0; i < into.length; i++) into[i] = drawn++ * 31;
    };
    const th = createTracehound({ runtime: { ...runtime, random, asyncDigestBytes }, rateLimit: false });
    const answers = [];
    for (const scent of scents) answers.push(await th[mode](scent));
    return { answers, records: th.audit.export().records, details: th.audit.export().details, head: th.audit.head() };
  }

  it('writes the same records, whoever hashed', async () => {
    const reference = await log(8_192, 'intercept');
    for (const bound of [0, 1, 128, 8_192]) expect(await log(bound, 'interceptAsync')).toEqual(reference);
  });

  it.each(['intercept', 'interceptAsync'] as const)(
    '%s signs by the fingerprint, with a sidecar and without',
    async (mode) => {
      for (const threat of [LARGE.threat!, { ...LARGE.threat!, rule: '942100' }]) {
        const th = createTracehound({ runtime: { ...runtime, asyncDigestBytes: 128 } });
        const result = await th[mode]({ ...LARGE, threat, fingerprint: bytes });
        const signature = `sqli:${createHash('sha256').update(bytes).digest('hex')}`;
        expect(result).toMatchObject({ status: 'quarantined', evidence: { signature } });
      }
    },
  );

  it('leaves to the platform what is long enough, the fingerprint as well', async () => {
    const { digest } = crypto.subtle;
    const lengths: number[] = [];
    crypto.subtle.digest = (algorithm, data) => {
      lengths.push(data.byteLength);
      return digest.call(crypto.subtle, algorithm, data);
    };
    try {
      const th = createTracehound({ runtime: { ...runtime, asyncDigestBytes: 128 } });
      const threat = LARGE.threat!;
      await th.interceptAsync({ source: 'a', threat, payload: bytes, fingerprint: `${text}!` });
      await th.interceptAsync({ source: 'a', threat, payload: new Uint8Array(127), fingerprint: bytes });
      await th.interceptAsync({ source: 'a', threat, payload: new Uint8Array(127) });
    } finally {
      crypto.subtle.digest = digest;
    }
    expect(lengths).toEqual([303, 301, 303]);
  });
});
