/**
 * What the tests of snapshots share: one configuration, its threats, and the one way in which a snapshot is refused.
 *
 * Relies on: nothing. Refuses: chance.
 */
import { expect } from 'vitest';
import type { Scent, Severity, TracehoundOptions } from '../../src/types/index';

export const secret = new Uint8Array(32).map((_, i) => i + 1);
export const options: TracehoundOptions = {
  secret,
  rateLimit: { limit: 5, windowMs: 60_000, blockMs: 30_000, maxSources: 64 },
  quarantine: { maxCount: 64, maxBytes: 65_536, maxShare: 1 },
  maxPayloadBytes: 1_024,
  audit: { maxRecords: 256 },
};
const SEVERITIES: Severity[] = ['low', 'medium', 'high', 'critical'];

export const threat = (n: number, over: Partial<Scent> = {}): Scent => ({
  source: `198.51.100.${n}`,
  payload: `payload ${n} `.repeat(1 + (n % 40)),
  threat: { category: 'sqli', severity: SEVERITIES[n % 4] as Severity, detector: 'lab' },
  ...over,
});

/** The message with which `opening` was refused. */
export const refusal = async (opening: Promise<unknown>): Promise<string> => {
  const error = await opening.then(
    () => undefined,
    (cause: unknown) => cause as { name?: string; code?: string; message: string },
  );
  expect(error, 'it was opened').toBeDefined();
  expect(error?.code ?? error?.name).toBe('SNAPSHOT_INVALID');
  return error?.message ?? '';
};
