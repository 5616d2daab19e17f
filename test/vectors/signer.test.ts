/**
 * Guards against agreeing only with ourselves: published vectors for what signs notes. They lie outside of this
 * repository: set TRACEHOUND_VECTORS to their folder. The decisive ones (RFC 8032, RFC 6979, RFC 4231, one x/mod note) are
 * typed into test/src/signers/index.test.ts and always run.
 */
import { createPublicKey, verify } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { derOfSignature } from '../../src/formats/ecdsa';
import { parseNote } from '../../src/formats/note';
import { hmacSha256 } from '../../src/formats/sha256';
import { ed25519Signer, signerFromText, signNote } from '../../src/signers/index';

const root = process.env.TRACEHOUND_VECTORS;
const have = root !== undefined && existsSync(root);
if (!have) {
  console.log('vectors of signing skipped: TRACEHOUND_VECTORS names no folder (the decisive ones ran in test/src)');
}
// biome-ignore lint/suspicious/noExplicitAny: each file has its own shape, asserted by using it
const json = (path: string): any => JSON.parse(readFileSync(join(root!, path), 'utf8'));
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** Private keys of the notes in golang.org/x/mod, sumdb/note (published test keys). */
const SKEYS: readonly string[] = ['PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz'];

describe.skipIf(!have)('published vectors', () => {
  test('Ed25519: RFC 8032', async () => {
    const { cases } = json('ed25519/rfc8032.json');
    expect(cases.length).toBeGreaterThanOrEqual(3);
    for (const { seed, msg, sig } of cases) {
      const signer = await ed25519Signer({ name: 'x', seed: hex(seed) });
      expect(Buffer.from(await signer.sign(hex(msg))).toString('hex')).toBe(sig);
    }
  });

  test('notes: golang.org/x/mod', async () => {
    const { sign } = json('note-checkpoint/note-vectors.json');
    const signers = await Promise.all(SKEYS.map(signerFromText));
    let signed = 0;
    for (const { text, signed: note } of sign) {
      const signer = signers.find(({ name }) => name === parseNote(note).signatures[0]!.name);
      if (signer === undefined) continue;
      expect(await signNote(text, [signer])).toBe(note);
      signed++;
    }
    expect(signed).toBe(signers.length);
  });

  test('HMAC-SHA-256: Wycheproof', () => {
    let cases = 0;
    for (const { tagSize, tests } of json('hmac-hkdf/wycheproof_hmac_sha256_test.json').testGroups) {
      for (const { tcId, key, msg, tag, result } of tests) {
        const made = Buffer.from(hmacSha256(hex(key), hex(msg)).subarray(0, tagSize / 8)).toString('hex');
        expect(made === tag, `case ${tcId}`).toBe(result === 'valid');
        cases++;
      }
    }
    expect(cases).toBeGreaterThan(150);
  });

  // OpenSSL reads DER strictly: what it believes in DER is what it would believe in r ‖ s, and the DER is right.
  test('ECDSA P-256: Wycheproof, each signature put into DER', () => {
    let cases = 0;
    for (const { publicKeyDer, tests } of json('ecdsa-p256/wycheproof_ecdsa_secp256r1_sha256_p1363_test.json')
      .testGroups) {
      const key = createPublicKey({ key: Buffer.from(publicKeyDer, 'hex'), format: 'der', type: 'spki' });
      for (const { tcId, msg, sig, result } of tests) {
        const der = derOfSignature(hex(sig));
        const isBelieved = der !== undefined && verify('sha256', hex(msg), key, der);
        expect(isBelieved, `case ${tcId}`).toBe(result === 'valid');
        cases++;
      }
    }
    expect(cases).toBeGreaterThan(200);
  });
});
