/**
 * Guards `src/log/index.ts`, who keeps a log, as `audit.log` takes it: a log that goes on brings its name and needs a signer,
 * one that its instance still holds does neither, and what is held is kept until its caller releases it.
 */
import { describe, expect, it } from 'vitest';
import { resolveOptions } from '../../../src/instance/config';
import { heldLog, openLog, storedLog } from '../../../src/log/index';
import type { LogPlug } from '../../../src/log/keeper';
import { reopenLog } from '../../../src/log/open';
import type { TracehoundOptions } from '../../../src/types/index';
import { attack, deployment, ORIGIN, optionsOf } from '../../lab/attacked';
import { lab } from '../../lab/lab';
import { LabStore } from '../../lab/store';

const signer = deployment();
const auditOf = (audit: TracehoundOptions['audit']) => resolveOptions({ audit }, heldLog() as LogPlug).audit;

/** A store in which somebody left a log. */
async function left(): Promise<LabStore> {
  const store = new LabStore();
  const th = lab().make(optionsOf(store, { signer }));
  attack(th, 3);
  await th.audit.flush();
  return store;
}

describe('a log that is resumed', () => {
  it('brings its name, and needs a signer who says that it goes on', async () => {
    const store = await left();
    const log = storedLog(store, { resume: await openLog(store, { origin: ORIGIN, keys: [signer.vkey] }) });
    expect(auditOf({ log, signer }).origin).toBe(ORIGIN);
    expect(() => auditOf({ log })).toThrow('storedLog.resume: cannot go on alone');
    expect(() => auditOf({ log, signer, origin: 'example.com/other' })).toThrow('audit.origin: another');
  });

  it('by the instance that holds it is none that somebody left: that one knows its name, and who signs', async () => {
    const store = await left();
    const log = storedLog(store, { resume: await reopenLog(store, ORIGIN) });
    expect(auditOf({ log }).signer).toBeUndefined();
    expect(auditOf({ log, origin: 'example.com/other' }).origin).toBe('example.com/other');
  });
});

describe('who keeps a log', () => {
  it('cannot be changed after it was made, and is asked for options that are its own', () => {
    for (const log of [heldLog(), storedLog(new LabStore())]) expect(Object.isFrozen(log)).toBe(true);
    expect(() => heldLog({ rotateMs: 999 })).toThrow('heldLog.rotateMs: too small');
    expect(() => storedLog(new LabStore(), { tail: 'yes' as never })).toThrow(
      'storedLog.tail: wrong kind, expected true or false, got a string',
    );
    expect(() => storedLog({ get: () => {} } as never)).toThrow('storedLog.store.putIfAbsent: wrong kind');
  });

  it('in memory signs what it holds, and changes its key at its own pace', async () => {
    const it = lab();
    const th = it.make({ audit: { signer, log: heldLog({ rotateMs: 1_000 }) } });
    attack(th, 1);
    const keyOf = async (): Promise<string> => (await th.audit.checkpoint()).split('\n— ')[1]!.split(' ')[0]!;
    const keys = (): number => th.audit.export().records.filter((record) => record[1] === 10).length;
    await keyOf();
    it.now += 999;
    await keyOf();
    expect(keys()).toBe(1);
    it.now += 1;
    await keyOf();
    expect(keys()).toBe(2);
  });
});
