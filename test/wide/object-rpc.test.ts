/**
 * Guards what real workerd lets a caller with the binding do to an object: nothing but its calls, whatever they are given;
 * what travels is exactly what is asked; and rows of its storage that somebody changed are not believed.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleText } from '../engines/programs';

const root = join(import.meta.dirname, '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'tracehound-rpc-'));
const SECRET = '0123456789abcdef0123456789abcdef';

const WORKER = `
import { shardedTracehound, TracehoundObject } from './runtimes/cloudflare/object';
const secret = new TextEncoder().encode('${SECRET}');
const settings = {
  secret,
  rateLimit: { windowMs: 600_000, limit: 1_000, maxSources: 256 },
  quarantine: { maxCount: 256, maxBytes: 1_048_576, maxShare: 1 },
  maxPayloadBytes: 65_536,
};
export class Shard extends TracehoundObject {
  options() {
    return settings;
  }
  async intercept(scent) {
    const payload = scent?.payload;
    this.seen = payload instanceof Uint8Array ? [payload.byteLength, payload.buffer.byteLength, new TextDecoder().decode(payload.buffer)] : [];
    return super.intercept(scent);
  }
  lastSeen() {
    return this.seen;
  }
  /** What somebody who controls the storage can do. */
  sql(query) {
    this.ctx.storage.sql.exec(query);
  }
  rows() {
    return ['pages', 'calls'].map((table) => this.ctx.storage.sql.exec('SELECT n, bytes FROM tracehound_' + table).toArray());
  }
  put([pages, calls]) {
    for (const [table, rows] of [['pages', pages], ['calls', calls]]) {
      this.ctx.storage.sql.exec('DELETE FROM tracehound_' + table);
      for (const { n, bytes } of rows) this.ctx.storage.sql.exec('INSERT INTO tracehound_' + table + ' (n, bytes) VALUES (?, ?)', n, bytes);
    }
  }
}
/** Keeps its options in a field. */
export class Fielded extends TracehoundObject {
  options = () => settings;
}
const strange = () => [undefined, null, 0, NaN, 10n, '', 'x'.repeat(100_000), 'constructor', [], {}, { key: 1 }, new Uint8Array(5), new Map(), new Date(0), () => 1, { f: () => 1 }, { then: 1 }, new Error('e'), /x/, new Request('https://example.com')];
const said = async (work) => {
  try {
    return { answer: await work() };
  } catch (error) {
    return { name: error?.name, message: String(error?.message), code: error?.code };
  }
};
let th;
const acts = {
  /** Every name, on every class. */
  async names(env) {
    const names = ['options', 'act', 'constructor', 'alarm', 'ctx', 'env', 'fetch', 'toString', 'valueOf', 'hasOwnProperty', '__proto__', 'isPrototypeOf', '#told', '#resident', 'told', 'connect', 'webSocketMessage'];
    const found = {};
    for (const [kind, stub] of [['method', env.SHARDS.getByName('names')], ['field', env.FIELDED.getByName('names')]]) {
      for (const name of names) found[kind + ' ' + name] = JSON.stringify(await said(async () => await stub[name]({}, 'x')));
      // Also as a property, which RPC can read as well.
      for (const name of ['options', 'act', 'ctx', 'env', 'seen']) found[kind + ' .' + name] = JSON.stringify(await said(async () => typeof (await stub[name])));
    }
    return found;
  },
  async strange(env) {
    const stub = env.SHARDS.getByName('strange');
    const calls = ['charge', 'intercept', 'uninspected', 'peek', 'reset', 'block', 'unblock', 'find', 'list', 'stats', 'read', 'export', 'neutralize', 'purge', 'head', 'flush', 'checkpoint', 'watch'];
    const threw = [];
    let count = 0;
    for (const call of calls) for (const one of strange()) for (const other of [undefined, 'nonsense', 1, { actor: 'a', purpose: 'b' }]) {
      count++;
      const outcome = await said(() => stub[call](one, other, other));
      if (outcome.answer === undefined || !('value' in outcome.answer || 'error' in outcome.answer)) threw.push([call, outcome.name, outcome.message]);
    }
    for (let i = 0; i < 8; i++) await stub.uninspected('a', 'nonsense', 'nonsense');
    return { count, threw, watch: (await stub.watch()).value };
  },
  async payloads(env) {
    const whole = new Uint8Array(1_000_000);
    whole.set(new TextEncoder().encode('password of a neighbour'), 0);
    whole.set(new TextEncoder().encode('attack'), 500_000);
    const form = await new Request('https://example.com', { method: 'POST', body: new URLSearchParams({ user: "' OR 1=1" }) }).formData();
    const bare = Object.assign(Object.create(null), Object.fromEntries(form));
    class Body { user = 'x'; get() { return 1; } }
    const payloads = { view: whole.subarray(500_000, 500_006), bare, nested: { a: Object.assign(Object.create(null), { b: [bare] }) }, own: new Body(), call: { f: () => 1 }, symbol: Symbol('x'), map: new Map(), long: 'x'.repeat(70_000), wide: new Uint8Array(40_000_000), request: new Request('https://example.com'), number: NaN };
    const answers = {};
    for (const [name, payload] of Object.entries(payloads)) {
      const result = await th.interceptAsync({ source: 'payload ' + name, payload, threat: { category: 'sqli', severity: 'high', reason: name }, extra: () => 1 });
      const seen = name === 'view' ? await th.raw('payload view').lastSeen() : undefined;
      const { status, reason, size, evidence } = result;
      answers[name] = { status, reason, size: size ?? evidence?.size, seen };
    }
    // Asked without a parcel, as any other class would be.
    const raw = env.SHARDS.getByName('raw');
    await raw.intercept({ source: 'k', payload: payloads.view });
    const [bytes, carried, text] = await raw.lastSeen();
    return { answers, raw: [bytes, carried, text.slice(0, 23)], here: th.quarantine.stats.count, flagged: th.watcher.snapshot().totals.flagged };
  },
  async clone(env) {
    const raw = await said(() => env.SHARDS.getByName('clone').find(new WeakMap()));
    const strict = { ...env.SHARDS, idFromName: (name) => env.SHARDS.idFromName(name), get: (id) => {
      const stub = env.SHARDS.get(id);
      // As if something that cannot be sent had slipped through.
      return new Proxy({}, { get: (_, name) => () => stub[name](new WeakMap()) });
    } };
    return { raw, named: await said(() => shardedTracehound(strict, settings).shards[0].stats()) };
  },
  async tamper(env, { attack }) {
    const name = 'tamper ' + attack;
    const [stub, other] = [env.SHARDS.getByName(name), env.SHARDS.getByName(name + ' other')];
    for (const one of [stub, other]) for (let i = 0; i < 4; i++) await one.intercept({ source: 's' + i, payload: 'p' + i, threat: { category: 'sqli', severity: 'high' } });
    const before = (await stub.stats()).value.count;
    if (attack === 'removes calls from the middle') await stub.sql('DELETE FROM tracehound_calls WHERE n = 2');
    if (attack === 'moves calls') for (const query of ['DELETE FROM tracehound_calls WHERE n = 1', 'UPDATE tracehound_calls SET n = n - 1']) await stub.sql(query);
    if (attack === 'takes the rows of another object') await stub.put(await other.rows());
    if (attack === 'changes nothing') await stub.put(await stub.rows());
    if (attack === 'removes the facts') await stub.sql('DELETE FROM tracehound_pages WHERE n < 0');
    if (attack === 'removes a page') await stub.sql('DELETE FROM tracehound_pages WHERE n = (SELECT max(n) FROM tracehound_pages)');
    if (attack === 'swaps pages') await stub.sql('UPDATE tracehound_pages SET bytes = (SELECT bytes FROM tracehound_pages WHERE n = 0) WHERE n = (SELECT max(n) FROM tracehound_pages)');
    if (attack === 'removes the pages') await stub.sql('DELETE FROM tracehound_pages');
    return before;
  },
  async stats(env, { name }) {
    return said(() => env.SHARDS.getByName(name).stats());
  },
};
export default {
  async fetch(request, env) {
    th ??= Object.assign(shardedTracehound(env.SHARDS, { ...settings, shards: 1, timeoutMs: 20_000 }), { raw: () => env.SHARDS.getByName('tracehound-0') });
    const { act, ...given } = await request.json();
    return Response.json((await acts[act](env, given)) ?? null);
  },
};`;

let flare: Miniflare;

async function ask<T>(act: string, given: object = {}): Promise<T> {
  const response = await flare.dispatchFetch('http://example.com/', {
    method: 'POST',
    body: JSON.stringify({ act, ...given }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text) as T;
}

beforeAll(async () => {
  await bundleText(WORKER, join(folder, 'worker'), 'workerd', root);
  flare = new Miniflare(
    convertV4MiniflareOptions({
      name: 'worker',
      modulesRoot: folder,
      modules: [
        { type: 'ESModule', path: join(folder, 'worker', 'app.mjs') },
        { type: 'CompiledWasm', path: join(folder, 'worker', 'core.wasm') },
      ],
      compatibilityDate: '2026-11-01',
      durableObjects: {
        SHARDS: { className: 'Shard', useSQLite: true },
        FIELDED: { className: 'Fielded', useSQLite: true },
      },
      resourcePersistencePath: join(folder, 'state'),
    }),
  );
});

afterAll(async () => {
  await flare?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe('a caller with the binding', () => {
  it('finds no name that hands out the secret, acts on the instance or is none of the calls', async () => {
    const found = await ask<Record<string, string>>('names');
    expect(Object.keys(found)).toHaveLength(44);
    for (const [name, outcome] of Object.entries(found)) {
      for (const secret of [SECRET, '48,49,50', 'MDEyMzQ1']) expect(outcome, name).not.toContain(secret);
      // Of the stub itself, in the caller's own isolate; the object is not asked.
      if (/ (toString|valueOf|hasOwnProperty|isPrototypeOf)$/.test(name)) continue;
      expect(JSON.parse(outcome), name).toMatchObject({ name: 'TypeError' });
    }
    for (const name of ['options', 'act', '.options', '.act']) {
      for (const kind of ['method', 'field']) expect(found[`${kind} ${name}`]).toContain('does not implement');
    }
  });

  it('gets a value or an error for whatever it sends, and the object lives on', async () => {
    const { count, threw, watch } = await ask<{ count: number; threw: unknown[]; watch: object }>('strange');
    expect(count).toBe(1_440);
    expect(threw).toEqual([]);
    expect(watch).toMatchObject({ status: 'up', core: { panics: 0 } });
  });

  it('is told that its question cannot be sent, where that is so', async () => {
    expect(await ask('clone')).toMatchObject({ raw: { name: 'DataCloneError' }, named: { code: 'NOT_SENDABLE' } });
  });
});

describe('what a Worker sends to its object', () => {
  it('arrives, whatever it is made of, in exactly its own bytes', async () => {
    const { answers, raw, here, flagged } = await ask<{
      answers: Record<string, object>;
      raw: unknown;
      here: number;
      flagged: number;
    }>('payloads');
    expect(answers).toMatchObject({
      view: { status: 'quarantined', size: 6, seen: [6, 6, 'attack'] },
      bare: { status: 'quarantined', size: 19 },
      nested: { status: 'quarantined', size: 33 },
      own: { status: 'dropped', reason: 'invalid' },
      call: { status: 'dropped', reason: 'invalid' },
      symbol: { status: 'dropped', reason: 'invalid' },
      long: { status: 'payload_too_large', size: 70_000 },
      wide: { status: 'payload_too_large', size: 40_000_000 },
      number: { status: 'dropped', reason: 'invalid' },
    });
    // workerd copies the whole buffer of a view, the neighbour's megabyte included; a parcel has a buffer of its own.
    expect(raw).toEqual([6, 1_000_000, 'password of a neighbour']);
    // The isolate's own instance had to take nothing.
    expect({ here, flagged }).toEqual({ here: 0, flagged: 0 });
  });
});

describe('storage that somebody changed', () => {
  it.each([
    ['changes nothing', true],
    ['removes calls from the middle', false],
    ['moves calls', false],
    ['removes a page', false],
    ['swaps pages', false],
    ['removes the pages', false],
    ['removes the facts', false],
    ['takes the rows of another object', false],
  ])('%s: believed? %s', async (attack, isBelieved) => {
    expect(await ask('tamper', { attack })).toBe(4);
    await flare.unsafeEvictDurableObject('worker', 'Shard', { name: `tamper ${attack}` });
    const after = await ask<{ answer?: { value: { count: number } }; message?: string }>('stats', {
      name: `tamper ${attack}`,
    });
    if (isBelieved) expect(after.answer?.value.count).toBe(4);
    else expect(after.message).toContain('memory of the object: ');
  });
});
