/**
 * Guards the suite of signers (`test/conformance/signer.ts`): every signer of the package passes, and for each assertion
 * there is a signer with one fault that it finds.
 */
import { describe } from 'vitest';
import { generateKey, generateSigner, macSigner, type Signer, signerFromText } from '../../src/signers/index';
import { SIGNER_CASES, type SignerStage } from '../conformance/signer';
import { outages, suite } from '../lab/suite';
import { eachFails } from './broken';

const NAME = 'example.org/log';
const MASTER = new Uint8Array(32).fill(7);
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A signer whose key is elsewhere, and can be cut off. */
async function remote(change: (signer: Signer) => Partial<Signer> = () => ({})): Promise<SignerStage> {
  const inner = await generateSigner(NAME);
  const { guarded, outage } = outages(new Error('no route'));
  const signer: Signer = { ...inner, sign: async (message) => guarded(() => inner.sign(message)) };
  return { signer: { ...signer, ...change(signer) }, outage };
}
const broken = (change: (signer: Signer) => Partial<Signer>) => () => remote(change);
const signing = (sign: (signer: Signer, message: Uint8Array) => Promise<Uint8Array>) =>
  broken((signer) => ({ sign: (message) => sign(signer, message) }));

const faults = {
  'the name has no spaces and no plus sign': broken(() => ({ name: 'a name' })),
  'the name in the verifier key': broken(() => ({ name: 'example.com/another' })),
  'a signer as JSON': broken(() => ({ seed: 'secret' }) as Partial<Signer>),
  'a signature is a plain Uint8Array': signing(async (signer, message) => Buffer.from(await signer.sign(message))),
  'a signature of the message': signing(async (signer, message) =>
    (await signer.sign(message)).map((byte) => byte ^ 1),
  ),
  'a message that is being signed': signing((signer, message) => {
    const signature = signer.sign(message.slice());
    message.fill(0);
    return signature;
  }),
  'a signature of what the caller changed': signing(async (signer, message) => {
    await later();
    return signer.sign(message);
  }),
  'a message that was signed': signing(async (signer, message) => {
    const signature = await signer.sign(message);
    message.fill(0);
    return signature;
  }),
  'a signature that was made beside others': broken((signer) => {
    let under: Promise<Uint8Array> | undefined;
    return {
      sign: async (message) => {
        under ??= signer.sign(message);
        const signature = await under;
        under = undefined;
        return signature;
      },
    };
  }),
  'a signature in an outage': signing((signer, message) => signer.sign(message).catch(() => new Uint8Array(64))),
  'what an outage throws is an Error': signing((signer, message) =>
    signer.sign(message).catch(() => Promise.reject('no route')),
  ),
  'a signature after an outage': broken((signer) => {
    let lost = false;
    return {
      sign: async (message) => {
        if (lost) return new Uint8Array(64);
        return signer.sign(message).catch((error: unknown) => {
          lost = true;
          throw error;
        });
      },
    };
  }),
};

describe('the suite of signers', () => {
  const kept = async (type: 'Ed25519' | 'P-256'): Promise<SignerStage> => ({
    signer: await signerFromText((await generateKey(NAME, type)).skey),
  });
  suite('passes a fresh key', async () => ({ signer: await generateSigner(NAME) }), SIGNER_CASES);
  suite('passes a kept key of Ed25519', () => kept('Ed25519'), SIGNER_CASES);
  suite('passes a kept key of P-256', () => kept('P-256'), SIGNER_CASES);
  suite('passes tags', () => ({ signer: macSigner({ master: MASTER, origin: NAME }), macKey: MASTER }), SIGNER_CASES);
  suite('passes a key that is elsewhere', () => remote(), SIGNER_CASES);

  eachFails(['signer.ts'], SIGNER_CASES, faults);
});
