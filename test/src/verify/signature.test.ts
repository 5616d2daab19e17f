/**
 * Guards `src/verify/signature.ts`: each kind of signature is good for what was signed, bad for anything else, and unsupported,
 * which is neither, where nobody here can tell.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ECDSA, ED25519, formatVerifierKey, parseNote, parseVerifierKey } from '../../../src/formats/note';
import { macSigner } from '../../../src/signers/index';
import { checkNote, isBy, MacKeys } from '../../../src/verify/signature';
import { seeded } from '../../ground';
import { labKey, labWitness, noteOf } from '../../lab/logs';

const TEXT = 'example.com/log\n12\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n';
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p256Key = formatVerifierKey('p.example', ECDSA, p256.publicKey.export({ format: 'der', type: 'spki' }));
const p256Line = (text: string): string => {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(parseVerifierKey(p256Key).id);
  return `— p.example ${Buffer.concat([id, sign('sha256', Buffer.from(text), p256.privateKey)]).toString('base64')}\n`;
};
const KINDS: [string, string, (text: string) => string][] = [
  ['Ed25519', labKey('e.example').vkey, (text) => labKey('e.example').line(text)],
  ['ECDSA', p256Key, p256Line],
  ['a cosignature', labWitness('w.example').vkey, (text) => labWitness('w.example').line(text)],
];

describe.each(KINDS)('%s', (_, vkey, line) => {
  const key = parseVerifierKey(vkey);
  const note = (text = TEXT, by = text): ReturnType<typeof parseNote> => parseNote(`${text}\n${line(by)}`);

  it('is good for what was signed and bad for any other text (20 by seed)', async () => {
    expect(await checkNote(note(), key)).toBe('good');
    const random = seeded(1);
    for (let i = 0; i < 20; i++) {
      const bytes = Buffer.from(TEXT);
      bytes[16 + random(3)] = 0x30 + random(10);
      const other = bytes.toString();
      expect(await checkNote(note(other, TEXT), key)).toBe(other === TEXT ? 'good' : 'bad');
    }
  });

  it('is bad with any bit of it changed (24 by seed), and absent under another key', async () => {
    const random = seeded(2);
    const { signatures } = note();
    expect(isBy(signatures[0]!, key)).toBe(true);
    for (let i = 0; i < 24; i++) {
      const signature = Uint8Array.from(signatures[0]!.signature);
      signature[random(signature.length)]! ^= 1 << random(8);
      expect(await checkNote({ text: TEXT, signatures: [{ ...signatures[0]!, signature }] }, key)).toBe('bad');
    }
    expect(await checkNote(note(), parseVerifierKey(labKey('x').vkey))).toBeUndefined();
  });
});

describe('a tag', () => {
  it('is checked by who has the master, and by nobody else', async () => {
    const master = Uint8Array.from({ length: 32 }, (_, i) => i * 5);
    const signer = macSigner({ master, origin: 'example.com/log' });
    const own = signer.forLog?.('example.com/log') ?? signer;
    const { id } = parseVerifierKey(own.vkey);
    const note = { text: TEXT, signatures: [{ name: own.name, id, signature: await own.sign(Buffer.from(TEXT)) }] };
    const [key] = new MacKeys(master).keysOf('example.com/log');
    expect(await checkNote(note, key!, new MacKeys(master))).toBe('good');
    expect(await checkNote({ ...note, text: `${TEXT}x\n` }, key!, new MacKeys(master))).toBe('bad');
    expect(await checkNote(note, key!)).toBe('unsupported');
    expect(await checkNote(note, key!, new MacKeys(new Uint8Array(32)))).toBe('unsupported');
  });
});

describe('a key that cannot be checked here', () => {
  it('is unsupported: another curve, a point that is none', async () => {
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const vkey = formatVerifierKey('p.example', ECDSA, p384.publicKey.export({ format: 'der', type: 'spki' }));
    const key = parseVerifierKey(vkey);
    const note = { text: TEXT, signatures: [{ name: key.name, id: key.id, signature: new Uint8Array(70) }] };
    expect(await checkNote(note, key)).toBe('unsupported');
    expect(noteOf(TEXT, [labKey('e.example')])).toContain('— e.example ');
    expect(ED25519).toBe(1);
  });
});
