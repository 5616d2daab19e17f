/**
 * Guards what `createTracehound` of every runtime can do by itself: without an option or an import more, its log is signed
 * and proven, evidence is exported, and a snapshot is made and begun from. Looked at with the verifier, from the outside.
 */
import { describe, expect, it } from 'vitest';
import type * as NodeRuntime from '../../runtimes/node/index';
import { createLean } from '../../src/lean';
import { generateKey, signerFromText } from '../../src/signers/index';
import type { Runtime, Tracehound } from '../../src/types/index';
import { parsePolicy, verifyBundle, verifyConsistency, verifyInclusion } from '../../src/verify/index';

type Ground = Pick<typeof NodeRuntime, 'createTracehound' | 'openSnapshot'>;
/** `import()` wants each path in full. */
const GROUNDS: Record<string, () => Promise<Ground>> = {
  node: () => import('../../runtimes/node/index'),
  cloudflare: () => import('../../runtimes/cloudflare/index'),
  vercel: () => import('../../runtimes/vercel/index'),
  fastly: () => import('../../runtimes/fastly/index'),
  lambdaEdge: () => import('../../runtimes/lambda-edge/index'),
  deno: () => import('../../runtimes/deno/index'),
  bun: () => import('../../runtimes/bun/index'),
  standard: () => import('../../runtimes/standard/index'),
};

const ORIGIN = 'example.com/log';
const key = await generateKey('example.com/deployment');

function attack(th: Tracehound, payload: string): string {
  const result = th.intercept({ source: '203.0.113.7', payload, threat: { category: 'sqli', severity: 'high' } });
  if (result.status !== 'quarantined') throw new Error(`got ${result.status}`);
  return result.evidence.signature;
}

describe.each(Object.keys(GROUNDS))('createTracehound of %s, by default,', (name) => {
  it('signs the head of its log, by keys of its own', async () => {
    const { createTracehound } = await GROUNDS[name]!();
    const th = createTracehound({ audit: { origin: ORIGIN } });
    attack(th, 'a');
    const note = await th.audit.checkpoint();
    const { size, root } = th.audit.head();
    expect(note.startsWith(`${ORIGIN}\n${size}\n${Buffer.from(root, 'hex').toString('base64')}\n`)).toBe(true);
    expect(note).toContain(`\n— ${ORIGIN} `);
    await th.close();
  });

  it('takes a signer without any log, and proves to who pins its key', async () => {
    const { createTracehound } = await GROUNDS[name]!();
    const signer = await signerFromText(key.skey);
    const th = createTracehound({ audit: { origin: ORIGIN, maxRecords: 64, signer } });
    const signature = attack(th, 'a');
    const old = th.audit.head();
    for (let i = 0; i < 5; i++) attack(th, `more ${i}`);

    const { leaf, ...proof } = await th.audit.proveInclusion(1);
    expect(verifyInclusion(leaf, proof, th.audit.head().root)).toBe(true);
    const consistency = await th.audit.proveConsistency(old.size);
    expect(verifyConsistency(consistency, old.root, th.audit.head().root)).toBe(true);

    const bytes = await th.quarantine.export(signature, { actor: 'kim', purpose: 'court' });
    const report = await verifyBundle(bytes, { policy: parsePolicy(`log ${key.vkey}\nquorum none\n`) });
    expect(report).toMatchObject({ integrity: 'good', authenticity: 'good' });
    await th.close();
    expect(await th.audit.checkpoint()).toContain(`\n${th.audit.head().size}\n`);
  });

  it('makes a snapshot, and begins from one', async () => {
    const { createTracehound, openSnapshot } = await GROUNDS[name]!();
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const th = createTracehound({ secret });
    const signature = attack(th, 'kept');
    const restore = await openSnapshot(await th.snapshot(), { secret });
    const heir = createTracehound({ secret, restore });
    expect(new TextDecoder().decode(heir.quarantine.read(signature))).toBe('kept');
    await expect(createTracehound().snapshot()).rejects.toMatchObject({ code: 'SNAPSHOT_UNSEALED' });
    await Promise.all([th.close(), heir.close()]);
  });

  it('has a runtime that a lean instance runs on', async () => {
    const module = (await GROUNDS[name]!()) as unknown as Record<string, Runtime>;
    const th = createLean(module[name]!, { rateLimit: false });
    expect(attack(th, 'a')).toMatch(/^sqli:/);
    await th.close();
  });
});
