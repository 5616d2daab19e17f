/**
 * Guards proofs and signed heads, from a store and from memory: `src/log/proofs.ts`, `reader.ts`, `held.ts`.
 */

import { describe, expect, it } from 'vitest';
import { verifyConsistency, verifyInclusion } from '../../../src/formats/tlog';
import { proofsOf } from '../../../src/log/proofs';
import { attack, deployment, KIND, ORIGIN, optionsOf } from '../../lab/attacked';
import { lab } from '../../lab/lab';
import { LabStore } from '../../lab/store';
import { headOf, leafOf } from '../../lab/stored-log';
import { into } from '../../lab/written';

describe('proofs', () => {
  it.each([
    ['a store', true],
    ['memory', false],
  ])('from %s hold against the head', async (_, stored) => {
    const store = new LabStore();
    const th = lab().make({ rateLimit: false, audit: stored ? into(store, { origin: ORIGIN }) : { origin: ORIGIN } });
    attack(th, 600);
    if (stored) await th.audit.flush();
    const old = th.audit.head();
    attack(th, 200);
    for (const seq of [0, 1, 255, 256, 511, 512, 600, 799]) {
      const proof = await th.audit.proveInclusion(seq);
      expect(proof).toMatchObject({ index: seq, root: th.audit.head().root });
      expect(verifyInclusion(proof.leaf, proof, proof.root)).toBe(true);
      const { records } = th.audit.export({ from: seq, to: seq + 1 });
      expect(Buffer.from(proof.leaf).equals(leafOf(records[0]!))).toBe(true);
    }
    const consistency = await th.audit.proveConsistency(old.size);
    const head = th.audit.head();
    expect(consistency).toMatchObject({ from: old.size, to: head.size });
    expect(verifyConsistency(consistency, old.root, head.root)).toBe(true);
    const { records } = th.audit.export({ from: 0 });
    const inner = await th.audit.proveConsistency(300, 500);
    const heads = [300, 500].map((size) => headOf(records.slice(0, size).map(leafOf)));
    expect(verifyConsistency(inner, heads[0]!, heads[1]!)).toBe(true);
  });

  it('of what is not there are refused', async () => {
    const th = lab().make({ rateLimit: false, audit: { maxRecords: 16 } });
    attack(th, 3);
    await expect(th.audit.proveInclusion(4)).rejects.toThrow(
      'audit.proveInclusion: no such record, expected < 4, got 4',
    );
    await expect(th.audit.proveInclusion(-1)).rejects.toThrow(RangeError);
    await expect(th.audit.proveConsistency(0)).rejects.toThrow('expected 1 ≤ from ≤ to ≤ 4, got 0 and 4');
    await expect(th.audit.proveConsistency(2, 5)).rejects.toThrow(RangeError);
    attack(th, 30);
    await expect(th.audit.proveInclusion(20)).rejects.toMatchObject({ code: 'RANGE_UNAVAILABLE' });
  });

  it('come with a signed head, without a store as well', async () => {
    const th = lab().make({ rateLimit: false, audit: { origin: ORIGIN } });
    attack(th, 3);
    const [one, two] = await Promise.all([th.audit.checkpoint(), th.audit.checkpoint()]);
    expect(one).toBe(two);
    expect(one.split('\n').slice(0, 2)).toEqual([ORIGIN, '5']);
    const store = new LabStore();
    const kept = lab().make(optionsOf(store));
    attack(kept, 3);
    expect(await kept.audit.checkpoint()).toBe(store.text(`${ORIGIN}/checkpoint`));
  });
});

it('a held log that follows a panic is signed under its own name, by a key of its own', async () => {
  const it = lab();
  const signer = deployment();
  const th = it.make({ rateLimit: false, audit: { origin: ORIGIN, signer } });
  attack(th, 3);
  const before = await th.audit.checkpoint();
  it.last().stopAt = { name: 'intercept', code: 1 };
  th.intercept({ source: 'x', payload: 'y', threat: { category: 'sqli', severity: 'high' } });
  const { origin } = th.audit.head();
  const after = await th.audit.checkpoint();
  expect([before, after].map((note) => note.split('\n')[0])).toEqual([ORIGIN, origin]);
  expect(after).toContain(`\n— ${origin} `);
  expect(th.audit.export().records.filter((record) => record[1] === KIND.KEY)).toHaveLength(1);
});

it('a log that ended without a key cannot be signed any more, and says so', async () => {
  const th = lab().make({ rateLimit: false });
  attack(th, 3);
  await th.close();
  await expect(th.audit.checkpoint()).rejects.toMatchObject({ code: 'SIGNER_FAILED' });
});

it('what is asked beyond a log is refused with its size', async () => {
  const reader = { size: 5, hash: async () => new Uint8Array(32), record: async () => undefined };
  const proofs = proofsOf({
    checkpoint: async () => 'note',
    reader: async () => reader,
    signed: async () => expect.unreachable(),
  });
  expect(await proofs.checkpoint()).toBe('note');
  await expect(proofs.proveInclusion(5)).rejects.toThrow('expected < 5, got 5');
  for (const [from, to] of [
    [0, 3],
    [4, 3],
    [1, 6],
  ] as const)
    await expect(proofs.proveConsistency(from, to)).rejects.toThrow('expected 1 ≤ from ≤ to ≤ 5');
  expect((await proofs.proveInclusion(4)).hashes.length).toBeGreaterThan(0);
});
