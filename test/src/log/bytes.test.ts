/**
 * Guards every byte that lies in a store: what the writer wrote, changed by one bit anywhere, is never called good — also in
 * the parts of bundles and tiles that were stored before they were full, and in the tail.
 */
import { describe, expect, it, vi } from 'vitest';
import { generateKey, signerFromText } from '../../../src/signers/index';
import { type LogReport, parsePolicy, storeSource, verifyLog } from '../../../src/verify/index';
import { lab } from '../../lab/lab';
import { LabStore, TidyStore } from '../../lab/store';
import { into } from '../../lab/written';

const ORIGIN = 'example.com/log';

/** `isKept`: the store takes nothing away, so that every part stays. */
async function written(isKept: boolean): Promise<{ store: LabStore; check: () => Promise<LogReport> }> {
  const { skey, vkey } = await generateKey('example.com/deployment');
  const store = isKept ? new LabStore() : new TidyStore();
  const audit = into(store, { origin: ORIGIN, signer: await signerFromText(skey), tail: !isKept, checkpointMs: 50 });
  const world = lab();
  const th = world.make({ rateLimit: false, audit });
  for (let i = 0; i < (isKept ? 600 : 610); i++) {
    const rule = i % 3 === 0 ? { rule: '942100' } : {};
    th.intercept({ source: `s${i}`, payload: `attack ${i}`, threat: { category: 'sqli', severity: 'high', ...rule } });
    if (isKept && i % 70 === 69) await th.audit.flush();
    if (!isKept && (i < 2 || i % 7 === 0)) {
      world.now += 50;
      th.http.runtime.ship();
      await vi.waitFor(() => expect(th.watcher.snapshot().audit.unreleased).toBe(0), { interval: 1 });
    }
  }
  if (isKept) await th.close();
  const policy = parsePolicy(`log ${vkey}\nquorum none\n`);
  const get = async (path: string): Promise<Uint8Array | undefined> => store.objects.get(`${ORIGIN}/${path}`);
  const widths = async (path: string): Promise<number[]> =>
    store.keys(`${ORIGIN}/${path}.p/`).map((key) => Number(key.split('/').at(-1)));
  return { store, check: () => verifyLog(storeSource(get, { origin: ORIGIN, widths }), { policy }) };
}

describe('a log in a store', () => {
  it.each([
    ['with every part that it ever had', true],
    ['with a tail', false],
  ])('is good as it was written, and never with one bit changed: %s', async (_, isKept) => {
    const { store, check } = await written(isKept);
    expect(await check()).toMatchObject({ exitCode: 0, integrity: 'good', authenticity: 'good', completeness: 'good' });
    const keys = store.keys(`${ORIGIN}/`);
    const parts = keys.filter((key) => key.includes(isKept ? '.p/' : '/tail/'));
    expect(parts.length).toBeGreaterThan(isKept ? 20 : 1);
    for (const key of keys) {
      const bytes = store.objects.get(key)!;
      const stride = Math.max(1, Math.floor(bytes.length / 7));
      for (let at = key.length % stride; at < bytes.length; at += stride) {
        bytes[at]! ^= 1 << (at % 8);
        expect((await check()).exitCode, `byte ${at} of ${key}`).not.toBe(0);
        bytes[at]! ^= 1 << (at % 8);
      }
    }
    expect((await check()).exitCode).toBe(0);
  });

  it('with an earlier part that is no beginning of what came after it is tampered with, and the part is named', async () => {
    const { store, check } = await written(true);
    for (const [part, at, seq] of [
      ['tile/entries/000.p/71', 178 * 30 + 90, 30],
      ['tile/details/000.p/71', 40, 0],
      ['tile/0/000.p/71', 32 * 12 + 3, 12],
      ['tile/1/000.p/1', 5, 0],
    ] as const) {
      const key = store.keys(`${ORIGIN}/${part.replace(/\d+$/, '')}`)[0]!;
      const bytes = store.objects.get(key)!;
      for (const change of [
        () => (bytes[at]! ^= 1),
        () => store.objects.set(key, bytes.slice(0, -1)),
        () => store.objects.set(key, Buffer.concat([bytes, Buffer.of(0, 0)])),
      ]) {
        const kept = bytes.slice();
        change();
        const { exitCode, findings } = await check();
        expect(exitCode, part).toBe(1);
        const found = findings.find(({ code }) => code === 'PART');
        expect(found).toMatchObject({ verdict: 'integrity', place: key.slice(ORIGIN.length + 1) });
        bytes.set(kept);
        if (store.objects.get(key) === bytes) expect(found!.seq).toBe(seq);
        store.objects.set(key, bytes);
      }
    }
  });
});
