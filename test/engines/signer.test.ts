/**
 * Guards keys and notes where they are used: in each real engine the packed `tracehound/signer` signs as RFC 8032 and
 * golang.org/x/mod say, and where an engine has no Ed25519, it says so and does what is left.
 */
import { copyFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { ENGINES, type Engine } from './engines';
import { bundle } from './programs';
import type { SigningReport } from './signing';

const root = join(import.meta.dirname, '..', '..');

/** RFC 8032 §7.1, tests 1 to 3. */
const RFC8032 = [
  'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
];
/** golang.org/x/mod, sumdb/note (BSD-3-Clause). */
const NOTE =
  "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n" +
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
/** Made with Python's hmac and hashlib from the description in docs/keys.md. */
const TAGS = [
  'example.org/log+39fbf10f+/3RyYWNlaG91bmQvbWFjL3YxwQnjg96KP2H1qnihKJAU4IYBQR1dNEY1N3Uq74ADKiA=',
  ...[
    '— example.org/log OfvxDwAAAABUqK/sV5CxvlSSL/Y4Y6+7KQbZoT0taB0shnYgYBFtUg==',
    '— example.org/log OfvxDwAAAAGqtHFAfnga9qrJy44pYb/U742FIWMh5YL0ioksDyPmxg==',
    '— example.org/log OfvxDwAAAAKqbCgi5ciq6ysPlc2xNKHHbMubOeqMhnhX/hNpnAZqBw==',
  ].map((line) => `example.org/log\n12\n${'A'.repeat(43)}=\n\n${line}\n`),
];
const NONE = 'SIGNER_FAILED';

/** Bundles a program that needs no core for engines that expect one beside it. */
async function report(engine: Engine): Promise<SigningReport> {
  engine.version();
  const source = `import * as signer from 'tracehound/signer';
import { signing } from ${JSON.stringify(join(import.meta.dirname, 'signing.ts'))};
const main = async () => JSON.stringify([await signing(signer)]);`;
  const name = `signer ${engine.name}`.replace(/\W+/g, '-');
  const folder = await bundle(inject('consumer'), name, engine.target, source);
  const core = join(folder, 'core.wasm');
  if (!existsSync(core)) copyFileSync(join(root, 'build', 'core.wasm'), core);
  return (JSON.parse(await engine.run(folder)) as [SigningReport])[0];
}

describe.each(ENGINES.map((engine) => [engine.name, engine] as const))('%s', (name, engine) => {
  it('signs as it must, and fails only where the engine has no such keys', async () => {
    const { tags, ...signed } = await report(engine);
    const isFastly = name === 'fastly';
    expect(signed).toEqual({
      rfc8032: isFastly ? [NONE, NONE, NONE] : RFC8032,
      note: isFastly ? NONE : NOTE,
      // Fastly's engine makes no keys at all; a P-256 key that was made elsewhere signs there.
      made: isFastly ? { Ed25519: NONE, 'P-256': NONE } : { Ed25519: 'true', 'P-256': 'true' },
      fresh: isFastly ? NONE : '1 true',
      kept: 'true',
    });
    // No Web Crypto in these.
    expect(tags).toEqual(TAGS);
  });
});
