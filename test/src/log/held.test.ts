/**
 * Guards `src/log/held.ts`, a held log whose instance lives on in the storage of a Durable Object: it is signed on, and still verifies.
 */

import { expect, it } from 'vitest';
import { ObjectMemory } from '../../../runtimes/cloudflare/memory';
import { node } from '../../../runtimes/node/index';
import { HeldKeeper } from '../../../src/log/held';
import { wire } from '../../../src/tracehound';
import { parsePolicy, verifyBundle } from '../../../src/verify/index';
import { sqliteStorage } from '../../lab/sqlite';
import { deploymentKey } from '../../lab/written';

const KIND_KEY = 10;

it('is signed by a new key of the next epoch each time it woke, and what it proves verifies', async () => {
  const storage = sqliteStorage();
  const secret = new Uint8Array(32).fill(7);
  const signer = deploymentKey();
  const policy = parsePolicy(`log ${signer.vkey}\nquorum none\n`);
  for (const waking of [1, 2, 3]) {
    const memory = await ObjectMemory.open(storage, { secret, object: 'one' });
    const th = wire(node, { secret, audit: { origin: 'example.com/log', signer } }, memory.persistence);
    const threat = { category: 'sqli', severity: 'high' } as const;
    const result = th.intercept({ source: 's', payload: `${waking}`, threat });
    if (result.status !== 'quarantined') throw new Error(result.status);
    const bundle = await th.quarantine.export(result.evidence.signature, { actor: 'kim', purpose: 'court' });
    expect(await verifyBundle(bundle, { policy })).toMatchObject({ integrity: 'good', authenticity: 'good' });
    const keys = th.audit.export().records.filter((record) => record[1] === KIND_KEY);
    expect(keys).toHaveLength(waking);
    await memory.commit();
  }
});

it('the keeper of a held log releases nothing and stores nothing, and says so', async () => {
  const port = { isUp: () => false, log: {}, now: () => 0 };
  const keeper = new HeldKeeper(port as never, 1_000);
  expect([keeper.storeState, keeper.signedSize, keeper.ended]).toEqual(['off', 0, false]);
  await keeper.flush();
  await keeper.close();
  expect(keeper.ended).toBe(false);
});
