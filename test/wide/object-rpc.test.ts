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
    const { payload } = scent;
    this.seen = payload instanceof Uint8Array ? [payload.byteLength, payload.buffer.byteLength, new TextDecoder().decode(payload.buffer)] : [];
    return super.intercept(scent);
  }
  lastSeen() {
    return this.seen;
  }
  /** What somebody who controls the storage can do. */
  sql(query) {
    return this.ctx.storage.sql.exec(query).toArray().map((row) => Object.values(row).map(String));
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
  async payloads() {
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
    return { answers, here: th.quarantine.stats.count, failures: th.watcher.snapshot().totals.flagged };
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
    if (attack === 'moves calls') await stub.sql('UPDATE tracehound_calls SET n = n - 1 WHERE n > 1 AND (SELECT count(*) FROM tracehound_calls WHERE n = 1) = 0 OR n = 0');
    if (attack === 'removes a page') await stub.sql('DELETE FROM tracehound_pages WHERE n = (SELECT max(n) FROM tracehound_pages)');
    if (attack === 'swaps pages') await stub.sql('UPDATE tracehound_pages SET bytes = (SELECT bytes FROM tracehound_pages WHERE n = 0) WHERE n = (SELECT max(n) FROM tracehound_pages)');
    if (attack === 'removes the pages') await stub.sql('DELETE FROM tracehound_pages');
    return { before, tables: await stub.sql("SELECT name FROM sqlite_master WHERE name LIKE 'tracehound%' ORDER BY name") };
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
    console.log(JSON.stringify(found, null, 1));
  });
  it('gets a value or an error for whatever it sends, and the object lives on', async () => {
    console.log(JSON.stringify(await ask('strange'), null, 1));
  });
  it('payloads', async () => {
    console.log(JSON.stringify(await ask('payloads'), null, 1));
  });
  it('clone', async () => {
    console.log(JSON.stringify(await ask('clone'), null, 1));
  });
});
