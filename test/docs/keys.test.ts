/** Guards docs/keys.md: its examples are taken from the page and run. */
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { parseNote, parseVerifierKey } from '../../src/formats/note';
import { generateKey, macSigner, signNote } from '../../src/signers/index';
import type { Signer } from '../../src/types/ports';

const page = readFileSync(new URL('../../docs/keys.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
const example = (word: string): string => examples.find((text) => text.includes(word)) ?? expect.fail(`no ${word}`);

const folder = mkdtempSync(join(tmpdir(), 'tracehound-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
  delete process.env.TRACEHOUND_KEY;
});

/** Runs an example as a module that also gives away its `names`. */
async function run(text: string, ...names: string[]): Promise<Record<string, unknown>> {
  const outfile = join(folder, `${createHash('sha256').update(text).digest('hex')}.mjs`);
  await build({
    stdin: { contents: `${text}\n${names.length > 0 ? `export { ${names.join(', ')} };` : ''}`, resolveDir: folder },
    alias: { 'tracehound/signer': join(import.meta.dirname, '..', '..', 'src', 'signers', 'index.ts') },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  return (await import(outfile)) as Record<string, unknown>;
}

describe('docs/keys.md', () => {
  it('makes a key, and the secret half goes where it says', async () => {
    const [out, err] = [vi.spyOn(process.stdout, 'write'), vi.spyOn(process.stderr, 'write')];
    for (const spy of [out, err]) spy.mockReturnValue(true);
    await run(example('generateKey'));
    const [skey, vkey] = [String(out.mock.calls[0]![0]), String(err.mock.calls[0]![0])];
    vi.restoreAllMocks();
    expect(skey).toMatch(/^PRIVATE\+KEY\+example\.org\/tracehound\+/);
    expect(parseVerifierKey(vkey.trim()).name).toBe('example.org/tracehound');
  });

  it('keeps a key in the environment', async () => {
    const { skey, vkey } = await generateKey('example.org/tracehound');
    process.env.TRACEHOUND_KEY = skey;
    const { signer } = await run(example('signerFromText'), 'signer');
    expect((signer as Signer).vkey).toBe(vkey);
  });

  it('signs in a key management service', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const spki = publicKey.export({ type: 'spki', format: 'der' });
    const { kmsSigner } = (await run(example('kmsSigner'))) as { kmsSigner: (service: object) => Signer };
    // Node signs no digests; what the service would do is to sign the text whose digest it was given.
    const text = 'example.org/log\n';
    const signer = kmsSigner({
      name: 'example.org/kms',
      spki,
      signDigest: async (digest: Uint8Array) => {
        expect(Buffer.from(digest)).toEqual(createHash('sha256').update(text).digest());
        return new Uint8Array(sign('sha256', Buffer.from(text), privateKey));
      },
    });
    const { signatures } = parseNote(await signNote(text, [signer]));
    const { key, id } = parseVerifierKey(signer.vkey);
    expect(signatures[0]!.id).toBe(id);
    const open = createPublicKey({ key: Buffer.from(key), format: 'der', type: 'spki' });
    expect(verify('sha256', Buffer.from(text), open, signatures[0]!.signature)).toBe(true);
  });

  it('makes tags as it says', async () => {
    const { signer, master } = await run(example('macSigner'), 'signer', 'master');
    const same = macSigner({ master: master as Uint8Array, origin: 'example.org/edge/log' });
    expect(same.vkey).toBe((signer as Signer).vkey);
    expect(await same.sign(new Uint8Array(3))).toEqual(await (signer as Signer).sign(new Uint8Array(3)));
  });

  it('has no example that is not run', () => {
    expect(examples).toHaveLength(4);
  });
});
