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
import { prefixed, storeSuite } from '../lab/suite';

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
storeSuite('the store in a real R2 bucket', async () => {
  const port = await bucket();
  return { store: prefixed(r2Store(port, { prefix: `suite/${made++}` }), r2Store(port)) };
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
