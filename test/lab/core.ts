/**
 * One core without an engine around it, begun from one seed: for tests of the files that write its inbox and read its memory.
 *
 * Relies on: a build of the core. Refuses: chance and the wall clock.
 */
import * as abi from '../../assembly/abi';
import { instantiate } from '../../build/core.inline.js';
import { Details } from '../../src/engine/details';
import { type Question, writeQuestion, writeText } from '../../src/engine/inbox';
import { type Core, link } from '../../src/engine/link';
import { type CoreConfig, coreConfig } from '../../src/engine/memory';
import type { ResolvedOptions, Runtime } from '../../src/types/index';
import { dice } from './lab';

export const NOW = 1_700_000_000_000;
export const ORIGIN = 'example.org/bare';
export const TAG_KEY: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);

export interface Small {
  limit?: number;
  windowMs?: number;
  maxSources?: number;
  maxCount?: number;
  maxBytes?: number;
  maxShare?: number;
  maxPayloadBytes?: number;
  maxRecords?: number;
}

/** A small configuration. `limit: 0`: without a limiter. */
export function configOf(over: Small = {}): CoreConfig {
  const { limit = 5, windowMs = 60_000, maxSources = 64, maxPayloadBytes = 1_024, maxRecords = 64 } = over;
  const { maxCount = 16, maxBytes = 16_384, maxShare = 1 } = over;
  const rateLimit = limit > 0 && { limit, windowMs, blockMs: 30_000, maxSources, ipv6Prefix: 56 };
  return coreConfig({
    rateLimit,
    quarantine: { maxCount, maxBytes, maxShare },
    maxPayloadBytes,
    audit: { maxRecords },
  } as unknown as ResolvedOptions);
}

/** A linked core that has keys, entropy and record 0. */
export function begun(config: CoreConfig = configOf(), digest?: Runtime['digest'], seed = 1): Core {
  const core = link(instantiate(), config, digest);
  fill(core, seed);
  core.bytes.set(TAG_KEY, abi.INBOX_AT + abi.INBOX_KEY);
  core.call.seed();
  new Details().with(core, new TextEncoder().encode('genesis'), () => {
    writeText(core, ORIGIN);
    core.call.begin(NOW);
  });
  return core;
}

/** Writes a batch of entropy. */
function fill(core: Core, seed: number): void {
  const roll = dice(seed);
  const at = abi.INBOX_AT + abi.INBOX_ENTROPY;
  for (let i = 0; i < abi.ENTROPY_BYTES; i++) core.bytes[at + i] = Math.floor(roll() * 256);
}

/** A flagged scent, as the agent hands it to the engine. */
export const questionOf = (payload: Question['payload'], over: Partial<Question> = {}): Question => ({
  charged: false,
  fault: undefined,
  truncated: false,
  categoryReplaced: false,
  severityReplaced: false,
  severity: 2,
  disposition: abi.DISPOSITION_REFUSED,
  category: 'sqli',
  detector: 'lab',
  payload,
  size: 0,
  payloadHash: undefined,
  fingerprint: undefined,
  signatureHash: undefined,
  sidecar: undefined,
  ...over,
});

/** Asks about one flagged scent; the core's status. */
export function flag(
  core: Core,
  payload: Question['payload'],
  over: Partial<Question> = {},
  source = '192.0.2.1',
  now = NOW,
): number {
  if (core.view.getUint32(abi.OUTBOX_AT + abi.OUTBOX_ENTROPY_LEFT, true) < abi.ENTROPY_LOW) {
    fill(core, 2);
    core.call.refill();
  }
  writeQuestion(core, { kind: 'text', text: source }, questionOf(payload, over));
  return core.call.intercept(now);
}
