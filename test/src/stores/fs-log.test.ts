/**
 * Guards the whole way: an instance signs with each kind of key and stores its log in a folder; somebody else reads plain
 * files there and holds nothing but what docs/keys.md tells him to hold.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createTracehound } from '../../../runtimes/node';
import { fsStore } from '../../../runtimes/node/fs-store';
import { storedLog } from '../../../src/log/index';
import { generateKey, type KeyType, macSigner, signerFromText } from '../../../src/signers/index';
import type { Signer } from '../../../src/types/ports';
import { findLogs } from '../../../src/verify/directory';
import { type LogReport, parsePolicy, type VerifyOptions, verifyLog } from '../../../src/verify/index';

const top = mkdtempSync(join(tmpdir(), 'tracehound-fs-log-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));
let made = 0;

/** A log of some 700 records, stored in pieces. */
async function logOf(signer: Signer | undefined, origin = 'example.org/log'): Promise<string> {
  const root = join(top, String(made++));
  const th = createTracehound({ audit: { origin, ...(signer && { signer }), log: storedLog(fsStore(root)) } });
  for (let i = 0; i < 700; i++) {
    th.intercept({ source: `192.0.2.${i % 250}`, payload: `${i}`, threat: { category: 'sqli', severity: 'high' } });
    if (i % 300 === 0) await th.audit.flush();
  }
  await th.close();
  return root;
}

/** What plain files say. */
async function reportOf(folder: string, options: VerifyOptions): Promise<LogReport> {
  const missing = (error: { code?: string }): undefined => {
    if (error.code !== 'ENOENT') throw error;
  };
  const { logs } = await findLogs({
    get: async (path) => readFile(join(folder, path)).catch(missing),
    list: async (path) => (await readdir(join(folder, path)).catch(missing)) ?? [],
  });
  expect(logs).toHaveLength(1);
  return verifyLog(logs[0]!.source, options);
}

const pin = (...vkeys: string[]) => ({
  policy: parsePolicy(`${vkeys.map((vkey) => `log ${vkey}\n`).join('')}quorum none\n`),
});

describe('a log in a folder', () => {
  it.each<KeyType>(['Ed25519', 'P-256'])('is good to whoever pinned the %s key of its deployment', async (type) => {
    const { skey, vkey } = await generateKey('example.org/tracehound', type);
    const folder = await logOf(await signerFromText(skey));
    const good = { integrity: 'good', authenticity: 'good', completeness: 'good', closed: true, exitCode: 0 };
    expect(await reportOf(folder, pin(vkey))).toMatchObject(good);
    // Beside the key before and the key after.
    const others = [await generateKey('example.org/tracehound'), await generateKey('example.org/next')];
    expect(await reportOf(folder, pin(others[0]!.vkey, vkey, others[1]!.vkey))).toMatchObject(good);
  });

  it('is nobody’s to whoever pinned another key, or none, or if nobody vouches for it', async () => {
    const { skey } = await generateKey('example.org/tracehound');
    const other = await generateKey('example.org/tracehound');
    const folder = await logOf(await signerFromText(skey));
    const unknown = { integrity: 'good', authenticity: 'unknown', exitCode: 3 };
    expect(await reportOf(folder, pin(other.vkey))).toMatchObject(unknown);
    expect(await reportOf(folder, {})).toMatchObject(unknown);
    expect(await reportOf(await logOf(undefined), pin(other.vkey))).toMatchObject(unknown);
  });

  it.each(['example.org/log', 'example.org/{instance}'])(
    'is good to whoever has the secret of its tags, and unknown to everybody else: %s',
    async (origin) => {
      const master = crypto.getRandomValues(new Uint8Array(32));
      const signer = macSigner({ master, origin: 'example.org/log' });
      const folder = await logOf(signer, origin);
      const good = { integrity: 'good', authenticity: 'good', exitCode: 0 };
      const unknown = { integrity: 'good', authenticity: 'unknown', exitCode: 3 };
      const pinned = origin === 'example.org/log' ? pin(signer.vkey) : {};
      expect(await reportOf(folder, { ...pinned, macKey: master })).toMatchObject(good);
      expect(await reportOf(folder, pinned)).toMatchObject(unknown);
      expect((await reportOf(folder, { ...pinned, macKey: new Uint8Array(32) })).exitCode).not.toBe(0);
    },
  );

  it('shows no private key in any of its files', async () => {
    const { skey } = await generateKey('example.org/tracehound');
    const folder = await logOf(await signerFromText(skey));
    const bytes = Buffer.from(skey.split('+').slice(4).join('+'), 'base64').subarray(1);
    for (const name of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      const file = readFileSync(join(name.parentPath, name.name));
      for (const secret of [bytes, bytes.toString('hex'), bytes.toString('base64').slice(0, 40), skey.slice(-40)]) {
        expect(file.includes(secret)).toBe(false);
      }
    }
  });
});
