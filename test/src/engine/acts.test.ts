/**
 * Guards the acts of the engine that an instance does not offer yet: evidence on hold, archived, erased; and records of kinds
 * that only the host can know of, with everything they may say.
 *
 * Files: `assembly/acts.ts`, `assembly/describe.ts`.
 */
import { describe, expect, test } from 'vitest';
import { Engine } from '../../../src/engine/index';
import { BUILDS, ground, type LogRecord, readRecord, SECRET, T0 } from '../../ground';

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

/** An engine with room for `maxCount` items. */
function bare(core: (typeof BUILDS)[0][1], maxCount = 4) {
  const { runtime } = ground({}, { core });
  const store = { maxCount, maxBytes: 4_096, shareCount: maxCount, shareBytes: 4_096, slabBlocks: 34 + 3 * maxCount };
  const config = {
    windowMs: 0,
    blockMs: 0,
    limit: 0,
    maxSources: 0,
    ipv6Prefix: 56,
    maxPayloadBytes: 1_024,
    maxRecords: 64,
  };
  const engine = new Engine({
    config: { ...config, ...store },
    runtime,
    secret: SECRET,
    origin: 'test.example/acts',
    continues: undefined,
    genesis: () => text('{}'),
    succession: () => text('{}'),
  });
  const records = (from: number): LogRecord[] => engine.log.export(T0, from, undefined).records.map(readRecord);
  let count = 0;
  const admit = (severity: number): { slot: number; id: string; status: string } => {
    count++;
    const status = engine.intercept(T0, { kind: 'address', text: `192.0.2.${count}` }, {
      category: 'sqli',
      severity,
      detector: '',
      disposition: 1,
      payload: text(`payload ${count}`),
    } as Parameters<Engine['intercept']>[2]);
    const id = status === 'quarantined' ? engine.handle().id.slice(0, 36).replaceAll('-', '') : '';
    return { slot: id === '' ? 0 : engine.findId(T0, Buffer.from(id, 'hex')), id, status };
  };
  return { engine, records, admit };
}

describe.each(BUILDS)('on the %s build', (_build, core) => {
  test('an item on hold is never evicted, and the record says who keeps it', () => {
    const { engine, records, admit } = bare(core, 2);
    const kept = admit(0);
    admit(0);
    const from = engine.log.head(T0).size;
    expect(engine.hold(T0, kept.slot, true, text('{"actor":"kim"}'))).toBe(true);
    expect(engine.hold(T0, kept.slot, true)).toBe(false);
    for (let i = 0; i < 3; i++) expect(admit(3).status).toBe('quarantined');
    expect(engine.findId(T0, Buffer.from(kept.id, 'hex'))).toBe(kept.slot);
    expect(engine.hold(T0, kept.slot, false)).toBe(true);
    const held = records(from).filter(({ id }) => id === kept.id);
    expect(held.map(({ kind, flags }) => [kind, flags])).toEqual([
      ['HOLD', 1],
      ['RELEASED', 0],
    ]);
  });

  test('what is archived leaves first, however grave', () => {
    const { engine, records, admit } = bare(core, 2);
    const [grave, slight] = [admit(3), admit(0)];
    expect(engine.evacuated(T0, grave.slot)).toBe(true);
    expect(engine.evacuated(T0, grave.slot)).toBe(false);
    expect(admit(0).status).toBe('quarantined');
    expect(engine.findId(T0, Buffer.from(slight.id, 'hex'))).toBe(slight.slot);
    const kinds = records(1).filter(({ id }) => id === grave.id);
    expect(kinds.map(({ kind }) => kind)).toEqual(['QUARANTINED', 'EVACUATED', 'EVICTED']);
  });

  test('what is erased is gone, and its record is no purge', () => {
    const { engine, records, admit } = bare(core);
    const item = admit(2);
    engine.erase(T0, item.slot, text('{"actor":"kim"}'));
    expect(engine.findId(T0, Buffer.from(item.id, 'hex'))).toBe(0);
    expect(records(1).at(-1)).toMatchObject({ kind: 'ERASED', id: item.id, flags: 1 });
  });

  test('a record of the host says what it is given: reason, length, count, severity, evidence, source', () => {
    const { engine, records, admit } = bare(core);
    const item = admit(1);
    const tag = records(1)[0]!.source;
    const seq = engine.log.append(T0, 'finding', {
      reason: 200,
      length: 7,
      count: 3,
      severity: 2,
      disposition: 1,
      id: Buffer.from(item.id, 'hex'),
      source: { kind: 'address', text: '192.0.2.1' },
      detail: text('{"what":"entropy"}'),
    });
    expect(records(seq)[0]).toMatchObject({
      kind: 'FINDING',
      reason: 200,
      length: 7,
      count: 3,
      severity: 2,
      disposition: 1,
      id: item.id,
      source: tag,
      flags: 1,
    });
    const plain = engine.log.append(T0, 'trouble', { reason: 1 });
    expect(records(plain)[0]).toMatchObject({
      kind: 'TROUBLE',
      reason: 1,
      length: 0,
      count: 0,
      severity: 255,
      disposition: 0,
      id: '0'.repeat(32),
      source: '0'.repeat(64),
      flags: 0,
    });
    expect(engine.log.verify(T0).ok).toBe(true);
  });

  test('HEARTBEAT carries ten totals, of which the core counts what it refused and did not keep', () => {
    const { engine, records } = bare(core);
    engine.count(T0, 'allowed');
    engine.count(T0, 'shed');
    engine.count(T0, 'lostEvents');
    engine.refused(T0, { kind: 'address', text: '192.0.2.1' }, false, false);
    const { payload, source } = records(engine.log.append(T0, 'heartbeat'))[0]!;
    const five = (hex: string): number[] => [0, 1, 2, 3, 4].map((i) => Buffer.from(hex, 'hex').readUIntBE(6 * i, 6));
    expect(five(payload)).toEqual([1, 0, 0, 0, 0]);
    expect(five(source)).toEqual([1, 1, 0, 1, 1]);
  });
});
