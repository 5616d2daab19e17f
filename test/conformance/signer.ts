/**
 * The suite that every signer passes, for the ones in the package and for yours: its signatures are of its key and of
 * the message, as others check them.
 *
 * Relies on: the second opinion (`src/verify`), which checks what it signs. Refuses: to know a signer, and a test runner.
 *
 * @example
 * import { conformSigner } from 'tracehound/conformance';
 *
 * const reports = await conformSigner(async () => ({ signer: await mySigner('example.org/log') }));
 */
import { isKeyName, parseVerifierKey } from '../../src/formats/note';
import type { Signer } from '../../src/types/index';
import { checkSignature, MacKeys } from '../../src/verify/signature';
import { same, that, thrown } from './assert';
import type { Held } from './hold';

/** What a case gets: a signer, and what is needed to check it or to cut it off. */
export interface SignerStage {
  readonly signer: Signer;
  /** Of tags: the secret that they are checked with. */
  readonly macKey?: Uint8Array;
  /** Makes the key unreachable; answers how to end that. Without it no outage is looked at. */
  outage?(): (() => unknown) | Promise<() => unknown>;
}

type Part = 'key' | 'signature' | 'outage';

const ORIGIN = 'example.org/log';
/** As the heads of a log are: lines of UTF-8. The last one is as long as a note may be read. */
const MESSAGES: readonly string[] = ['\n', 'example.org/log\n12\n', '€\n'.repeat(10), 'x'.repeat(70_000) + '\n'];

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The signer of one log: the key itself, or the one that it makes for that log. */
const ofLog = ({ signer }: SignerStage): Signer => signer.forLog?.(ORIGIN) ?? signer;

/** What the second opinion says of a signature. */
async function checked(stage: SignerStage, signer: Signer, text: string, signature: Uint8Array): Promise<string> {
  const macKeys = stage.macKey === undefined ? undefined : new MacKeys(stage.macKey);
  return checkSignature(parseVerifierKey(signer.vkey), text, signature, macKeys);
}

/** What every signer promises. */
export const SIGNER_CASES: readonly Held<SignerStage, Part>[] = [
  {
    part: 'key',
    promise: 'has a name that a note can carry, and a verifier key of that name',
    run: async (stage) => {
      for (const signer of [stage.signer, ofLog(stage)]) {
        that(isKeyName(signer.name), 'the name has no spaces and no plus sign');
        same(parseVerifierKey(signer.vkey).name, signer.name, 'the name in the verifier key');
      }
    },
  },
  {
    part: 'key',
    promise: 'shows no more than its name and its verifier key when it is printed',
    run: async ({ signer }) => {
      const shown: unknown = JSON.parse(JSON.stringify(signer));
      same(shown, { name: signer.name, vkey: signer.vkey }, 'a signer as JSON');
    },
  },
  {
    part: 'signature',
    promise: 'signs what its verifier key verifies, however long it is',
    run: async (stage) => {
      const signer = ofLog(stage);
      for (const text of MESSAGES) {
        const signature = await signer.sign(utf8(text));
        that(Object.getPrototypeOf(signature) === Uint8Array.prototype, 'a signature is a plain Uint8Array');
        same(await checked(stage, signer, text, signature), 'good', 'a signature of the message');
      }
    },
  },
  {
    part: 'signature',
    promise: 'signs the message as it was when it was called, and leaves it as it is',
    run: async (stage) => {
      const signer = ofLog(stage);
      const message = utf8('before\n');
      const signing = signer.sign(message);
      same(new TextDecoder().decode(message), 'before\n', 'a message that is being signed');
      message.fill(0x61);
      same(await checked(stage, signer, 'before\n', await signing), 'good', 'a signature of what the caller changed');
      const kept = utf8('kept\n');
      await signer.sign(kept);
      same(new TextDecoder().decode(kept), 'kept\n', 'a message that was signed');
    },
  },
  {
    part: 'signature',
    promise: 'signs several messages at once, each for itself',
    run: async (stage) => {
      const signer = ofLog(stage);
      const texts = Array.from({ length: 8 }, (_, i) => `message ${i}\n`);
      const signatures = await Promise.all(texts.map((text) => signer.sign(utf8(text))));
      for (const [i, text] of texts.entries()) {
        same(await checked(stage, signer, text, signatures[i]!), 'good', 'a signature that was made beside others');
      }
    },
  },
  {
    part: 'outage',
    promise: 'rejects in an outage of its key, and signs again when that is over',
    run: async (stage) => {
      if (stage.outage === undefined) return;
      const end = await stage.outage();
      const signer = ofLog(stage);
      const error = await thrown(() => signer.sign(utf8('during\n')), 'a signature in an outage');
      that(error instanceof Error, 'what an outage throws is an Error');
      await end();
      const signature = await signer.sign(utf8('after\n'));
      same(await checked(stage, signer, 'after\n', signature), 'good', 'a signature after an outage');
    },
  },
];
