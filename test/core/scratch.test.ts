/**
 * Guards that a salt lives with its evidence and nowhere else: the commitments of the log hide what they commit to only as
 * long as no copy of the salt lies in scratch, inbox or outbox. All of linear memory is searched after every act.
 *
 * Files: `assembly/abi.ts`, `assembly/places.ts`, `assembly/arena.ts`.
 */
import { describe, expect, test } from 'vitest';
import * as abi from '../../assembly/abi';
import type { Scent } from '../../src/index';
import { BUILDS, type Ground, ground } from '../ground';

const SALT_BYTES = 16;
const WHO = { actor: 'kim', purpose: 'triage' };

const scent = (i: number, more: Partial<Scent> = {}): Scent => ({
  source: `192.0.2.${i % 200}`,
  payload: `payload ${i} `.repeat(1 + (i % 20)),
  threat: { category: 'sqli', severity: 'high', detector: 'crs', ...(i % 3 === 0 ? { rule: `9421${i}` } : {}) },
  ...more,
});

/** The salts of what is held now, as hex, each with the address where it may lie. */
function salts(world: Ground): Map<string, number> {
  const memory = world.memory();
  const view = new DataView(memory.buffer);
  const at = (header: number): number => view.getUint32(abi.HEADER_AT + header, true);
  const high = view.getUint32(at(abi.HEADER_QUARANTINE) + abi.QUARANTINE_SLOT_HIGH, true);
  const found = new Map<string, number>();
  for (let index = 0; index < high; index++) {
    const slot = at(abi.HEADER_SLOTS) + index * abi.SLOT_BYTES;
    if ((memory[slot + abi.SLOT_STATE] as number) === 0) continue;
    const block = view.getUint32(slot + abi.SLOT_FIRST_BLOCK, true) - 1;
    const salt = at(abi.HEADER_SLAB) + block * abi.BLOCK_BYTES + abi.BLOCK_DATA + abi.ITEM_SALT;
    found.set(Buffer.from(memory.subarray(salt, salt + SALT_BYTES)).toString('hex'), salt);
  }
  return found;
}

/** Every address at which these bytes lie. */
function places(memory: Uint8Array, bytes: Buffer): number[] {
  const all = Buffer.from(memory.buffer, memory.byteOffset, memory.length);
  const found: number[] = [];
  for (let at = all.indexOf(bytes); at >= 0; at = all.indexOf(bytes, at + 1)) found.push(at);
  return found;
}

describe.each(BUILDS)('on the %s build', (_build, core) => {
  test('a salt lies with its evidence while that is held, and nowhere once it is gone', async () => {
    const world = ground(
      { quarantine: { maxCount: 12, maxBytes: 4_096, maxShare: 1 }, maxPayloadBytes: 1_024, rateLimit: false },
      { core },
    );
    const { th } = world;
    const known = new Set<string>();
    let released = 0;
    const check = (act: string): void => {
      const held = salts(world);
      for (const salt of held.keys()) known.add(salt);
      for (const salt of known) {
        const where = held.get(salt);
        if (where === undefined) released++;
        expect(places(world.memory(), Buffer.from(salt, 'hex')), act).toEqual(where === undefined ? [] : [where]);
      }
    };
    const signatures = (): string[] => th.quarantine.list().map(({ signature }) => signature);

    for (let i = 0; i < 20; i++) {
      expect(th.intercept(scent(i)).status).toBe('quarantined');
      check('admit, and evict once it is full');
    }
    th.intercept(scent(19));
    check('repeat');
    th.intercept(scent(50, { fingerprint: 'something else' }));
    check('admit by fingerprint');
    th.intercept({ source: '192.0.2.250', threat: scent(1).threat! });
    check('admit by source');
    th.intercept(scent(51, { payload: 'x'.repeat(1_025) }));
    check('drop');
    th.quarantine.get(signatures()[0]!);
    check('get');
    th.quarantine.find(th.quarantine.list()[1]!.id);
    check('find');
    th.quarantine.read(signatures()[0]!, WHO);
    check('read');
    th.quarantine.replace(signatures()[0]!, scent(60), WHO);
    check('replace');
    th.quarantine.neutralize(signatures()[0]!, WHO);
    check('neutralize');
    th.quarantine.purge(signatures()[0]!, 'erased', WHO);
    check('purge');
    await th.audit.flush();
    check('flush of the log');
    await th.snapshot({ unsealed: true });
    check('snapshot');
    th.quarantine.purgeAll();
    check('flush');
    expect(known.size).toBeGreaterThan(20);
    expect(released).toBeGreaterThan(known.size);
  });
});
