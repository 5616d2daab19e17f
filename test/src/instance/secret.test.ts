/**
 * Guards `src/instance/secret.ts`: one secret, or the current one and those before it. A log names the secret that it was
 * written under; what was made under a former one is still found and opened, and nothing new is made with it.
 */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openSnapshot } from '../../../src/instance/image';
import { readSecrets } from '../../../src/instance/secret';
import type { Secret, Tracehound } from '../../../src/types/index';
import { BUILDS, ground, sha256hex } from '../../ground';

const key = (n: number): Uint8Array => Uint8Array.from({ length: 32 + n }, (_, i) => (i * 7 + n) % 256);
const threat = { category: 'sqli', severity: 'high' } as const;
const genesis = (th: Tracehound): { secretId?: string } => {
  th.id();
  return JSON.parse(new TextDecoder().decode(th.audit.export({ from: 0 }).details[0] as Uint8Array));
};

describe('the option', () => {
  test('is bytes, or the current secret and at most 16 before it; copies are kept', () => {
    const bytes = key(1);
    const { secret, formerSecrets } = readSecrets('secret', { current: bytes, former: [key(2), key(3)] });
    bytes.fill(0);
    expect([secret, ...formerSecrets]).toEqual([key(1), key(2), key(3)]);
    expect(readSecrets('secret', key(1))).toEqual({ secret: key(1), formerSecrets: [] });
    expect(readSecrets('secret', { current: key(1) })).toEqual({ secret: key(1), formerSecrets: [] });
    expect(readSecrets('secret', undefined)).toEqual({ secret: undefined, formerSecrets: [] });
  });

  test.each<[string, unknown, string]>([
    ['text', 'x'.repeat(64), 'secret: wrong kind'],
    ['an array of numbers', [1, 2, 3], 'secret: wrong kind'],
    ['nothing', null, 'secret: wrong kind'],
    ['a short key', new Uint8Array(31), 'secret: too short'],
    ['a file', new Uint8Array(1_025), 'secret: too long'],
    ['no current secret', { former: [key(1)] }, 'secret: wrong kind'],
    ['a short current secret', { current: new Uint8Array(31) }, 'secret.current: too short'],
    ['a short former secret', { current: key(1), former: [key(2), new Uint8Array(8)] }, 'secret.former[1]: too short'],
    ['one former secret without a list', { current: key(1), former: key(2) }, 'secret.former: wrong kind'],
    ['a name misspelt', { current: key(1), formers: [] }, 'secret.formers: no such option'],
    [
      '17 former secrets',
      { current: key(0), former: Array.from({ length: 17 }, (_, i) => key(i)) },
      'secret.former: too many',
    ],
  ])('%s is refused at its place', (_, value, start) => {
    let message = '';
    try {
      readSecrets('secret', value);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message.startsWith(start), message).toBe(true);
    expect(message).toMatch(/, expected .+, got /);
  });

  test('counts own properties only', () => {
    expect(() => readSecrets('secret', Object.create({ current: key(1) }))).toThrow('secret: wrong kind');
  });
});

describe.each(BUILDS)('a secret that was changed (%s)', (_, core) => {
  test('is named in GENESIS by 64 bits of a key that serves for nothing else; a random one is not', () => {
    const { th } = ground({ secret: key(5) }, { core });
    const id = createHmac('sha256', key(5)).update('tracehound/v1/secret-id').digest('hex').slice(0, 16);
    expect(genesis(th).secretId).toBe(id);
    expect(genesis(ground({ secret: { current: key(5), former: [key(6)] } }, { core }).th).secretId).toBe(id);
    expect(genesis(ground({ secret: undefined as never }, { core }).th)).not.toHaveProperty('secretId');
  });

  test('still finds evidence by the trace ids that the former ones made: 24 items, three secrets', async () => {
    const old = ground({ secret: key(1) }, { core });
    const held = Array.from({ length: 24 }, (_, i) => {
      const result = old.th.intercept({ source: `192.0.2.${i}`, threat, payload: `p ${i}` });
      return (result as { evidence: { id: string } }).evidence.id;
    });
    const traces = held.map((id) => old.th.http.keys.traceId(id));
    const image = await old.th.snapshot();
    const secret: Secret = { current: key(3), former: [key(2), key(1)] };
    const restore = await openSnapshot(image, { secret });
    const next = ground({ secret, restore }, { core }).th;
    expect(traces.map((trace) => next.quarantine.find(trace)?.id)).toEqual(held);
    expect(held.map((id) => next.quarantine.find(id)?.id)).toEqual(held);
    const forgetful = ground({ secret: key(3), restore }, { core }).th;
    expect(traces.map((trace) => forgetful.quarantine.find(trace))).toEqual(held.map(() => undefined));
  });

  test('makes nothing with a former one: tags, trace ids and seals are those of the current one', async () => {
    const both = ground({ secret: { current: key(3), former: [key(1)] } }, { core }).th;
    const only = ground({ secret: key(3) }, { core }).th;
    for (const th of [both, only]) th.intercept({ source: '192.0.2.1', threat, payload: 'p' });
    const [a, b] = [both, only].map((th) => th.quarantine.list()[0]?.sourceTag);
    expect(a).toBe(b);
    const image = await both.snapshot();
    await expect(openSnapshot(image, { secret: key(1) })).rejects.toMatchObject({ code: 'SNAPSHOT_INVALID' });
    expect((await openSnapshot(image, { secret: key(3) })).size).toBeGreaterThan(0);
    expect(sha256hex(image)).toBe(sha256hex(await only.snapshot()));
  });
});
