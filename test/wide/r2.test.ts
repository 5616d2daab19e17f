/**
 * Guards the store over R2 with a real binding: workerd's own R2, reached through Miniflare. What every store promises, and
 * a whole log: written by an instance, kept across a restart of workerd, verified from the bucket, and gone on with.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convertV4MiniflareOptions, Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTracehound, openLog } from '../../runtimes/node/index';
import { storedLog } from '../../src/log/index';
import { generateKey, signerFromText } from '../../src/signers/index';
import { type R2Port, r2Store } from '../../src/stores/r2';
import { parsePolicy, storeSource, verifyLog } from '../../src/verify/index';
import { storeSuite } from '../lab/store-suite';

const folder = mkdtempSync(join(tmpdir(), 'tracehound-r2-'));
const ORIGIN = 'example.com/r2';
let flare: Miniflare;

const start = (): Miniflare =>
  new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: 'export default { fetch: () => new Response("") };',
      r2Buckets: ['LOGS'],
      resourcePersistencePath: folder,
    }),
  );
const bucket = async (): Promise<R2Port> => (await flare.getR2Bucket('LOGS')) as unknown as R2Port;

beforeAll(() => {
  flare = start();
});

afterAll(async () => {
  await flare.dispose();
  rmSync(folder, { recursive: true, force: true });
});

let made = 0;
/** The longest key of the suite leaves no room for a prefix: it has the bucket to itself. */
const LONGEST = 1_023;
storeSuite('the store in a real R2 bucket', async () => {
  const port = await bucket();
  const below = r2Store(port, { prefix: `suite/${made++}` });
  const whole = r2Store(port);
  const of = (key: string) => (typeof key === 'string' && key.length >= LONGEST ? whole : below);
  return {
    get: (key: string) => of(key).get(key),
    putIfAbsent: (key: string, bytes: Uint8Array) => of(key).putIfAbsent(key, bytes),
    swap: (key: string, bytes: Uint8Array, expected: Uint8Array | undefined) => of(key).swap(key, bytes, expected),
  };
});

describe('a log in a real R2 bucket', () => {
  it('is written, outlives the process, verifies, and is gone on with', async () => {
    const { skey, vkey } = await generateKey('example.com/deployment');
    const signer = await signerFromText(skey);
    const attack = (th: ReturnType<typeof createTracehound>, count: number, name: string): void => {
      for (let i = 0; i < count; i++) {
        th.intercept({ source: `s${i}`, payload: `${name} ${i}`, threat: { category: 'sqli', severity: 'high' } });
      }
    };
    const first = createTracehound({
      rateLimit: false,
      audit: { origin: ORIGIN, signer, log: storedLog(r2Store(await bucket())) },
    });
    attack(first, 300, 'first');
    await first.close();
    await flare.dispose();
    flare = start();
    const store = r2Store(await bucket());
    const policy = parsePolicy(`log ${vkey}\nquorum none\n`);
    const verdicts = () =>
      verifyLog(
        storeSource((path) => store.get(`${ORIGIN}/${path}`), { origin: ORIGIN }),
        { policy },
      );
    expect(await verdicts()).toMatchObject({ exitCode: 0, closed: true, size: first.audit.head().size });
    const resume = await openLog(store, { origin: ORIGIN, keys: [vkey] });
    const second = createTracehound({ rateLimit: false, audit: { signer, log: storedLog(store, { resume }) } });
    attack(second, 300, 'second');
    await second.close();
    expect(await verdicts()).toMatchObject({ exitCode: 0, closed: true, root: second.audit.head().root });
  });
});
