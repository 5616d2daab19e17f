/**
 * Guards `src/formats/note.ts`: one spelling for a note, a key and a checkpoint, and an error that names the line otherwise.
 */
import { describe, expect, it } from 'vitest';
import { fromHex, toBase64 } from '../../../src/formats/bytes';
import {
  COSIGNATURE,
  ECDSA,
  ED25519,
  formatCheckpoint,
  formatNote,
  formatVerifierKey,
  isKeyName,
  keyId,
  NOTE_BYTES_MAX,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
} from '../../../src/formats/note';

/** Test key of golang.org/x/mod sumdb/note, and the note that its tests sign with it. */
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const NOTE =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const signature = (fill: number, length = 64): Uint8Array => new Uint8Array(length).fill(fill);

function thrown(act: () => unknown): { code?: string; message: string } {
  try {
    act();
  } catch (error) {
    return error as { code?: string; message: string };
  }
  throw new Error('nothing was thrown');
}

describe('a note', () => {
  it('comes apart into what was signed and who signed', () => {
    const { text, signatures } = parseNote(NOTE);
    expect(text).toBe(NOTE.slice(0, NOTE.indexOf('\n\n') + 1));
    expect(signatures).toHaveLength(1);
    expect(signatures[0]).toMatchObject({ name: 'PeterNeumann', id: 0xc74f20a3 });
    expect(signatures[0]!.signature).toHaveLength(64);
    expect(parseNote(bytes(NOTE))).toEqual(parseNote(NOTE));
  });

  it('is written back byte for byte', () => {
    const { text, signatures } = parseNote(NOTE);
    expect(formatNote(text, signatures)).toBe(NOTE);
  });

  it('ends at its last empty line: an empty line inside belongs to the text', () => {
    const note = formatNote('a\n\nb\n', [{ name: 'k', id: 1, signature: signature(1) }]);
    expect(parseNote(note).text).toBe('a\n\nb\n');
  });

  it('carries as many signatures as fit', () => {
    const signatures = Array.from({ length: 100 }, (_, id) => ({ name: `k${id}`, id, signature: signature(id) }));
    expect(parseNote(formatNote('a\n', signatures)).signatures).toEqual(signatures);
  });

  it.each([
    ['no signatures', 'a\n', 'note: not signed'],
    ['no newline at the end', NOTE.slice(0, -1), 'note: not signed'],
    ['an empty line after the signatures', `${NOTE}\n`, 'note line 6: no signature line'],
    ['a control character', `a\rb${NOTE}`, 'note: a control character'],
    ['a tab', `a\tb${NOTE}`, 'note: a control character'],
    ['half a character', `\ud800${NOTE}`, 'note: not UTF-8'],
    ['another dash', NOTE.replace('—', '-'), 'note line 4: no signature line'],
    ['a name with a plus sign', NOTE.replace('— Peter', '— Pe+er'), 'note line 4: no signature line'],
    ['a third word', NOTE.replace('AM=\n', 'AM= x\n'), 'note line 4: no signature line'],
    ['no name', '\n\n—  AAAAAAA=\n', 'note line 3: no signature line'],
    ['broken base64', NOTE.replace('x08go', 'x08g!'), 'note line 4: no signature'],
    ['base64 that is respelt', NOTE.replace('nAM=', 'nAN='), 'note line 4: no signature'],
    ['a key id and nothing after it', `a\n\n— k ${toBase64(signature(1, 4))}\n`, 'note line 3: no signature'],
  ])('is refused with %s', (_, note, message) => {
    const error = thrown(() => parseNote(note));
    expect(error).toMatchObject({ name: 'TracehoundError', code: 'NOTE_INVALID' });
    expect(error.message).toMatch(`${message}, expected `);
  });

  it('is refused when it is not UTF-8, and when it is long, before it is read', () => {
    expect(thrown(() => parseNote(Uint8Array.of(0xff, ...bytes(NOTE)))).message).toMatch('note: not UTF-8');
    expect(thrown(() => parseNote('a'.repeat(NOTE_BYTES_MAX + 1))).message).toBe(
      `note: too large, expected ≤ ${NOTE_BYTES_MAX} bytes, got ${NOTE_BYTES_MAX + 1}`,
    );
    expect(thrown(() => parseNote(new Uint8Array(NOTE_BYTES_MAX + 1))).message).toMatch('note: too large');
  });

  it('keeps a byte order mark as part of the text: it was signed', () => {
    expect(parseNote(bytes(`\ufeff${NOTE}`)).text).toBe(`\ufeff${parseNote(NOTE).text}`);
  });
});

describe('a verifier key', () => {
  it('comes apart and is written back', () => {
    const { name, id, type, key } = parseVerifierKey(PETER);
    expect({ name, id, type }).toEqual({ name: 'PeterNeumann', id: 0xc74f20a3, type: ED25519 });
    expect(formatVerifierKey(name, type, key)).toBe(PETER);
  });

  it('has an id with leading zeros, in every type', () => {
    for (let i = 0; i < 600; i++) {
      for (const type of [ED25519, ECDSA, COSIGNATURE, 0xff]) {
        const key = signature(7, 32);
        const text = formatVerifierKey(`key${i}`, type, key);
        expect(parseVerifierKey(text)).toEqual({ name: `key${i}`, id: keyId(`key${i}`, type, key), type, key });
      }
    }
  });

  it('of ECDSA is named by its hash alone', () => {
    expect(keyId('a', ECDSA, signature(7))).toBe(keyId('b', ECDSA, signature(7)));
    expect(keyId('a', ED25519, signature(7))).not.toBe(keyId('b', ED25519, signature(7)));
  });

  it.each([
    ['no parts', 'Peter', 'no verifier key'],
    ['two parts', PETER.slice(0, 21), 'no verifier key'],
    ['no name', PETER.slice(12), 'no verifier key'],
    ['a name with a space', `P ${PETER.slice(2)}`, 'no verifier key'],
    ['an id in capitals', PETER.replace('c74f', 'C74F'), 'no verifier key'],
    ['broken base64', PETER.slice(0, -1), 'no key'],
    ['a type without a key', 'a+00000000+AQ==', 'no key'],
    ['a short key', formatVerifierKey('a', ED25519, signature(3, 31)), 'length'],
    ["another's id", PETER.replace('Peter', 'Qeter'), 'wrong id'],
  ])('is refused with %s', (_, text, problem) => {
    const error = thrown(() => parseVerifierKey(text));
    expect(error).toMatchObject({ code: 'NOTE_INVALID' });
    expect(error.message).toMatch(`key: ${problem}, expected `);
  });

  // y = 0, 1, −1, the two of order eight, and two that are not reduced: 8 · P is the neutral element (checked by arithmetic).
  it.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  ])('is refused when it signs anything: %s', (hex) => {
    const text = formatVerifierKey('a', ED25519, fromHex(hex)!);
    expect(thrown(() => parseVerifierKey(text)).message).toMatch('key: of small order');
  });

  it('has a name without spaces, plus signs and control characters', () => {
    expect(['example.org/log', 'ö', 'a:b'].map(isKeyName)).toEqual([true, true, true]);
    expect(['', ' ', 'a b', 'a+b', 'a\u00a0b', 'a\u2028b', 'a\u0085b', 'a\nb'].some(isKeyName)).toBe(false);
  });
});

describe('a checkpoint', () => {
  const root = new Uint8Array(32).fill(9);

  it('is three lines', () => {
    const text = formatCheckpoint({ origin: 'example.org/log', size: 12, root });
    expect(text).toBe(`example.org/log\n12\n${toBase64(root)}\n`);
    expect(parseCheckpoint(text)).toEqual({ origin: 'example.org/log', size: 12, root });
  });

  it('may have extension lines, which mean nothing here', () => {
    expect(parseCheckpoint(`a\n0\n${toBase64(root)}\nmore\n`)).toEqual({ origin: 'a', size: 0, root });
  });

  it.each([
    ['no origin', `\n1\n${toBase64(root)}\n`, 'checkpoint line 1: empty'],
    ['a size with a zero before it', `a\n01\n${toBase64(root)}\n`, 'checkpoint line 2: no tree size'],
    ['a negative size', `a\n-1\n${toBase64(root)}\n`, 'checkpoint line 2: no tree size'],
    ['a size no number can hold', `a\n9007199254740992\n${toBase64(root)}\n`, 'checkpoint line 2: no tree size'],
    ['a short root', `a\n1\n${toBase64(root.subarray(1))}\n`, 'checkpoint line 3: no root'],
    ['a root that is not base64', 'a\n1\n!\n', 'checkpoint line 3: no root'],
    ['one line', 'a', 'checkpoint line 2: no tree size'],
    ['nothing', '', 'checkpoint line 1: empty'],
    ['no newline at the end', `a\n1\n${toBase64(root)}`, 'checkpoint: cut short'],
  ])('is refused with %s', (_, text, message) => {
    expect(thrown(() => parseCheckpoint(text)).message).toMatch(`${message}, expected `);
  });

  it('reads the largest size', () => {
    expect(parseCheckpoint(`a\n9007199254740991\n${toBase64(root)}\n`).size).toBe(Number.MAX_SAFE_INTEGER);
  });
});
