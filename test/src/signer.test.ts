/**
 * Guards `src/signer.ts`: keys that are what RFC 8032, x/mod and openssl say, notes that others can open, and private keys
 * that no message, no printing and no JSON shows.
 */
import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseNote, parseVerifierKey } from '../../src/note';
import { generateKey, generateSigner, signerFromText, signNote } from '../../src/signer';

/** Published test keys of golang.org/x/mod sumdb/note (BSD-3-Clause). */
const PETER = {
  skey: 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  vkey: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  line: '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
};

describe('signing', () => {
  it('writes the note that x/mod writes with the same key', async () => {
    const signer = await signerFromText(PETER.skey);
    expect(signer.vkey).toBe(PETER.vkey);
    expect(await signNote(PETER.text, [signer])).toBe(`${PETER.text}\n${PETER.line}`);
  });

  it.each(['Ed25519', 'P-256'] as const)(
    'makes an %s key that comes back from its text and that OpenSSL believes',
    async (type) => {
      const { skey, vkey } = await generateKey('example.org/k', type);
      const signer = await signerFromText(skey);
      expect(signer.vkey).toBe(vkey);
      const { key } = parseVerifierKey(vkey);
      const spki = type === 'P-256' ? key : Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
      const open = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
      for (let i = 0; i < 64; i++) {
        const text = `line ${i}\n`;
        const { signatures } = parseNote(await signNote(text, [signer]));
        expect(verify(type === 'P-256' ? 'sha256' : null, Buffer.from(text), open, signatures[0]!.signature)).toBe(
          true,
        );
      }
    },
  );

  it('makes a fresh key each time', async () => {
    const [a, b] = [await generateSigner('x'), await generateSigner('x')];
    expect(a.vkey).not.toBe(b.vkey);
    parseNote(await signNote('x\n', [a, b]));
  });
});
