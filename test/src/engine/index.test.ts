/**
 * Guards src/engine/index.ts, the wall around the core: one question is one answer in the host's words, everything read is a
 * copy, nothing of a question stays in memory, and wrong words never reach the core.
 */
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import * as abi from '../../../assembly/abi';
import { type CoreConfig, compareBytes, Engine, type EngineSource } from '../../../src/engine/index';
import { configOf, questionOf } from '../../lab/core';
import { engineOf, engineOptions } from '../../lab/engine';
import { lab, region } from '../../lab/lab';

const who = (text: string): EngineSource => ({ kind: 'key', text });
const sha256 = (...parts: (Uint8Array | string)[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const NOBODY = new Uint8Array(16);

describe('an engine', () => {
  it('touches nothing before the first call, and foresees how much memory it takes', () => {
    for (const over of [{}, { limit: 0 }, { maxSources: 5_000 }, { maxPayloadBytes: 200_000 }, { maxRecords: 1_000 }]) {
      const it = lab();
      const engine = new Engine(engineOptions(it, { config: configOf(over) }));
      expect([engine.status, engine.quarantine(), engine.limiter()]).toEqual(['idle', undefined, undefined]);
      expect([it.cores.length, it.drawn.length]).toEqual([0, 0]);
      const foreseen = engine.memoryBytes;
      engine.makeId(it.now);
      expect(engine.memoryBytes).toBe(foreseen);
    }
    const tooMuch: CoreConfig = configOf({ maxRecords: 2 ** 26 });
    expect(() => new Engine(engineOptions(lab(), { config: tooMuch }))).toThrow(/^audit\.maxRecords: too large/);
  });

  it('answers what became of a flagged scent, with its handle', () => {
    const {
      engine,
      it: { now },
    } = engineOf({ config: configOf({ limit: 3, maxCount: 1 }) });
    expect(engine.intercept(now, who('a'), questionOf('one', { severity: 3 }))).toBe('quarantined');
    const handle = engine.handle();
    expect(handle).toMatchObject({ signature: `sqli:${sha256('one').toString('hex')}`, severity: 'critical', size: 3 });
    expect([engine.id(), engine.signatureHash()]).toEqual([handle.id, handle.signature.slice(5)]);
    expect(engine.rate()).toMatchObject({ allowed: true, remaining: 2, limit: 3 });
    expect(engine.intercept(now, who('b'), questionOf('one'))).toBe('duplicate');
    expect(engine.handle()).toMatchObject({ id: handle.id, seen: 2 });
    expect(engine.intercept(now, who('c'), questionOf('two', { severity: 0 }))).toBe('dropped');
    expect(engine.dropReason()).toBe('capacity');
    expect(engine.intercept(now, who('c'), questionOf('x'.repeat(1_025)))).toBe('payload_too_large');
    expect(engine.intercept(now, who('d'), questionOf(undefined, { fault: 'invalid' }))).toBe('dropped');
    expect(engine.dropReason()).toBe('invalid');
    expect(engine.pass(now, who('e'), false, false)).toBe('clean');
    for (let i = 0; i < 3; i++) engine.pass(now, who('f'), false, false);
    expect(engine.pass(now, who('f'), false, false)).toBe('rate_limited');
    expect(engine.pass(now, who('f'), true, false), 'who paid already pays no more').toBe('clean');
    expect(engine.rate(), 'then nobody asked the limiter').toBeUndefined();
  });

  it('finds by signature and by id, lists by time, and reads a copy of the payload after the record', () => {
    const { engine, it: lab } = engineOf({ config: configOf({ limit: 0, maxCount: 80 }) });
    for (let i = 0; i < 70; i++) engine.intercept(lab.now + i, who('a'), questionOf(`payload ${i}`));
    const pages = [engine.page(lab.now, NOBODY, 999)];
    expect(pages[0]).toHaveLength(abi.LIST_MAX);
    const uuid = (id: string): Uint8Array => Buffer.from(id.slice(0, 36).replaceAll('-', ''), 'hex');
    pages.push(engine.page(lab.now, uuid(pages[0]!.at(-1)!.id), 999));
    expect(pages.flat().map(({ capturedAt }) => capturedAt - lab.now)).toEqual(Array.from({ length: 70 }, (_, i) => i));
    for (const i of [0, 33, 69]) {
      const slot = engine.find(lab.now, 'sqli', sha256(`payload ${i}`));
      expect(engine.handle().id).toBe(pages.flat()[i]!.id);
      expect(engine.findId(lab.now, uuid(engine.handle().id))).toBe(slot);
      const size = engine.log.state()!.size;
      const copy = engine.read(lab.now, slot, 'accessed');
      expect(Buffer.from(copy).toString()).toBe(`payload ${i}`);
      copy.fill(0);
      const payload = region(lab.last(), abi.HEADER_PAYLOAD);
      expect(new Uint8Array(lab.last().memory.buffer, payload, 64).every((byte) => byte === 0)).toBe(true);
      expect(Buffer.from(engine.read(lab.now, slot, 'exported')).toString()).toBe(`payload ${i}`);
      expect(engine.read(lab.now, slot, 'denied')).toHaveLength(0);
      const kinds = engine.log.export(lab.now, size, undefined).records.map((record) => record[abi.LOG_KIND]);
      expect(kinds).toEqual([abi.KIND_ACCESSED, abi.KIND_EXPORTED, abi.KIND_ACCESS_DENIED]);
    }
    expect(engine.find(lab.now, 'xss', sha256('payload 0')), 'of another category').toBe(0);
    expect(engine.findId(lab.now, NOBODY)).toBe(0);
  });

  it('knows the salt that opens the commitments of an item’s record', () => {
    const {
      engine,
      it: { now },
    } = engineOf();
    engine.intercept(now, who('a'), questionOf('payload'));
    const { salt, salvaged } = engine.secrets(now, engine.find(now, 'sqli', sha256('payload')));
    const record = engine.log.export(now, 1, 2).records[0]!;
    const at = (field: number): Buffer => Buffer.from(record.subarray(field, field + 32));
    expect(salvaged).toBe(false);
    expect(at(abi.LOG_PAYLOAD)).toEqual(sha256(Uint8Array.of(2), salt, sha256('payload')));
    expect(at(abi.LOG_DETAIL)).toEqual(sha256(Uint8Array.of(3), salt, engine.handle().signature));
  });

  it('ends items one by one and all at once, with what is left of them zeroed', () => {
    const { engine, it } = engineOf({ config: configOf({ limit: 0, maxCount: 300, maxRecords: 1_024 }) });
    const needle = 'a secret that must not stay';
    for (let i = 0; i < 260; i++) engine.intercept(it.now, who('a'), questionOf(`${needle} ${i}`));
    engine.neutralize(it.now, engine.find(it.now, 'sqli', sha256(`${needle} 0`)));
    engine.purge(it.now, engine.find(it.now, 'sqli', sha256(`${needle} 1`)), 'erased');
    expect(engine.quarantine()?.count).toBe(258);
    const kinds = engine.log
      .export(it.now, 261, undefined)
      .records.map((record) => [record[abi.LOG_KIND], record[abi.LOG_REASON]]);
    expect(kinds[0]?.[0]).toBe(abi.KIND_NEUTRALIZED);
    expect(kinds[1]).toEqual([abi.KIND_PURGED, abi.REASON_ERASED]);
    const flushes = [1, 2, 3].map(() => engine.flush(it.now));
    expect(flushes).toEqual([
      { purged: 128, more: true },
      { purged: 128, more: true },
      { purged: 2, more: false },
    ]);
    expect(Buffer.from(it.last().memory.buffer).includes(needle)).toBe(false);
    expect(engine.quarantine()).toMatchObject({ count: 0, bytes: 0, sources: 0 });
  });

  it('blocks, unblocks and resets a source, and charges what it is told to', () => {
    const {
      engine,
      it: { now },
    } = engineOf({ config: configOf({ limit: 5 }) });
    expect(engine.check(now, who('a'), 3, false)).toMatchObject({ allowed: true, remaining: 2 });
    expect(engine.check(now, who('a'), 3, true), 'a peek').toMatchObject({ allowed: false, remaining: 2 });
    expect(engine.check(now, who('a'), 2, false)).toMatchObject({ allowed: true, remaining: 0 });
    engine.reset(now, who('a'));
    expect(engine.check(now, who('a'), 5, false).allowed).toBe(true);
    engine.block(now, who('b'), 5_000);
    expect(engine.check(now + 4_999, who('b'), 1, false)).toMatchObject({
      allowed: false,
      blocked: true,
      retryAfterMs: 1,
    });
    expect([engine.unblock(now, who('b')), engine.unblock(now, who('b'))]).toEqual([true, false]);
    expect(engine.check(now + 4_999, who('b'), 1, false).allowed).toBe(true);
    expect(engine.limiter()).toMatchObject({ tracked: 2, evictions: 0 });
  });

  it('hashes data that is longer than a payload before it keys it', () => {
    const {
      engine,
      it: { now },
    } = engineOf({ config: configOf({ maxPayloadBytes: 100 }) });
    const key = createHmac(
      'sha256',
      Uint8Array.from({ length: 32 }, (_, i) => i + 1),
    )
      .update('tracehound/v1/trace-id')
      .digest();
    for (const bytes of [0, 99, 100, 101, 1_000]) {
      const data = new Uint8Array(bytes).fill(bytes);
      const short = bytes > 100 ? sha256(data) : data;
      const expected = createHmac('sha256', key).update(short).digest();
      expect(compareBytes(engine.mac(now, 'trace', data), 0, expected, 0, 32), `${bytes} bytes`).toBe(0);
    }
  });

  it('gives a source one tag, and other sources others', () => {
    const {
      engine,
      it: { now },
    } = engineOf();
    const tags = ['a', 'b', '192.0.2.1', '::ffff:192.0.2.1'].map((text) =>
      Buffer.from(engine.sourceTag(now, { kind: 'text', text })).toString('hex'),
    );
    expect(tags[2]).toBe(tags[3]);
    expect(new Set(tags).size).toBe(3);
  });
});
