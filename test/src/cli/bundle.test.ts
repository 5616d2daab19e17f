/**
 * Guards `src/cli/bundle.ts`: a bundle is told from other JSON in whatever pieces it comes, also one that was changed or cut.
 */
import { describe, expect, it } from 'vitest';
import { bundleIn } from '../../../src/cli/bundle';
import { seeded } from '../../ground';
import { bundleCase, canonical, partsOf } from '../../lab/bundles';
import { labKey } from '../../lab/logs';
import { chunked } from '../../lab/port';

const bytes = Buffer.from(canonical(partsOf(bundleCase(labKey('example.com/th/1'), labKey('example.com/keys')))));
const told = (file: Uint8Array, size = 1_000): Promise<string> =>
  bundleIn(() => chunked(file, size), file.subarray(0, 8), 'f');

describe('a bundle', () => {
  it('is ours in every split, with any one byte changed, and wherever it is cut behind its beginning', async () => {
    for (const size of [1, 3, 7, 20, 64, 65_536]) expect(await told(bytes, size)).toBe('ours');
    const random = seeded(1);
    for (let i = 0; i < 60; i++) {
      const changed = Buffer.from(bytes);
      changed[1 + random(bytes.length - 1)]! ^= 1 << random(7);
      expect(await told(changed, 1 + random(500))).toBe('ours');
      expect(await told(bytes.subarray(0, 16 + random(bytes.length - 16)))).toBe('ours');
    }
  });

  it.each([
    '{}',
    '{"a":1}',
    '[{"checkpoint":"x"}]',
    '{"checkpoint":"x","proofs":[]}\n',
    'checkpoint',
    '{"item":{"category":"x"}}',
    '"x"',
  ])('is not any JSON: %s', async (text) => {
    expect(await told(Buffer.from(text))).toBe('other');
  });

  it('of a later version is that', async () => {
    for (const version of [2, 3, 12]) {
      expect(await told(Buffer.from(bytes.toString().replace('bundle/v1', `bundle/v${version}`)))).toBe('later');
    }
  });

  it('is not looked for without end', async () => {
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(2 ** 26).fill(0x41);
    };
    await expect(bundleIn(endless, Buffer.from('{"checkp'), 'f')).rejects.toThrow(
      'too large for a bundle, expected ≤ 256 MiB',
    );
  });
});
