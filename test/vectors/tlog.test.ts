/**
 * Guards `src/formats/tlog.ts` and `src/formats/note.ts` against agreeing only with ourselves: accept and reject sets of
 * transparency-dev/merkle, the notes of golang.org/x/mod, the test log of Tessera. They lie outside of this repository: set
 * TRACEHOUND_VECTORS to their folder. The decisive ones are typed into test/src/formats/tlog.test.ts and note.test.ts.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../src/formats/bytes';
import { formatNote, parseCheckpoint, parseNote, parseVerifierKey } from '../../src/formats/note';
import { Frontier, leafHash, unbundle, verifyConsistency, verifyInclusion } from '../../src/formats/tlog';

const root = process.env.TRACEHOUND_VECTORS;
const present = root !== undefined && existsSync(root);
if (!present) console.log('vectors of trees and notes skipped: TRACEHOUND_VECTORS names no folder');
const at = (...parts: string[]): string => join(root!, ...parts);
// biome-ignore lint/suspicious/noExplicitAny: each file has its own shape, asserted by using it
const json = (path: string): any => JSON.parse(readFileSync(path, 'utf8'));
const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const list = (hashes: string[] | null): Uint8Array[] => (hashes ?? []).map(bytes);

function files(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => join(folder, name));
}

describe.runIf(present)('transparency-dev/merkle', () => {
  it('inclusion: accepts and rejects as published', () => {
    const cases = files(at('rfc6962-merkle', 'testdata', 'inclusion')).map(json);
    expect(cases.length).toBe(98);
    for (const { leafIdx, treeSize, root, leafHash, proof, desc, wantErr } of cases) {
      const hashes = list(proof);
      const accepted = verifyInclusion(bytes(leafHash), { index: leafIdx, size: treeSize, hashes }, bytes(root));
      expect(accepted, desc).toBe(!wantErr);
    }
  });

  it('consistency: accepts and rejects as published', () => {
    const cases = files(at('rfc6962-merkle', 'testdata', 'consistency')).map(json);
    expect(cases.length).toBe(98);
    for (const { size1, size2, root1, root2, proof, desc, wantErr } of cases) {
      const accepted = verifyConsistency({ from: size1, to: size2, hashes: list(proof) }, bytes(root1), bytes(root2));
      // Stricter than Go: from an empty tree nothing is proved, and "don't care 2" is no root of 32 bytes.
      expect(accepted, desc).toBe(!wantErr && size1 > 0 && bytes(root1).length === 32);
    }
  });
});

describe.runIf(present)('golang.org/x/mod sumdb/note', () => {
  const vectors = present ? json(at('note-checkpoint', 'note-vectors.json')) : {};

  it('reads its keys', () => {
    for (const key of vectors.goodVkeys) expect(parseVerifierKey(key).type).toBe(1);
  });

  it('refuses its broken keys', () => {
    expect(vectors.badVkeys.length).toBeGreaterThan(60);
    for (const key of vectors.badVkeys) {
      // A type that nobody knows is readable here, because a policy may name witnesses that we cannot check.
      if (key.includes('+ZRpc2')) expect(parseVerifierKey(key).type).toBe(0x65);
      else expect(() => parseVerifierKey(key), key).toThrow('key: ');
    }
  });

  it('reads its notes, and writes them back', () => {
    for (const { desc, noteBase64, ok } of vectors.open) {
      if (!ok) continue;
      const note = Buffer.from(noteBase64, 'base64').toString();
      const { text, signatures } = parseNote(note);
      expect(formatNote(text, signatures), desc).toBe(note);
    }
  });
});

describe.runIf(present)('the test log of Tessera', () => {
  const log = present ? at('tessera-testlog', 'testdata', 'log') : '';

  it('has at every size the head that its checkpoint says, over the leaves that its tile says', () => {
    const entries = unbundle(new Uint8Array(readFileSync(join(log, 'tile/entries/000.p/15'))));
    expect(entries).toHaveLength(15);
    const frontier = new Frontier();
    for (let size = 0; size <= 15; size++) {
      const note = parseNote(readFileSync(join(log, `checkpoint.${size}`)));
      expect(parseCheckpoint(note.text)).toMatchObject({ size, root: frontier.root() });
      if (size === 15) break;
      const leaf = leafHash(entries[size]!);
      const tile = readFileSync(join(log, `tile/0/000.p/${size + 1}`));
      expect(toHex(tile.subarray(32 * size))).toBe(toHex(leaf));
      frontier.append(leaf);
    }
  });
});
