/** Guards `src/instance/evidence.ts`, the evidence's public half: what is held can be found, read and ended, and every act is a record. */

import { describe, expect, test } from 'vitest';
import type { Actor, EvidenceHandle, PurgeReason, Scent, Severity, Tracehound } from '../../../src/index';
import { Evidence } from '../../../src/instance/evidence';
import { BUILDS, type Ground, ground, indexOf, recordsOf, sha256hex, T0 } from '../../ground';

const scent = (payload: string, source = '192.0.2.1', severity: Severity = 'high'): Scent => ({
  source,
  payload,
  threat: { category: 'sqli', severity, detector: 'crs' },
});
const hold = (th: Tracehound, payload: string, source?: string, severity?: Severity): EvidenceHandle => {
  const result = th.intercept(scent(payload, source, severity));
  if (result.status !== 'quarantined') throw new Error(`got ${result.status}`);
  return result.evidence;
};
const signatureOf = (payload: string): string => `sqli:${sha256hex(payload)}`;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const WHO: Actor = { actor: 'kim', purpose: 'triage', case: 'C-7' };

describe.each(BUILDS)('quarantine, on the %s build', (_, core) => {
  const room = (quarantine: object = {}, over: object = {}): Ground =>
    ground({ quarantine, rateLimit: { limit: 1_000 }, ...over }, { core });

  test('a handle says everything about the evidence and nothing of it', () => {
    const { th } = room();
    const handle = hold(th, 'payload');
    expect(handle).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}-[0-9a-f]{16}$/),
      seq: 1,
      signature: signatureOf('payload'),
      hash: sha256hex('payload'),
      size: 7,
      truncated: false,
      severity: 'high',
      category: 'sqli',
      detector: 'crs',
      sourceTag: expect.stringMatching(/^[0-9a-f]{64}$/),
      capturedAt: T0,
      lastSeenAt: T0,
      seen: 1,
      disposition: 'refused',
    });
    expect(Object.isFrozen(handle)).toBe(true);
    expect(recordsOf(th)[handle.seq]).toMatchObject({ kind: 'QUARANTINED', source: handle.sourceTag });
  });

  test('has and get know what is held by its signature, and nothing else', () => {
    const { th } = room();
    const handle = hold(th, 'payload');
    expect(th.quarantine.has(handle.signature)).toBe(true);
    expect(th.quarantine.get(handle.signature)).toEqual(handle);
    const not = [signatureOf('other'), `xss:${handle.hash}`, handle.hash, handle.signature.toUpperCase(), ''];
    for (const signature of [...not, ` ${handle.signature}`, `${handle.signature}\n`, null, undefined, 5, {}]) {
      expect(th.quarantine.has(signature as string)).toBe(false);
      expect(th.quarantine.get(signature as string)).toBeUndefined();
    }
  });

  test('find knows the id, its UUID and every trace id of it; a foreign one finds nothing', () => {
    const { th } = room();
    const handle = hold(th, 'payload');
    hold(th, 'other');
    const trace = th.http.keys.traceId(handle.id);
    expect(trace).toMatch(/^[0-9a-f]{48}$/);
    expect(th.http.keys.traceId(handle.id)).not.toBe(trace);
    for (const id of [
      handle.id,
      handle.id.slice(0, 36),
      trace,
      th.http.keys.traceId(handle.id),
      th.http.keys.traceId(handle.id.slice(0, 36)),
    ]) {
      // As consoles print it, as mails wrap it.
      for (const copied of [id, id.toUpperCase(), ` ${id}\n`, `\t${id.toUpperCase()} `]) {
        expect(th.quarantine.find(copied), copied).toEqual(handle);
      }
    }
    const last = trace.slice(0, -1) + (trace.endsWith('0') ? '1' : '0');
    const foreign = ground({ secret: new Uint8Array(32).fill(9) }).th.http.keys.traceId(handle.id);
    const wrong = [
      last,
      foreign,
      th.http.keys.traceId(),
      th.http.keys.traceId('nonsense'),
      `${handle.id.slice(0, -1)}x`,
    ];
    const suffix = handle.id.slice(0, -1) + (handle.id.endsWith('0') ? '1' : '0');
    for (const id of [...wrong, suffix, th.id(), '', handle.signature, `${handle.id} x`, null, undefined]) {
      expect(th.quarantine.find(id as string), String(id)).toBeUndefined();
    }
    for (const id of [th.http.keys.traceId(), foreign, th.http.keys.traceId('nonsense')])
      expect(id).toMatch(/^[0-9a-f]{48}$/);
    th.quarantine.neutralize(handle.signature);
    expect(th.quarantine.find(trace)).toBeUndefined();
  });

  test('find knows nothing of the trace of who was limited, which hides the source tag from whoever has no secret', () => {
    const { th } = room();
    const handle = hold(th, 'payload');
    const trace = th.http.keys.traceOf('192.0.2.1');
    expect(trace).toMatch(/^[0-9a-f]{48}$/);
    expect(th.http.keys.traceOf('192.0.2.1')).not.toBe(trace);
    expect(th.quarantine.find(trace)).toBeUndefined();
    expect(trace).not.toContain(handle.sourceTag.slice(0, 16));
  });

  test('a trace id resolves wherever the secret is', () => {
    const [one, two] = [room(), room()];
    const handle = hold(one.th, 'payload');
    // The same entropy, the same ids: a second instance of the deployment.
    expect(hold(two.th, 'payload').id).toBe(handle.id);
    expect(two.th.quarantine.find(one.th.http.keys.traceId(handle.id))?.id).toBe(handle.id);
  });

  test('read gives a copy, records ACCESSED before it, and says NOT_FOUND for what is not held', () => {
    const { th } = room();
    const { signature } = hold(th, 'payload');
    expect(text(th.quarantine.read(signature))).toBe('payload');
    expect(recordsOf(th).at(-1)).toMatchObject({ kind: 'ACCESSED', flags: 0, length: 7 });
    for (const wrong of [signatureOf('other'), 'nonsense', undefined]) {
      expect(() => th.quarantine.read(wrong as string)).toThrow(
        expect.objectContaining({ name: 'TracehoundError', code: 'NOT_FOUND' }),
      );
    }
    expect(recordsOf(th).length).toBe(3);
  });

  test('neutralize ends the item, once', () => {
    const { th } = room();
    const { signature } = hold(th, 'payload');
    th.intercept(scent('payload'));
    th.intercept(scent('payload'));
    th.intercept(scent('payload'));
    expect(th.quarantine.neutralize(signature)).toBe(true);
    expect(th.quarantine.neutralize(signature)).toBe(false);
    expect(th.quarantine.stats).toEqual({
      count: 0,
      bytes: 0,
      bySeverity: { low: 0, medium: 0, high: 0, critical: 0 },
    });
    // The third repeat was named by no record yet.
    expect(recordsOf(th).map(({ kind, count }) => [kind, count])).toEqual([
      ['GENESIS', 0],
      ['QUARANTINED', 1],
      ['DUPLICATE', 1],
      ['DUPLICATE', 1],
      ['NEUTRALIZED', 1],
    ]);
    expect(hold(th, 'payload').seen).toBe(1);
  });

  test('purge says why, in one of six words', () => {
    const { th } = room();
    const words: PurgeReason[] = ['timeout', 'error', 'abort', 'panic', 'expired', 'erased'];
    words.forEach((reason, i) => {
      const { signature } = hold(th, `n ${i}`);
      expect(th.quarantine.purge(signature, reason)).toBe(true);
      expect(th.quarantine.purge(signature, reason)).toBe(false);
      expect(recordsOf(th).at(-1)).toMatchObject({ kind: 'PURGED', reason: i + 1 });
    });
    const { signature } = hold(th, 'payload');
    for (const reason of ['flush', '', 'constructor', '__proto__', undefined, 1, Symbol('x')]) {
      expect(() => th.quarantine.purge(signature, reason as PurgeReason)).toThrow(
        /^quarantine.purge: unknown reason, expected timeout \| error \| abort \| panic \| expired \| erased, got/,
      );
    }
    expect(th.quarantine.has(signature)).toBe(true);
  });

  test('purgeAll, and flush as it was called before, destroys everything and says how much', () => {
    const { th } = room();
    expect(th.quarantine.purgeAll()).toBe(0);
    for (let i = 0; i < 9; i++)
      hold(th, `n ${i}`, `192.0.2.${i}`, (['low', 'medium', 'high', 'critical'] as const)[i % 4]!);
    expect(th.quarantine.purgeAll(WHO)).toBe(9);
    expect(th.quarantine.list()).toEqual([]);
    const purged = recordsOf(th).filter(({ kind }) => kind === 'PURGED');
    expect(purged.length).toBe(9);
    expect(purged.every(({ reason, flags }) => reason === 7 && flags === 1)).toBe(true);
    hold(th, 'one more');
    expect(th.quarantine.flush(WHO)).toBe(1);
    expect(th.quarantine.stats.count).toBe(0);
  });

  describe('replace', () => {
    test('puts the new in the place of the old, with who, and the bytes are those that came', () => {
      const { th } = room({ maxCount: 2 });
      const old = hold(th, 'old');
      hold(th, 'other');
      const result = th.quarantine.replace(old.signature, scent('new', '192.0.2.9', 'low'), WHO);
      expect(result).toMatchObject({ status: 'quarantined', evidence: { severity: 'low', size: 3 } });
      expect(Object.keys(result).sort()).toEqual(['evidence', 'status']);
      expect(th.quarantine.has(old.signature)).toBe(false);
      expect(text(th.quarantine.read(signatureOf('new')))).toBe('new');
      expect(recordsOf(th, 3).map(({ kind, flags }) => [kind, flags])).toEqual([
        ['REPLACED', 1],
        ['QUARANTINED', 0],
        ['ACCESSED', 0],
      ]);
    });

    test('finds the old in capitals and with white space around it', () => {
      const { th } = room();
      for (const [i, spelt] of [(text: string) => text.toUpperCase(), (text: string) => ` ${text}\n`].entries()) {
        const old = hold(th, `old ${i}`);
        expect(th.quarantine.replace(spelt(old.signature), scent(`new ${i}`, '192.0.2.9', 'low'), WHO).status).toBe(
          'quarantined',
        );
        expect(th.quarantine.has(old.signature)).toBe(false);
      }
    });

    test('keeps the old when the new does not fit, is too large or cannot be captured', () => {
      const { th } = room({ maxCount: 8, maxBytes: 500 }, { maxPayloadBytes: 300 });
      const old = hold(th, 'o'.repeat(10));
      for (let i = 0; i < 4; i++) hold(th, `${i}`.repeat(100), `192.0.2.${i}`, 'critical');
      expect(th.quarantine.replace(old.signature, scent('n'.repeat(101), '192.0.2.9', 'critical'))).toMatchObject({
        status: 'dropped',
        reason: 'capacity',
        signature: signatureOf('n'.repeat(101)),
      });
      expect(th.quarantine.replace(old.signature, scent('n'.repeat(301)))).toMatchObject({
        status: 'payload_too_large',
        size: 301,
        limit: 300,
      });
      expect(th.quarantine.replace(old.signature, { ...scent(''), payload: Number.NaN })).toMatchObject({
        status: 'dropped',
        reason: 'invalid',
      });
      expect(th.quarantine.get(old.signature)).toEqual(old);
      expect(th.quarantine.replace(old.signature, scent('n'.repeat(100), '192.0.2.9')).status).toBe('quarantined');
    });

    test('by what another item is already is a duplicate of that, and the old stays', () => {
      const { th } = room();
      const old = hold(th, 'old');
      hold(th, 'other');
      expect(th.quarantine.replace(old.signature, scent('other'))).toMatchObject({
        status: 'duplicate',
        evidence: { signature: signatureOf('other'), seen: 2 },
      });
      expect(th.quarantine.replace(old.signature, scent('old'))).toMatchObject({ status: 'duplicate' });
      expect(th.quarantine.has(old.signature)).toBe(true);
    });

    test('of nothing, by nothing, or after close is an error', async () => {
      const { th } = room();
      const old = hold(th, 'old');
      const code = (name: string) => expect.objectContaining({ name: 'TracehoundError', code: name });
      expect(() => th.quarantine.replace(signatureOf('other'), scent('new'))).toThrow(code('NOT_FOUND'));
      for (const unflagged of [{ source: 'x' }, null, 5]) {
        expect(() => th.quarantine.replace(old.signature, unflagged as Scent)).toThrow(code('SCENT_INVALID'));
      }
      expect(th.quarantine.get(old.signature)).toEqual(old);
      await th.close();
      expect(() => th.quarantine.replace(old.signature, scent('new'))).toThrow(code('CLOSED'));
    });
  });

  test('list pages through everything, oldest first, with nothing twice and nothing left out', () => {
    const world = room({ maxCount: 200 });
    const { th } = world;
    const ids: string[] = [];
    for (let i = 0; i < 150; i++) {
      world.now += i % 7 === 0 ? 1 : 0;
      ids.push(hold(th, `n ${i}`).id);
    }
    expect(th.quarantine.list().map(({ id }) => id)).toEqual(ids.slice(0, 100));
    for (const limit of [1, 7, 63, 64, 65, 149, 150, 151, 1_000]) {
      const seen: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = th.quarantine.list(after === undefined ? { limit } : { limit, after });
        seen.push(...page.map(({ id }) => id));
        if (page.length < limit) break;
        after = page.at(-1)!.id;
      }
      expect(seen, `pages of ${limit}`).toEqual(ids);
    }
    // The item a page ended with may be gone when the next is asked for; its UUID is enough.
    th.quarantine.neutralize(signatureOf('n 9'));
    expect(th.quarantine.list({ limit: 1, after: ids[9]!.slice(0, 36) })[0]!.id).toBe(ids[10]);
    expect(th.quarantine.list({ after: ids.at(-1)! })).toEqual([]);
  });

  test('a page that cannot be is an error', () => {
    const { th } = room();
    for (const limit of [0, -1, 1.5, 1_001, Number.NaN, '5', null]) {
      expect(() => th.quarantine.list({ limit: limit as number })).toThrow(RangeError);
    }
    for (const after of ['', 'nonsense', 5, null, {}, signatureOf('x')]) {
      expect(() => th.quarantine.list({ after: after as string })).toThrow(RangeError);
    }
  });

  test('stats count by severity, and nothing is held by an instance that was never asked', () => {
    const world = room();
    expect(world.th.quarantine.stats.count).toBe(0);
    expect(world.cores.length).toBe(0);
    hold(world.th, 'a', '192.0.2.1', 'low');
    hold(world.th, 'bb', '192.0.2.1', 'critical');
    hold(world.th, 'ccc', '192.0.2.1', 'critical');
    expect(world.th.quarantine.stats).toEqual({
      count: 3,
      bytes: 6,
      bySeverity: { low: 1, medium: 0, high: 0, critical: 2 },
    });
  });

  test('who acts is in a sidecar that the record commits to, for every act', () => {
    const { th } = room();
    const acts: [kind: string, act: (signature: string) => unknown][] = [
      ['ACCESSED', (signature) => th.quarantine.read(signature, WHO)],
      ['NEUTRALIZED', (signature) => th.quarantine.neutralize(signature, WHO)],
      ['PURGED', (signature) => th.quarantine.purge(signature, 'erased', WHO)],
      ['REPLACED', (signature) => th.quarantine.replace(signature, scent('new'), WHO)],
      ['PURGED', () => th.quarantine.purgeAll(WHO)],
      ['BLOCKED', () => th.rateLimiter.block('198.51.100.1', 1, WHO)],
      ['UNBLOCKED', () => th.rateLimiter.unblock('198.51.100.1', WHO)],
    ];
    const salts = new Set<string>();
    acts.forEach(([kind, act], i) => {
      const { signature } = hold(th, `n ${i}`);
      const from = th.audit.head().size;
      act(signature);
      const { details } = th.audit.export({ from });
      const record = recordsOf(th, from)[0]!;
      expect(record).toMatchObject({ kind, flags: 1 });
      expect(sha256hex(details[0]!), kind).toBe(record.detail);
      const { salt, ...facts } = JSON.parse(text(details[0]!)) as { salt: string };
      expect(facts, kind).toEqual(WHO);
      expect(salt).toMatch(/^[0-9a-f]{32}$/);
      salts.add(salt);
    });
    expect(salts.size).toBe(acts.length);
  });

  test('who may write as much as they like: it is cut, never refused', () => {
    const { th } = room();
    for (const letter of ['x', '漢', '"', '\u0001', '💥', '\ud800']) {
      const { signature } = hold(th, letter);
      const long = letter.repeat(5_000);
      th.quarantine.read(signature, { actor: long, purpose: long, case: long });
      const bytes = th.audit.export().details.at(-1)!;
      expect(bytes.length).toBeLessThanOrEqual(4_096);
      const { actor, purpose } = JSON.parse(text(bytes)) as Actor;
      const kept = letter === '\ud800' ? '\ufffd' : letter;
      expect(actor.length).toBeGreaterThan(20);
      expect(actor).toBe(kept.repeat(actor.length / kept.length));
      expect(purpose).toBe(actor);
    }
  });

  test('and where the language cannot mend a broken text, a whole one is kept as it is', () => {
    const mend = String.prototype.toWellFormed;
    Object.defineProperty(String.prototype, 'toWellFormed', { value: undefined, configurable: true, writable: true });
    try {
      const { th } = room();
      const { signature } = hold(th, 'payload');
      th.quarantine.read(signature, WHO);
      expect(JSON.parse(text(th.audit.export().details.at(-1)!))).toMatchObject(WHO);
      expect(() => th.quarantine.read(signature, { ...WHO, actor: '\ud800' })).toThrow(/^sidecar: invalid, expected/);
      expect(recordsOf(th).length).toBe(3);
    } finally {
      String.prototype.toWellFormed = mend;
    }
  });

  test('who without an actor or a purpose is an error, and then nothing is done', () => {
    const { th } = room();
    const { signature } = hold(th, 'payload');
    for (const who of [{}, { actor: 'kim' }, { actor: 5, purpose: 'x' }, { ...WHO, case: 5 }, null, 'kim', 5]) {
      for (const act of [
        () => th.quarantine.read(signature, who as Actor),
        () => th.quarantine.neutralize(signature, who as Actor),
        () => th.quarantine.purge(signature, 'error', who as Actor),
        () => th.quarantine.replace(signature, scent('new'), who as Actor),
        () => th.quarantine.purgeAll(who as Actor),
        () => th.rateLimiter.block('192.0.2.1', 1, who as Actor),
        () => th.rateLimiter.unblock('192.0.2.1', who as Actor),
      ]) {
        expect(act).toThrow(TypeError);
        expect(act).toThrow(/^who(\.\w+)?: wrong kind, expected .+, got /);
      }
    }
    expect(th.quarantine.has(signature)).toBe(true);
    expect(recordsOf(th).length).toBe(2);
  });

  test('a share that is spent costs its owner the oldest, and nobody else anything', () => {
    const { th } = room({ maxCount: 8, maxShare: 0.25 });
    const other = hold(th, 'other', '192.0.2.9', 'low');
    const mine = [hold(th, 'n 0'), hold(th, 'n 1'), hold(th, 'n 2')];
    expect(mine.map(({ id }) => th.quarantine.find(id) !== undefined)).toEqual([false, true, true]);
    expect(recordsOf(th).filter(({ kind }) => kind === 'EVICTED')).toMatchObject([{ reason: 2 }]);
    expect(th.quarantine.get(other.signature)).toEqual(other);
  });

  test('what is released is zeroed, handle texts included: nothing names it in memory but the log', () => {
    const world = room({}, { rateLimit: false });
    const { signature } = hold(world.th, 'an unmistakable payload');
    world.th.quarantine.purge(signature, 'erased');
    expect(indexOf(world.memory(), 'an unmistakable')).toBe(-1);
  });

  test('after close every call says CLOSED, and the sums can still be read', async () => {
    const { th } = room();
    const { signature, id } = hold(th, 'payload');
    await th.close();
    for (const call of [
      () => th.quarantine.has(signature),
      () => th.quarantine.get(signature),
      () => th.quarantine.find(id),
      () => th.quarantine.read(signature),
      () => th.quarantine.neutralize(signature),
      () => th.quarantine.purge(signature, 'error'),
      () => th.quarantine.purgeAll(),
      () => th.quarantine.list(),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    }
    expect(th.quarantine.stats.count).toBe(1);
  });
});

test('the quarantine of an instance is this one', () => {
  expect(ground().th.quarantine).toBeInstanceOf(Evidence);
});
