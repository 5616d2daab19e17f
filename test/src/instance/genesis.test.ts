/**
 * Guards `src/instance/genesis.ts`: what GENESIS says is how the instance was configured and where it runs, and nothing that
 * must stay secret; what RESUME and PANIC say fits their sidecar however much was lost.
 */
import { describe, expect, test } from 'vitest';
import { resolveOptions } from '../../../src/instance/config';
import { genesisFacts, successionFacts } from '../../../src/instance/genesis';
import { heldLog } from '../../../src/log/index';
import type { LogPlug } from '../../../src/log/keeper';
import type { TracehoundOptions } from '../../../src/types/index';
import { VERSION } from '../../../src/version';
import { ground, kindsOf } from '../../ground';

const { runtime } = ground();
const factsOf = (given: TracehoundOptions) =>
  genesisFacts(resolveOptions(given, heldLog() as LogPlug), runtime, 'example.com/log', 'an-instance');

describe('what the first record says', () => {
  test('names log, instance, package, runtime, clock and core', () => {
    expect(factsOf({})).toMatchObject({
      origin: 'example.com/log',
      instance: 'an-instance',
      version: VERSION,
      runtime: runtime.name,
      clock: runtime.clockSource,
      core: runtime.coreDigest,
    });
    expect(factsOf({ clock: () => 0 })).toMatchObject({ clock: 'option' });
  });

  test('has every number that decides what is limited and what is kept', () => {
    const rateLimit = { windowMs: 1_000, limit: 7, blockMs: 3, maxSources: 64, ipv6Prefix: 48 };
    const quarantine = { maxCount: 11, maxBytes: 70_000, maxShare: 0.5 };
    expect(factsOf({ rateLimit, quarantine, maxPayloadBytes: 4_096, failMode: 'closed' }).config).toEqual({
      rateLimit,
      quarantine,
      maxPayloadBytes: 4_096,
      maxRecords: 4_096,
      failMode: 'closed',
    });
    expect(factsOf({ rateLimit: false }).config).toMatchObject({ rateLimit: false });
  });

  test('says that a limiter of the platform counts approximately', () => {
    const charge = () => {
      throw new Error('not asked here');
    };
    expect(factsOf({ rateLimit: { limit: 5, windowMs: 60_000, charge } }).config).toMatchObject({
      rateLimit: { approximate: true, limit: 5, windowMs: 60_000 },
    });
  });

  test('has no key in it', () => {
    const secret = new Uint8Array(32).fill(0xab);
    expect(JSON.stringify(factsOf({ secret }))).not.toMatch(/abab|171,171|secret/);
  });

  test('is in the sidecar of GENESIS', () => {
    const { th } = ground();
    th.id();
    const { records, details } = th.audit.export();
    expect(kindsOf(th)[0]).toBe('GENESIS');
    expect(records).toHaveLength(1);
    expect(JSON.parse(new TextDecoder().decode(details[0]!))).toMatchObject({ version: VERSION });
  });
});

describe('what a record says that follows on another log', () => {
  test.each([0, 1, 64, 65, 5_000])('lists at most 64 of %i lost ids; the count stays whole', (count) => {
    const lostIds = Array.from({ length: count }, (_, i) => new Uint8Array(16).fill(i));
    const facts = successionFacts('example.com/log', 9, { lost: count, lostIds } as never);
    expect((facts.lostIds as readonly string[]).length).toBe(Math.min(count, 64));
    expect(facts).toMatchObject({ origin: 'example.com/log', size: 9, lost: count });
  });
});
