/**
 * Guards `src/lean.ts`: what is left out says so and where it is, before anything is recorded; what is not is as ever.
 */
import { describe, expect, it } from 'vitest';
import { verifyInclusion } from '../../src/formats/tlog';
import { openSnapshot } from '../../src/instance/image';
import { createLean } from '../../src/lean';
import { heldLog, storedLog } from '../../src/log/index';
import type { OpenedSnapshot, Tracehound } from '../../src/types/index';
import { lab } from '../lab/lab';
import { LabStore } from '../lab/store';
import { deploymentKey } from '../lab/written';

const KIND = { QUARANTINED: 2, CLOSE: 11 };
const LOGS = 'audit.log = heldLog() or storedLog(store) from tracehound/log, or createTracehound';

function attack(th: Tracehound, count: number): void {
  for (let i = 0; i < count; i++) {
    th.intercept({ source: `s${i}`, payload: `${i}`, threat: { category: 'sqli', severity: 'high' } });
  }
}

const signatureIn = (th: Tracehound): string => th.quarantine.list({ limit: 1 })[0]!.signature;

describe('a lean instance', () => {
  it('limits, quarantines, records, exports and closes, but neither signs nor proves, and says what is missing', async () => {
    const it = lab();
    const th = createLean(it.runtime, { rateLimit: { limit: 4, windowMs: 1_000 } });
    attack(th, 3);
    for (let i = 0; i < 4; i++) expect(th.intercept({ source: 'a' }).status).toBe('clean');
    expect(th.intercept({ source: 'a' }).status).toBe('rate_limited');
    const signature = signatureIn(th);
    expect(new TextDecoder().decode(th.quarantine.read(signature))).toMatch(/^[012]$/);
    const { size } = th.audit.head();
    const acts = {
      'audit.checkpoint': () => th.audit.checkpoint(),
      'audit.proveInclusion': () => th.audit.proveInclusion(0),
      'audit.proveConsistency': () => th.audit.proveConsistency(1),
      'quarantine.export': () => th.quarantine.export(signature, { actor: 'kim', purpose: 'court' }),
    };
    for (const [act, run] of Object.entries(acts)) {
      await expect(run(), act).rejects.toMatchObject({
        code: 'UNSUPPORTED',
        message: `${act}: nobody signs this log, expected ${LOGS}, got createLean`,
      });
    }
    expect(th.audit.head().size).toBe(size); // what cannot be exported is not recorded as exported
    expect(th.audit.verify()).toMatchObject({ ok: true, to: size });
    await th.audit.flush();
    expect(th.watcher.snapshot().audit).toMatchObject({ signed: 0, store: 'off' });
    th.audit.release(2);
    await th.close();
    await th.close();
    const kinds = th.audit.export().records.map((record) => record[1]);
    expect(kinds.slice(0, 2)).toEqual([KIND.QUARANTINED, KIND.QUARANTINED]);
    expect(kinds.at(-1)).toBe(KIND.CLOSE);
    expect(kinds.filter((kind) => kind === KIND.CLOSE)).toHaveLength(1);
    expect(it.violations).toEqual([]);
  });

  it('makes no snapshot', async () => {
    const th = createLean(lab().runtime, { secret: new Uint8Array(32) });
    const left = { code: 'UNSUPPORTED', message: 'snapshot: left out, expected createTracehound, got createLean' };
    await expect(th.snapshot()).rejects.toMatchObject(left);
    await expect(th.snapshot({ unsealed: true })).rejects.toMatchObject(left);
    await th.close();
    await expect(th.snapshot()).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('refuses at the start what it could not put in place, or would never sign', async () => {
    const it = lab();
    const secret = new Uint8Array(32);
    const restore = await openSnapshot(await it.make({ secret }).snapshot(), { secret });
    const cores = it.cores.length;
    for (const given of [restore, {} as OpenedSnapshot]) {
      expect(() => createLean(it.runtime, { secret, restore: given } as object)).toThrow(
        expect.objectContaining({
          code: 'UNSUPPORTED',
          message: 'restore: left out, expected createTracehound, got createLean',
        }),
      );
    }
    expect(() => createLean(it.runtime, { audit: { signer: deploymentKey() } })).toThrow(
      new RangeError(`audit.signer: nothing to sign, expected ${LOGS}, got createLean`),
    );
    expect(it.cores).toHaveLength(cores);
  });

  it('needs a runtime first', () => {
    for (const given of [undefined, null, 'node', {}, { rateLimit: false }]) {
      expect(() => createLean(given as never)).toThrow(TypeError);
      expect(() => createLean(given as never)).toThrow(/^runtime: wrong kind, expected a Runtime, got /);
    }
  });

  it('checks its options as ever', () => {
    expect(() => createLean(lab().runtime, { rateLimit: { limit: 0 } })).toThrow(/^rateLimit\.limit: too small, /);
    expect(() => createLean(lab().runtime, { audit: { maxRecords: 15 } })).toThrow(/^audit\.maxRecords: too small, /);
  });

  it('that did nothing has no log, also when it is closed', async () => {
    const it = lab();
    await createLean(it.runtime).close();
    expect(it.cores).toEqual([]);
  });

  it.each([
    ['held', () => heldLog()],
    ['stored', () => storedLog(new LabStore())],
  ])('signs and proves a %s log that it was given', async (_, log) => {
    const signer = deploymentKey();
    const th = createLean(lab().runtime, {
      rateLimit: false,
      audit: { origin: 'example.com/log', signer, log: log() },
    });
    attack(th, 3);
    expect(await th.audit.checkpoint()).toContain('\n— example.com/log ');
    const { leaf, ...proof } = await th.audit.proveInclusion(2);
    expect(verifyInclusion(leaf, proof, proof.root)).toBe(true);
    const bundle = await th.quarantine.export(signatureIn(th), { actor: 'kim', purpose: 'court' });
    expect(JSON.parse(new TextDecoder().decode(bundle))).toMatchObject({ tracehound: 'bundle/v1' });
    await th.close();
  });
});
