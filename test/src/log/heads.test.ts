/**
 * Guards the keys of a log: `src/log/heads.ts`. What lies in the store is read back by test/lab/stored-log.ts.
 */

import { describe, expect, it } from 'vitest';
import { Heads } from '../../../src/log/heads';
import { heldLog } from '../../../src/log/index';
import type { Signer } from '../../../src/types/index';
import { attack, deployment, KIND, kinds, ORIGIN, ofKind, optionsOf } from '../../lab/attacked';
import { lab } from '../../lab/lab';
import { LabStore } from '../../lab/store';
import { storedLog } from '../../lab/stored-log';

describe('keys', () => {
  it('are made for the log, named by it, and the deployment says so', async () => {
    const store = new LabStore();
    const signer = deployment();
    const th = lab().make(optionsOf(store, { signer }));
    attack(th, 10);
    await th.audit.flush();
    const log = storedLog(store, ORIGIN, signer.vkey);
    expect(ofKind(log, KIND.KEY)).toHaveLength(1);
    expect(log.signedBy).toHaveLength(1);
    expect(signer.vkey).not.toContain(log.signedBy[0]);
  });

  it('change when it is time, and the head after the change is signed by both', async () => {
    const it = lab();
    const store = new LabStore();
    const signer = deployment();
    const th = it.make(optionsOf(store, { signer, rotateMs: 5_000 }));
    for (let epoch = 1; epoch <= 4; epoch++) {
      attack(th, 10);
      await th.audit.flush();
      const log = storedLog(store, ORIGIN, signer.vkey);
      expect(ofKind(log, KIND.KEY)).toHaveLength(epoch);
      expect(log.signedBy).toHaveLength(epoch === 1 ? 1 : 2);
      attack(th, 10);
      await th.audit.flush();
      expect(storedLog(store, ORIGIN, signer.vkey).signedBy).toHaveLength(1);
      it.now += 5_000;
    }
  });

  it('stay when 255 changes were made: the field is a byte', async () => {
    const it = lab();
    const store = new LabStore();
    const th = it.make(optionsOf(store, { rotateMs: 1_000 }));
    for (let i = 0; i < 260; i++) {
      attack(th, 1);
      await th.audit.flush();
      it.now += 1_000;
    }
    const log = storedLog(store, ORIGIN);
    expect(ofKind(log, KIND.KEY)).toHaveLength(255);
    expect(log.size).toBe(1 + 260 + 255);
  });

  it('of the deployment sign by themselves where the platform makes none; with none, it says what is missing', async () => {
    const { generateKey } = crypto.subtle;
    const refuse = async (): Promise<never> => {
      throw new DOMException('not here', 'NotSupportedError');
    };
    Object.defineProperty(crypto.subtle, 'generateKey', { value: refuse, configurable: true });
    try {
      const store = new LabStore();
      const signer = deployment();
      const th = lab().make(optionsOf(store, { signer }));
      attack(th, 3);
      await th.audit.flush();
      const log = storedLog(store, ORIGIN, signer.vkey);
      expect(kinds(log)).toEqual([KIND.GENESIS, 2, 2, 2]);
      const alone = lab().make(optionsOf(new LabStore()));
      attack(alone, 3);
      await expect(alone.audit.flush()).rejects.toMatchObject({ code: 'UNSUPPORTED' });
      await expect(lab().make({}).audit.checkpoint()).rejects.toThrow('audit.signer: missing');
    } finally {
      Object.defineProperty(crypto.subtle, 'generateKey', { value: generateKey, configurable: true });
    }
  });

  it('do not change any more once the log has its last record, however often its head is asked for', async () => {
    const it = lab();
    const store = new LabStore();
    const stored = it.make(optionsOf(store, { rotateMs: 1_000 }));
    const held = it.make({ audit: { log: heldLog({ rotateMs: 1_000 }) } });
    for (const th of [stored, held]) {
      attack(th, 3);
      await th.audit.checkpoint();
      await th.close();
      const { size } = th.audit.head();
      for (let i = 0; i < 3; i++) {
        it.now += 10_000;
        await th.audit.flush();
        expect(Number((await th.audit.checkpoint()).split('\n')[1])).toBe(size);
      }
      expect(th.audit.head().size).toBe(size);
    }
    const log = storedLog(store, ORIGIN);
    expect([log.missing, kinds(log).at(-1)]).toEqual([[], KIND.CLOSE]);
  });

  it('that are chained to the log sign its heads, and no key is made', async () => {
    const store = new LabStore();
    const whole = deployment();
    const asked: string[] = [];
    const forLog = (origin: string): Signer => {
      asked.push(origin);
      return whole;
    };
    const th = lab().make(optionsOf(store, { signer: { ...whole, forLog } }));
    attack(th, 3);
    await th.audit.flush();
    expect(kinds(storedLog(store, ORIGIN, whole.vkey))).toEqual([KIND.GENESIS, 2, 2, 2]);
    expect(asked).toEqual([ORIGIN]);
  });

  it('that do not sign are an error which costs nothing', async () => {
    const store = new LabStore();
    const signer = deployment();
    let broken = true;
    const flaky: Signer = {
      ...signer,
      sign: async (bytes) => {
        if (broken) throw new Error('the HSM is on fire');
        return signer.sign(bytes);
      },
    };
    const it = lab();
    const th = it.make(optionsOf(store, { signer: flaky }));
    attack(th, 3);
    await expect(th.audit.flush()).rejects.toMatchObject({ name: 'TracehoundError' });
    expect(store.keys()).toEqual(['latest']);
    broken = false;
    await th.audit.flush();
    expect(storedLog(store, ORIGIN, signer.vkey).missing).toEqual([]);
  });
});

it('a log that nobody has written to has no key, and asks for nothing to be made', () => {
  const port = new Proxy({}, { get: (_, name) => expect.unreachable(String(name)) });
  expect(new Heads(port as never, 'example.com/log').keys).toEqual([]);
});
