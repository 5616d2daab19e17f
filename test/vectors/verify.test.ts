/**
 * Guards the verifier against agreeing only with ourselves: signatures and checkpoints of others. They lie outside of this
 * repository: set TRACEHOUND_VECTORS to their folder. The decisive few are typed in below and always run, and so does
 * `@sigstore/verify`, which checks our proofs with code that is not ours.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derOfSignature } from '../../src/formats/ecdsa';
import {
  ECDSA,
  ED25519,
  formatVerifierKey,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
} from '../../src/formats/note';
import { openCheckpoint, parsePolicy, verifyInclusion } from '../../src/verify/index';
import { parseProof } from '../../src/verify/proof';
import { checkNote, ecdsa, ed25519 } from '../../src/verify/signature';
import { pathOf } from '../lab/bundles';
import { LabLog } from '../lab/logs';

const root = process.env.TRACEHOUND_VECTORS;
const have = root !== undefined && existsSync(root);
if (!have) console.log('vectors of verifying skipped: TRACEHOUND_VECTORS names no folder (the decisive ones ran)');
// biome-ignore lint/suspicious/noExplicitAny: each file has its own shape, asserted by using it
const json = (path: string): any => JSON.parse(readFileSync(join(root!, path), 'utf8'));
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const base64 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));

describe('typed in', () => {
  // C2SP signed-note.md (CC BY 4.0).
  it('the example of the specification of notes', async () => {
    const key = parseVerifierKey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k');
    const note = parseNote(
      'This is an example message.\n\n' +
        '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
    );
    expect(await checkNote(note, key)).toBe('good');
    expect(await checkNote({ ...note, text: 'This is an example massage.\n' }, key)).toBe('bad');
  });

  // sigstore/sigstore-conformance rekor2-checkpoint-cosigned (Apache-2.0): a log of others, its key, a witness.
  it('a checkpoint of Rekor v2 with the cosignature of a witness that we do not know', async () => {
    const origin = 'log2025-alpha1.rekor.sigstage.dev';
    const note =
      `${origin}\n736\nrs1YPY0ydAV0lxgfrq5pE4oRpUJwo3syeps5+eGUTDI=\n\n` +
      `— ${origin} 8w1amdbj1mjNN674dHAkD92+QZoEgBC7o0mXYSTRluDjQrOPjrps3zQB9ut+ShLepyZPsWBDi5IB3yXyjgjQT6OG9A8=\n` +
      '— witness.example O8PH5AAAAABopO8+4O9uzScQrNEnGdKLYXSPoUjH1Se4n92W+wT/j5Kel/4J2XWE4bEe9bpIVUD6EGOeUDFkSWz/rbDhvVcJ/2OrDw==\n';
    const key = formatVerifierKey(origin, ED25519, base64('Pn+AREHoBaZ7wgS1zBqpxmLSGnyhxXj4lFxSdWVB8o8='));
    expect(key).toContain('+f30d5a99+');
    expect(await openCheckpoint(note, parsePolicy(`log ${key}\nquorum none\n`))).toMatchObject({ origin, size: 736 });
  });
});

describe.skipIf(!have)('published vectors', () => {
  it('Ed25519: Wycheproof, each key and signature', async () => {
    const { testGroups, numberOfTests } = json('ed25519/wycheproof_ed25519_test.json');
    let checked = 0;
    for (const { publicKey, tests } of testGroups) {
      for (const { tcId, msg, sig, result } of tests) {
        checked++;
        expect(await ed25519(hex(publicKey.pk), hex(msg), hex(sig)), `tcId ${tcId}`).toBe(
          result === 'valid' ? 'good' : 'bad',
        );
      }
    }
    expect(checked).toBe(numberOfTests);
  });

  it('ECDSA on P-256: Wycheproof, by way of DER', async () => {
    const { testGroups } = json('ecdsa-p256/wycheproof_ecdsa_secp256r1_sha256_p1363_test.json');
    let checked = 0;
    for (const { publicKeyDer, tests } of testGroups) {
      for (const { tcId, msg, sig, result } of tests) {
        const der = derOfSignature(hex(sig));
        if (der === undefined) expect(result, `tcId ${tcId}`).toBe('invalid');
        else {
          checked++;
          expect(await ecdsa(hex(publicKeyDer), hex(msg), der), `tcId ${tcId}`).toBe(
            result === 'invalid' ? 'bad' : 'good',
          );
        }
      }
    }
    expect(checked).toBeGreaterThan(150);
  });

  it('Ed25519: no key of small order of CCTV becomes a verifier key', () => {
    const cases = json('ed25519/cctv_ed25519vectors.json') as { key: string; flags: string[] | null }[];
    const small = cases.filter(({ flags }) => flags?.includes('low_order_A'));
    expect(small.length).toBeGreaterThan(100);
    for (const { key } of small) {
      const text = formatVerifierKey('x', ED25519, hex(key));
      expect(() => parseVerifierKey(text), key).toThrow('of small order');
    }
  });

  it('checkpoints and proofs of Rekor v2: accepted and rejected as published', async () => {
    const { cases } = json('rekor2-checkpoints/rekor2.json');
    expect(cases).toHaveLength(25);
    for (const {
      name,
      logIndex,
      treeSize,
      rootHash,
      hashes,
      checkpoint,
      leafBase64,
      logKeys,
      expectLogProofOk,
    } of cases) {
      const keys = logKeys.map(({ origin, type, spki }: { origin: string; type: string; spki: string }) =>
        type === 'ed25519'
          ? formatVerifierKey(origin, ED25519, base64(spki).slice(-32))
          : formatVerifierKey(origin, ECDSA, base64(spki)),
      );
      const opened = await openCheckpoint(checkpoint, keys).catch((error: { code: string }) => {
        expect(error.code, name).toMatch(/^NOTE_/);
        return undefined;
      });
      const proof = { index: Number(logIndex), size: opened?.size ?? 0, hashes: hashes.map(base64) };
      const accepted = opened !== undefined && verifyInclusion(base64(leafBase64), proof, opened.root);
      expect(accepted, name).toBe(expectLogProofOk);
      if (!accepted) continue;
      expect([opened.size, Buffer.from(opened.root).toString('base64')]).toEqual([Number(treeSize), rootHash]);
      expect(verifyInclusion(base64(leafBase64), { ...proof, index: proof.index + 1 }, opened.root)).toBe(false);
    }
  });

  it('the checkpoints of Tessera’s test log', async () => {
    const key = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';
    for (let size = 0; size <= 15; size++) {
      const note = readFileSync(join(root!, `tessera-testlog/testdata/log/checkpoint.${size}`), 'utf8');
      expect((await openCheckpoint(note, [key])).size).toBe(size);
      await expect(openCheckpoint(note.replace(`\n${size}\n`, `\n${size + 1}\n`), [key])).rejects.toMatchObject({
        code: 'NOTE_UNVERIFIED',
      });
    }
  });

  it('proofs as text: transparency-dev/formats', () => {
    const { marshal, reject } = json('note-checkpoint/tlog-proof.json');
    for (const { index, hashes, checkpoint, want } of marshal) {
      expect(parseProof('proof', want)).toEqual({ index, hashes: hashes.map(base64), checkpoint });
    }
    expect(reject).toHaveLength(7);
    for (const text of reject) expect(() => parseProof('proof', text), text).toThrow('proof: ');
  });

  it('keys of witnesses: C2SP', () => {
    const { type01, type04 } = json('note-checkpoint/c2sp-spec-examples.json').cosignatureVkeyConversion;
    expect([parseVerifierKey(type01).type, parseVerifierKey(type04).type]).toEqual([1, 4]);
  });

  it('checkpoints as text: strict where the specification is', () => {
    const { cases } = json('note-checkpoint/checkpoint-parse.json');
    for (const { desc, body, strictOk } of cases) {
      const read = (): unknown => parseCheckpoint(body);
      if (strictOk) expect(read(), desc).toBeDefined();
      else expect(read, desc).toThrow();
    }
  });
});

// ── a verifier that is not ours ───────────────────────────────────────────────────────────────────

interface Oracle {
  verifyMerkleInclusion(entry: object, checkpoint: object): void;
}

/** Its index does not export the part that we need, so it is loaded by its path. */
function oracle(): Oracle | undefined {
  const require = createRequire(import.meta.url);
  try {
    return require(join(dirname(require.resolve('@sigstore/verify')), 'tlog', 'merkle.js')) as Oracle;
  } catch {
    console.log('@sigstore/verify skipped: it is not installed');
    return undefined;
  }
}
const sigstore = oracle();

describe.skipIf(sigstore === undefined)('@sigstore/verify', () => {
  const accepts = (log: LabLog, index: number, hashes: Buffer[], record = log.records[index]!): boolean => {
    const inclusionProof = { logIndex: String(index), hashes };
    const checkpoint = { logSize: BigInt(log.size), logHash: log.root() };
    try {
      sigstore!.verifyMerkleInclusion({ canonicalizedBody: record, inclusionProof }, checkpoint);
      return true;
    } catch {
      return false;
    }
  };

  it('accepts our proofs, rejects them when anything is another, and so do we', () => {
    const logs = new Map<number, LabLog>();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat(), (size, place, lie) => {
        const log = logs.get(size) ?? new LabLog().grow(size);
        logs.set(size, log);
        const index = place % size;
        const hashes = pathOf(index, log.leaves);
        const ours = (path: Buffer[], at = index, record = log.records[index]!): boolean =>
          verifyInclusion(record, { index: at, size, hashes: path }, log.root());
        expect([ours(hashes), accepts(log, index, hashes)]).toEqual([true, true]);
        const record = Buffer.from(log.records[index]!);
        record[lie % 176]! ^= 1;
        expect([ours(hashes, index, record), accepts(log, index, hashes, record)]).toEqual([false, false]);
        if (hashes.length === 0) return;
        const path = hashes.map((hash) => Buffer.from(hash));
        path[lie % path.length]![lie % 32]! ^= 1;
        expect([ours(path), accepts(log, index, path)]).toEqual([false, false]);
        expect([ours(hashes.slice(1)), accepts(log, index, hashes.slice(1))]).toEqual([false, false]);
      }),
      { seed: 20_261_126, numRuns: 300 },
    );
  });
});
