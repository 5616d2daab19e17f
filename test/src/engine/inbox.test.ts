/**
 * Guards src/engine/inbox.ts: what goes through the payload region comes out as the right digest and leaves nothing there;
 * texts that do not fit name nobody; a question says of itself what it is.
 */
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, it, vi } from 'vitest';
import * as abi from '../../../assembly/abi';
import {
  hashInto,
  hashOf,
  hmac,
  questionSignature,
  writeQuestion,
  writeSmall,
  writeSource,
} from '../../../src/engine/inbox';
import type { Core } from '../../../src/engine/link';
import { begun, configOf, questionOf } from '../../lab/core';
import { dice } from '../../lab/lab';

const MAX = 512;
const config = configOf({ maxPayloadBytes: MAX });
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const word = (core: Core, field: number): number => core.view.getUint32(abi.INBOX_AT + field, true);
const inboxed = (core: Core, field: number, bytes: number): Buffer =>
  Buffer.from(core.bytes.slice(abi.INBOX_AT + field, abi.INBOX_AT + field + bytes));
const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);

describe('a hash', () => {
  it('is SHA-256 for every length to four payload regions and around, and leaves the region empty', () => {
    const core = begun(config);
    const data = Uint8Array.from({ length: 4 * MAX + 2 }, (_, i) => (i * 31) & 0xff);
    for (let length = 0; length <= data.length; length += length % MAX < 4 || length % MAX > MAX - 4 ? 1 : 13) {
      const bytes = data.subarray(0, length);
      expect(hex(hashOf(core, bytes)), `${length} bytes`).toBe(sha256(bytes));
      expect(isBlank(core.payload), `${length} bytes stayed behind`).toBe(true);
    }
    hashInto(core, 'ünïcode', abi.INBOX_SIGNATURE_HASH);
    expect(inboxed(core, abi.INBOX_SIGNATURE_HASH, 32).toString('hex')).toBe(sha256('ünïcode'));
  });

  it('is the platform’s from 320 bytes on, and the core’s where the platform fails or answers no digest', () => {
    const data = new Uint8Array(400).fill(9);
    const platform = vi.fn((bytes: Uint8Array) => createHash('sha256').update(bytes).digest());
    const core = begun(config, platform);
    expect([319, 320, 400].map((bytes) => hex(hashOf(core, data.subarray(0, bytes))))).toEqual(
      [319, 320, 400].map((bytes) => sha256(data.subarray(0, bytes))),
    );
    expect(platform.mock.calls.map(([bytes]) => bytes.length)).toEqual([320, 400]);
    const failing = [
      () => new Uint8Array(31),
      () => {
        throw new Error('no digest today');
      },
    ];
    for (const digest of failing) expect(hex(hashOf(begun(config, digest), data))).toBe(sha256(data));
  });
});

it('an HMAC is RFC 2104’s for every key and data length, and leaves neither behind', () => {
  const core = begun(config);
  core.source.fill(0); // The origin.
  for (let bytes = 0; bytes <= 200; bytes += bytes < 70 ? 1 : 17) {
    const [key, data] = [new Uint8Array(bytes).fill(0xa5), new Uint8Array(200 - bytes).fill(0x5a)];
    expect(hex(hmac(core, key, data)), `${bytes} bytes`).toBe(createHmac('sha256', key).update(data).digest('hex'));
    expect(isBlank(core.source) && isBlank(core.payload), `${bytes} bytes`).toBe(true);
  }
});

describe('a text', () => {
  it.each(Array.from({ length: 20 }, (_, i) => i + 1))('is written as its UTF-8, short or long (seed %d)', (seed) => {
    const core = begun(config);
    const roll = dice(seed);
    for (let i = 0; i < 20; i++) {
      const alphabet = roll() < 0.5 ? ['a', '9', '.'] : ['a', 'é', '漢', '😀'];
      const text = Array.from(
        { length: Math.floor(roll() * 100) },
        () => alphabet[Math.floor(roll() * alphabet.length)],
      ).join('');
      writeSource(core, { kind: 'key', text });
      const bytes = Buffer.from(text);
      expect(word(core, abi.INBOX_SOURCE_KIND)).toBe(abi.SOURCE_KEY);
      expect(word(core, abi.INBOX_SOURCE_BYTES)).toBe(bytes.length);
      expect(inboxed(core, abi.INBOX_SOURCE, bytes.length).equals(bytes)).toBe(true);
    }
  });

  it('that is one byte too long names nobody; the longest one is itself', () => {
    const core = begun(config);
    writeSource(core, { kind: 'key', text: 'k'.repeat(abi.SOURCE_BYTES_MAX) });
    expect([word(core, abi.INBOX_SOURCE_KIND), word(core, abi.INBOX_SOURCE_BYTES)]).toEqual([
      abi.SOURCE_KEY,
      abi.SOURCE_BYTES_MAX,
    ]);
    for (const text of ['k'.repeat(abi.SOURCE_BYTES_MAX + 1), `${'k'.repeat(abi.SOURCE_BYTES_MAX - 1)}é`]) {
      writeSource(core, { kind: 'key', text });
      expect([word(core, abi.INBOX_SOURCE_KIND), word(core, abi.INBOX_SOURCE_BYTES)]).toEqual([abi.SOURCE_UNKNOWN, 0]);
    }
  });

  it('of a small field is cut between characters, and never runs into the next field', () => {
    const core = begun(config);
    for (let length = 0; length <= 30; length++) {
      core.bytes.fill(0xee, abi.INBOX_AT + abi.INBOX_DETECTOR, abi.INBOX_AT + abi.INBOX_DETECTOR + 32);
      writeSmall(core, abi.INBOX_DETECTOR, abi.INBOX_DETECTOR_BYTES, '漢'.repeat(length), 20);
      const written = word(core, abi.INBOX_DETECTOR_BYTES);
      expect(written).toBe(Math.min(length, 6) * 3);
      expect(inboxed(core, abi.INBOX_DETECTOR, written).toString()).toBe('漢'.repeat(Math.min(length, 6)));
      expect(core.bytes[abi.INBOX_AT + abi.INBOX_DETECTOR + 20]).toBe(0xee);
    }
  });
});

describe('a question', () => {
  it.each([
    ['plain', {}, abi.IN_PAYLOAD],
    ['charged', { charged: true }, abi.IN_PAYLOAD | abi.IN_CHARGED],
    ['truncated', { truncated: true }, abi.IN_PAYLOAD | abi.IN_TRUNCATED],
    ['of another category', { categoryReplaced: true }, abi.IN_PAYLOAD | abi.IN_CATEGORY_REPLACED],
    ['of another severity', { severityReplaced: true }, abi.IN_PAYLOAD | abi.IN_SEVERITY_REPLACED],
    ['fingerprinted', { fingerprint: 'f' }, abi.IN_PAYLOAD | abi.IN_SIGNATURE_HASH],
    ['unreadable', { payload: undefined, fault: 'invalid' }, abi.IN_INVALID],
    ['measured too large', { payload: undefined, fault: 'too_large', size: 9_999 }, abi.IN_TOO_LARGE],
    ['as large as there is room', { payload: 'x'.repeat(MAX) }, abi.IN_PAYLOAD],
    ['one character too large', { payload: 'x'.repeat(MAX + 1) }, abi.IN_TOO_LARGE],
    ['one byte too large', { payload: `${'x'.repeat(MAX - 1)}é` }, abi.IN_TOO_LARGE],
  ] as const)('that is %s says so in its flags', (_, over, flags) => {
    const core = begun(config);
    const question = questionOf('x', over);
    writeQuestion(core, { kind: 'text', text: 'a' }, question);
    expect(word(core, abi.INBOX_FLAGS)).toBe(abi.IN_THREAT | flags);
    const tooLarge = (flags & abi.IN_TOO_LARGE) !== 0;
    if (tooLarge) expect(word(core, abi.INBOX_PAYLOAD_BYTES)).toBeGreaterThan(MAX);
    if (tooLarge) expect(isBlank(core.payload), 'half of a payload stayed behind').toBe(true);
  });

  it('has the signature that the core gives it, unless only the core can know that', () => {
    const core = begun(config);
    const [payload, fingerprint] = ['the payload', 'the print'];
    expect(questionSignature(core, questionOf(payload))).toBe(`sqli:${sha256(payload)}`);
    expect(questionSignature(core, questionOf(Buffer.from(payload)))).toBe(`sqli:${sha256(payload)}`);
    expect(questionSignature(core, questionOf(payload, { fingerprint }))).toBe(`sqli:${sha256(fingerprint)}`);
    expect(questionSignature(core, questionOf(undefined, { fingerprint }))).toBe(`sqli:${sha256(fingerprint)}`);
    expect(questionSignature(core, questionOf('x'.repeat(MAX)))).toBe(`sqli:${sha256('x'.repeat(MAX))}`);
    for (const unknown of [
      questionOf(undefined),
      questionOf('x'.repeat(MAX + 1), { fingerprint }),
      questionOf(payload, { fault: 'invalid' }),
    ]) {
      expect(questionSignature(core, unknown)).toBeUndefined();
    }
  });
});
