/**
 * Guards `src/log/index.ts`: who keeps a log is chosen by a frozen value, and what cannot keep one is refused at once. A log
 * that goes on brings its name and needs a signer, and one that its instance still holds does neither.
 */
import { describe, expect, test } from 'vitest';
import { resolveOptions } from '../../../src/instance/config';
import { heldLog, openLog, storedLog } from '../../../src/log/index';
import type { LogPlug } from '../../../src/log/keeper';
import { reopenLog } from '../../../src/log/open';
import type { TracehoundOptions } from '../../../src/types/index';
import { attack, deployment, KIND, ORIGIN, optionsOf } from '../../lab/attacked';
import { lab } from '../../lab/lab';
import { LabStore } from '../../lab/store';

const unused = async (): Promise<never> => expect.unreachable();
const store = { putIfAbsent: unused, get: unused, swap: unused };

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
  test('brings its name, and needs a signer who says that it goes on', async () => {
    const store = await left();
    const log = storedLog(store, { resume: await openLog(store, { origin: ORIGIN, keys: [signer.vkey] }) });
    expect(auditOf({ log, signer }).origin).toBe(ORIGIN);
    expect(() => auditOf({ log })).toThrow('storedLog.resume: cannot go on alone');
    expect(() => auditOf({ log, signer, origin: 'example.com/other' })).toThrow('audit.origin: another');
  });

  test('by the instance that holds it is none that somebody left: that one knows its name, and who signs', async () => {
    const store = await left();
    const log = storedLog(store, { resume: await reopenLog(store, ORIGIN) });
    expect(auditOf({ log }).signer).toBeUndefined();
    expect(auditOf({ log, origin: 'example.com/other' }).origin).toBe('example.com/other');
  });
});

describe('who keeps the log', () => {
  test('is a frozen value that asks nobody for anything', () => {
    for (const plug of [heldLog(), storedLog(store)] as LogPlug[]) {
      expect(Object.isFrozen(plug)).toBe(true);
      expect(plug.recordsMin).toBeGreaterThanOrEqual(16);
      expect(plug.resume).toBeUndefined();
    }
  });

  test.each(['putIfAbsent', 'get', 'swap'])('is no store without %s', (name) => {
    expect(() => storedLog({ ...store, [name]: undefined } as never)).toThrow(`storedLog.store.${name}: `);
  });

  test.each([
    [{ checkpointMs: 0 }, RangeError],
    [{ heartbeatMs: 'x' }, TypeError],
    [{ rotateMs: 999 }, RangeError],
    [{ policy: 'stop' }, RangeError],
    [{ tail: 'yes' }, TypeError],
    [{ resume: {} }, TypeError],
    [{ polcy: 'halt' }, TypeError],
  ])('with %j is refused in a sentence', (options, kind) => {
    const make = (): unknown => {
      const plug = storedLog(store, options as never) as LogPlug;
      return plug.begin();
    };
    expect(make).toThrow(kind);
    expect(make).toThrow(/: .*expected .+, got /);
  });

  test('takes a signer only with the verifier key of its name', () => {
    const plug = heldLog() as LogPlug;
    expect(() => plug.expectSigner({ name: 'a', vkey: 'x', sign: unused } as never)).toThrow('audit.signer.vkey: ');
  });
});

test('a log in memory signs what it holds, and changes its key at the pace that it was given', async () => {
  const it = lab();
  const th = it.make({ audit: { signer, log: heldLog({ rotateMs: 1_000 }) } });
  attack(th, 1);
  const keys = (): number => th.audit.export().records.filter((record) => record[1] === KIND.KEY).length;
  await th.audit.checkpoint();
  it.now += 999;
  await th.audit.checkpoint();
  expect(keys()).toBe(1);
  it.now += 1;
  await th.audit.checkpoint();
  expect(keys()).toBe(2);
});
