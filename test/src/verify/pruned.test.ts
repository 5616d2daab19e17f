/**
 * Guards `src/verify/pruned.ts`: records may be without content only below what somebody who is trusted signed, for this log
 * and no other.
 */
import { describe, expect, test } from 'vitest';
import { prunedText } from '../../../src/formats/pruned';
import { generateKey, signerFromText, signNote } from '../../../src/signers/index';
import { parsePolicy } from '../../../src/verify/policy';
import { prunedTo } from '../../../src/verify/pruned';

const ORIGIN = 'example.com/log';
const { skey, vkey } = await generateKey('example.com/keys/1');
const other = await generateKey('example.com/keys/2');
const signed = async (key: string, origin = ORIGIN, to = 512): Promise<string> =>
  signNote(prunedText({ origin, to, before: 1_000 } as never), [await signerFromText(key)] as never);
const trust = { policy: parsePolicy(`log ${vkey}\n# origins: ${ORIGIN}\nquorum none\n`), macKeys: undefined };
const ask = (text: string | undefined, origin: string | undefined = ORIGIN) =>
  prunedTo({ pruned: async () => text } as never, origin, trust as never);

describe('what may be gone', () => {
  test('is what a trusted key signed', async () => expect(await ask(await signed(skey))).toBe(512));

  test('is nothing without a note, of another log, or under a key that nobody vouches for', async () => {
    expect(await ask(undefined)).toBe(0);
    expect(await ask(await signed(skey, 'example.com/other'))).toBe(0);
    expect(await ask(await signed(other.skey))).toBe(0);
    expect(await prunedTo({} as never, ORIGIN, trust as never)).toBe(0);
  });

  test('is nothing when a byte of the note was changed', async () => {
    const text = await signed(skey);
    for (let i = 0; i < text.length; i += 7) {
      const changed = `${text.slice(0, i)}${text[i] === 'x' ? 'y' : 'x'}${text.slice(i + 1)}`;
      expect(await ask(changed), `byte ${i}`).toBe(0);
    }
  });
});
