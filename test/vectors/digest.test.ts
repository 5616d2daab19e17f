/**
 * Guards against agreeing only with ourselves: published vectors for SHA-256, HMAC, Merkle heads and UUIDv7, on both
 * builds. They lie outside of this repository: set TRACEHOUND_VECTORS to their folder. The decisive ones (FIPS 180,
 * RFC 4231, the eight-leaf tree, RFC 9562 A.6) are typed into test/core and always run.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { builds, DigestCore, INPUT, OUTPUT } from '../core/digest-core.ts';

const root = process.env.TRACEHOUND_VECTORS;
const have = root !== undefined && existsSync(root);
if (!have) {
  console.log(
    'vectors of hashing and ids skipped: TRACEHOUND_VECTORS names no folder (the decisive ones ran in test/core)',
  );
}
// biome-ignore lint/suspicious/noExplicitAny: each file has its own shape, asserted by using it
const json = (path: string): any => JSON.parse(readFileSync(join(root!, path), 'utf8'));
const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const INNER = 0x3000;
const OUTER = 0x3020;
const LEAF = 0x3040;
const FRONTIER = 0x3080;

describe.skipIf(!have).each(builds)('published vectors, %s', (build) => {
  const core = new DigestCore(build, 8192);
  const e = core.exports;

  test('SHA-256: the examples of FIPS 180', () => {
    for (const { ascii, asciiRepeat, md } of json('sha256/fips180-examples.json').cases) {
      const message = Buffer.from(ascii ?? asciiRepeat[0].repeat(asciiRepeat[1]));
      core.put(message, core.ring);
      e.sha256(core.ring, message.length, OUTPUT);
      expect(core.hex()).toBe(md);
    }
  });

  // A chain of 1,000 digests for each published value; the JavaScript build takes the first dozen of each set.
  test('SHA-256: the Monte Carlo chains of NIST CAVS', () => {
    for (const { seed, md } of json('sha256/sha256-monte.json').sets) {
      let last = hex(seed);
      for (const right of build === 'wasm' ? md : md.slice(0, 12)) {
        for (let i = 0; i < 3; i++) core.put(last, INPUT + 32 * i);
        for (let i = 0; i < 1000; i++) {
          e.sha256(INPUT, 96, OUTPUT);
          core.memory.copyWithin(INPUT, INPUT + 32, INPUT + 96);
          core.memory.copyWithin(INPUT + 64, OUTPUT, OUTPUT + 32);
        }
        expect(core.hex()).toBe(right);
        last = hex(right);
      }
    }
  });

  test('HMAC-SHA-256: Wycheproof', () => {
    for (const group of json('hmac-hkdf/wycheproof_hmac_sha256_test.json').testGroups) {
      for (const { tcId, key, msg, tag, result } of group.tests) {
        const [keyBytes, data] = [hex(key), hex(msg)];
        e.hmacKey(core.put(keyBytes), keyBytes.length, INNER, OUTER);
        e.hmac(INNER, OUTER, core.put(data), data.length, OUTPUT);
        expect(core.hex(OUTPUT, group.tagSize / 8) === tag, `case ${tcId}`).toBe(result === 'valid');
      }
    }
  });

  const treeOf = (entries: readonly Buffer[], each: (size: number, head: Buffer) => void): void => {
    for (let size = 0; size <= entries.length; size++) {
      e.treeRoot(FRONTIER, size, OUTPUT);
      each(size, core.take(OUTPUT, 32));
      const entry = entries[size];
      if (entry === undefined) break;
      e.treeLeaf(core.put(entry, INPUT + 8), entry.length, LEAF);
      e.treeAppend(FRONTIER, size, LEAF);
    }
  };

  test('Merkle heads: the reference tree of eight leaves', () => {
    const { leafInputs, roots } = json('rfc6962-merkle/reference-tree-8.json');
    treeOf(leafInputs.map(hex), (size, head) => expect(head.toString('hex')).toBe(roots[size]));
  });

  test('Merkle heads: every checkpoint of the Tessera test log', () => {
    const log = join(root!, 'tessera-testlog/testdata/log');
    const bundle = readFileSync(join(log, 'tile/entries/000.p/15'));
    const entries: Buffer[] = [];
    for (let at = 0; at < bundle.length; at += 2 + bundle.readUInt16BE(at)) {
      entries.push(bundle.subarray(at + 2, at + 2 + bundle.readUInt16BE(at)));
    }
    expect(entries.length).toBe(15);
    treeOf(entries, (size, head) => {
      const [, count, base64] = readFileSync(join(log, `checkpoint.${size}`), 'utf8').split('\n');
      expect([String(size), head.toString('base64')]).toEqual([count, base64]);
    });
  });

  test('UUIDv7: the example of RFC 9562', () => {
    const { uuid, unix_ts_ms_dec: ms, rand_a: a, rand_b: b } = json('uuidv7/rfc9562-a6.json');
    const pool = Buffer.alloc(1024);
    hex(b.slice(-8)).copy(pool);
    e.entropyPut(core.put(pool));
    core.view.setFloat64(core.ids, ms, true);
    core.view.setUint32(core.ids + 8, Number(a), true);
    core.view.setUint32(core.ids + 12, Number(BigInt(b) >> 32n) - 1, true);
    e.idMake(ms, OUTPUT);
    expect(core.hex(OUTPUT, 16)).toBe(uuid.replaceAll('-', ''));
  });
});
