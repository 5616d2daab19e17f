/**
 * Guards `src/formats/commitment.ts`: commitments are the hashes that docs/format.md says, and no two kinds are one.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { detailCommitment, itemCommitment, payloadCommitment } from '../../../src/formats/commitment';
import { seeded } from '../../ground';

const sha256 = (...parts: (string | Uint8Array)[]): string => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('a commitment', () => {
  it('is SHA-256 of a byte, the salt and what it commits to (100 by seed)', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = seeded(seed);
      const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random(256));
      const [salt, hash] = [bytes(16), bytes(32)];
      const text = `id-${seed}-${'x'.repeat(random(80))}`;
      expect(hex(payloadCommitment(salt, hash))).toBe(sha256(Uint8Array.of(2), salt, hash));
      expect(hex(detailCommitment(salt, text))).toBe(sha256(Uint8Array.of(3), salt, text));
      expect(hex(itemCommitment(salt, text))).toBe(sha256(Uint8Array.of(4), salt, text));
    }
  });

  it('agrees with the worked example of docs/format.md', () => {
    const salt = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaabacadaeaf', 'hex');
    const hash = Buffer.from('6cbe9347e08ef2b808803cc41401f7fa082a4cb42dc09a8014753564b1845700', 'hex');
    expect(hex(payloadCommitment(salt, hash))).toBe('97aa4dde91b554736ec755aa0b8355f2e3a9535b7bb3c4f525366ed327c36d27');
    expect(hex(detailCommitment(salt, `sqli:${hex(hash)}`))).toBe(
      '9615f78be97be79df6c989b5606cf64405eee7770bd3418a781b4d2d00522a2e',
    );
  });
});
