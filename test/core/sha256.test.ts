/**
 * Guards the one function everything rests on: commitments, tags, links and roots. A SHA-256 in wide use gave wrong
 * digests for most two-piece splits; so every length and every split is tried, on both builds, at every alignment.
 *
 * Files: `assembly/sha256.ts`, `assembly/bytes.ts`, `assembly/testing.ts`, `assembly/testing/digest.ts`.
 */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SCRATCH_AT, SCRATCH_BYTES } from '../../assembly/abi.ts';
import { builds, DigestCore, INPUT, OUTPUT, randomBytes, randomFrom } from './digest-core.ts';

const STATE = 0x3000;
const expected = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const text = randomBytes(randomFrom(1), 4096);

describe.each(builds)('sha256, %s', (build) => {
  const core = new DigestCore(build, 8192);
  const { sha256, sha256Start, sha256Update, sha256Finish } = core.exports;

  const inPieces = (pieces: readonly number[], at: number): string => {
    sha256Start(STATE);
    for (const bytes of pieces) {
      sha256Update(STATE, at, bytes);
      at += bytes;
    }
    sha256Finish(STATE, OUTPUT);
    return core.hex();
  };

  test('the examples of FIPS 180 come out', () => {
    const hash = (message: string): string => core.sha256(Buffer.from(message));
    expect(hash('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(hash('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(hash('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq')).toBe(
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    );
    expect(
      hash(
        'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu',
      ),
    ).toBe('cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1');
  });

  test('a million letters come out, in one piece and in pieces of 997', () => {
    const million = 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0';
    const room = core.ring;
    core.memory.fill(0x61, room, room + 1_000_000);
    sha256(room, 1_000_000, OUTPUT);
    expect(core.hex()).toBe(million);
    expect(inPieces([...Array(1003).fill(997), 9], room)).toBe(million);
    core.memory.fill(0, room, room + 1_000_000);
  });

  test('every length from 0 to 300 gives the digest of node:crypto, wherever it lies', () => {
    const wrong: string[] = [];
    for (let bytes = 0; bytes <= 300; bytes++) {
      const message = text.subarray(0, bytes);
      for (let shift = 0; shift < 4; shift++) {
        core.put(message, INPUT + shift);
        sha256(INPUT + shift, bytes, OUTPUT + shift);
        if (core.hex(OUTPUT + shift) !== expected(message)) wrong.push(`${bytes} bytes at +${shift}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('every split in two of every length up to 200 gives the same digest', () => {
    const wrong: string[] = [];
    core.put(text.subarray(0, 200));
    for (let bytes = 0; bytes <= 200; bytes++) {
      const right = expected(text.subarray(0, bytes));
      for (let first = 0; first <= bytes; first++) {
        if (inPieces([first, bytes - first], INPUT) !== right) wrong.push(`${first} + ${bytes - first}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('splits in many pieces give the same digest', () => {
    const wrong: string[] = [];
    core.put(text);
    for (let seed = 1; seed <= 300; seed++) {
      const random = randomFrom(seed);
      const pieces = Array.from({ length: random(12) }, () => random(random(2) ? 20 : 300));
      const bytes = pieces.reduce((sum, piece) => sum + piece, 0);
      if (inPieces(pieces, INPUT) !== expected(text.subarray(0, bytes))) wrong.push(`seed ${seed}: ${pieces}`);
    }
    expect(wrong).toEqual([]);
  });

  test('a state may lie in dirty memory, and two states do not disturb each other', () => {
    const other = STATE + 512;
    core.put(text.subarray(0, 100));
    core.memory.fill(0xee, STATE, STATE + 1024);
    sha256Start(STATE);
    sha256Start(other);
    sha256Update(STATE, INPUT, 70);
    sha256Update(other, INPUT, 7);
    sha256Update(STATE, INPUT + 70, 30);
    sha256(INPUT, 50, OUTPUT);
    sha256Finish(other, OUTPUT);
    expect(core.hex()).toBe(expected(text.subarray(0, 7)));
    sha256Finish(STATE, OUTPUT);
    expect(core.hex()).toBe(expected(text.subarray(0, 100)));
  });

  test('more than 512 MiB: the length in bits passes 32 bits and still counts', () => {
    // The count of bytes is poked into the state, not hashed; only padding looks at it.
    sha256Start(STATE);
    core.view.setUint32(STATE + 32, 0xffff_ffc0, true);
    core.put(text.subarray(0, 64));
    sha256Update(STATE, INPUT, 64); // the low word runs over
    sha256Finish(STATE, OUTPUT);
    const lengthBits = Buffer.from('0000000800000000', 'hex');
    const padded = Buffer.concat([text.subarray(0, 64), Buffer.from([0x80]), Buffer.alloc(55), lengthBits]);
    expect(core.hex()).toBe(compressed(padded));
  });

  test('nothing of a message stays in scratch memory or in a finished state', () => {
    for (const bytes of [1, 31, 55, 56, 63, 64, 65, 119, 120, 200]) {
      core.memory.fill(0, STATE, STATE + 104);
      core.put(text.subarray(0, bytes));
      sha256(INPUT, bytes, OUTPUT);
      inPieces([bytes >> 1, bytes - (bytes >> 1)], INPUT);
      expect(core.take(SCRATCH_AT, SCRATCH_BYTES).every((byte) => byte === 0)).toBe(true);
      expect(core.take(STATE, 104).every((byte) => byte === 0)).toBe(true);
    }
  });
});

/** FIPS 180-4 §6.2.2 once more, slow, over blocks that are padded already. */
function compressed(blocks: Uint8Array): string {
  const primes: number[] = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  const fraction = (root: (x: bigint) => bigint) => (prime: number) => Number(root(BigInt(prime)) & 0xffff_ffffn);
  const rootOf = (power: bigint, shift: bigint) => (x: bigint) => {
    let low = 0n;
    let high = 1n << 40n;
    while (low < high) {
      const middle = (low + high + 1n) / 2n;
      if (middle ** power <= x << shift) low = middle;
      else high = middle - 1n;
    }
    return low;
  };
  const k = primes.map(fraction(rootOf(3n, 96n)));
  const h = primes.slice(0, 8).map(fraction(rootOf(2n, 64n)));
  const turn = (x: number, n: number): number => (x >>> n) | (x << (32 - n));
  const input = Buffer.from(blocks);
  for (let at = 0; at < input.length; at += 64) {
    const w = Array.from({ length: 16 }, (_, i) => input.readUInt32BE(at + 4 * i));
    for (let i = 16; i < 64; i++) {
      const s0 = turn(w[i - 15]!, 7) ^ turn(w[i - 15]!, 18) ^ (w[i - 15]! >>> 3);
      const s1 = turn(w[i - 2]!, 17) ^ turn(w[i - 2]!, 19) ^ (w[i - 2]! >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) >>> 0;
    }
    let [a, b, c, d, e, f, g, i] = h as [number, number, number, number, number, number, number, number];
    for (let t = 0; t < 64; t++) {
      const t1 = i + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + k[t]! + w[t]!;
      const t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      [i, g, f, e, d, c, b, a] = [g, f, e, (d + t1) >>> 0, c, b, a, (t1 + t2) >>> 0];
    }
    for (const [index, value] of [a, b, c, d, e, f, g, i].entries()) h[index] = (h[index]! + value) >>> 0;
  }
  return h.map((word) => word.toString(16).padStart(8, '0')).join('');
}
