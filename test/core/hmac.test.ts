/**
 * Guards source tags: HMAC-SHA-256 from two mid-states is the HMAC of RFC 2104, and the key does not linger.
 *
 * Files: `assembly/hmac.ts`, `assembly/commitments.ts`.
 */
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AUDIT_TAG_INNER, SCRATCH_AT, SCRATCH_BYTES } from '../../assembly/abi.ts';
import { builds, DigestCore, INPUT, OUTPUT, randomBytes, randomFrom } from './digest-core.ts';

const INNER = 0x3000;
const OUTER = 0x3020;
const STATE = 0x3040;
const bytes = (value: number, count: number): Buffer => Buffer.alloc(count, value);
const expected = (key: Uint8Array, data: Uint8Array): string => createHmac('sha256', key).update(data).digest('hex');

/** RFC 4231 §4. Case 5 is truncated to 128 bits. */
const rfc4231: readonly [key: Buffer, data: Buffer, tag: string][] = [
  [bytes(0x0b, 20), Buffer.from('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
  [
    Buffer.from('Jefe'),
    Buffer.from('what do ya want for nothing?'),
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  ],
  [bytes(0xaa, 20), bytes(0xdd, 50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  [
    Buffer.from('0102030405060708090a0b0c0d0e0f10111213141516171819', 'hex'),
    bytes(0xcd, 50),
    '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
  ],
  [bytes(0x0c, 20), Buffer.from('Test With Truncation'), 'a3b6167473100ee06e0c796c2955552b'],
  [
    bytes(0xaa, 131),
    Buffer.from('Test Using Larger Than Block-Size Key - Hash Key First'),
    '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
  ],
  [
    bytes(0xaa, 131),
    Buffer.from(
      'This is a test using a larger than block-size key and a larger than block-size data. ' +
        'The key needs to be hashed before being used by the HMAC algorithm.',
    ),
    '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
  ],
];

describe.each(builds)('hmac, %s', (build) => {
  const core = new DigestCore(build, 16);
  const { hmacKey, hmac, hmacStart, hmacFinish, sha256Update } = core.exports;

  const tag = (key: Uint8Array, data: Uint8Array): string => {
    hmacKey(core.put(key), key.length, INNER, OUTER);
    hmac(INNER, OUTER, core.put(data), data.length, OUTPUT);
    return core.hex();
  };

  test.each(rfc4231.map(([key, data, right], index) => [index + 1, key, data, right] as const))(
    'case %i of RFC 4231 comes out',
    (_, key, data, right) => {
      expect(tag(key, data).slice(0, right.length)).toBe(right);
    },
  );

  test('keys and data of any length give the tag of node:crypto', () => {
    const random = randomFrom(2);
    const wrong: string[] = [];
    for (let length = 0; length <= 200; length++) {
      for (const [keyBytes, dataBytes] of [
        [length, 33],
        [32, length],
      ] as const) {
        const key = randomBytes(random, keyBytes);
        const data = randomBytes(random, dataBytes);
        if (tag(key, data) !== expected(key, data)) wrong.push(`key of ${keyBytes}, data of ${dataBytes}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('one key signs many messages, whole or in pieces', () => {
    const random = randomFrom(3);
    const key = randomBytes(random, 32);
    hmacKey(core.put(key), 32, INNER, OUTER);
    for (let length = 0; length <= 150; length++) {
      const data = randomBytes(random, length);
      const cut = random(length + 1);
      core.put(data);
      hmacStart(STATE, INNER);
      sha256Update(STATE, INPUT, cut);
      sha256Update(STATE, INPUT + cut, length - cut);
      hmacFinish(STATE, OUTER, OUTPUT);
      expect(core.hex(), `length ${length}, cut ${cut}`).toBe(expected(key, data));
    }
  });

  test('neither key nor message stays in scratch memory', () => {
    for (const keyBytes of [5, 32, 64, 65, 200]) {
      tag(bytes(0x5a, keyBytes), bytes(0xa5, 100));
      expect(core.take(SCRATCH_AT, SCRATCH_BYTES).every((byte) => byte === 0)).toBe(true);
    }
  });

  test("a source's tag is the HMAC of its bytes under the log's tag key, of which only mid-states are kept", () => {
    const key = randomBytes(randomFrom(4), 32);
    core.exports.auditKey(core.put(key));
    core.put(bytes(0, 32));
    for (const source of ['', '203.0.113.9', 'a'.repeat(8193)]) {
      core.exports.sourceTag(core.put(source), source.length, OUTPUT);
      expect(core.hex()).toBe(expected(key, Buffer.from(source)));
    }
    expect(core.take(0, core.memory.length).includes(Buffer.from(key))).toBe(false);
    expect(core.take(core.audit + AUDIT_TAG_INNER, 64).every((byte) => byte === 0)).toBe(false);
  });
});
