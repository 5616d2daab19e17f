/**
 * Guards `src/cli/tag.ts`: the tag it prints is the one that records have.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { TAG_OPTIONS } from '../../../src/cli/tag';
import { seeded } from '../../ground';
import { lab } from '../../lab/lab';
import { command, type Ran, text } from '../../lab/port';

const secret = randomBytes(32);
const files = new Map([
  ['secret', text(secret.toString('hex'))],
  ['former', text('ab'.repeat(16) + secret.toString('hex').slice(32))],
]);
const tag = (...args: string[]): Promise<Ran> => command(['tag', ...args, '--secret-file', 'secret'], { files });
const hmac = (canonical: Buffer): string =>
  createHmac('sha256', createHmac('sha256', secret).update('tracehound/v1/source-tag').digest())
    .update(canonical)
    .digest('hex');

describe('tracehound tag', () => {
  it('prints the tag that evidence of this source has (24 sources by seed)', async () => {
    const world = lab({ seed: 2 });
    const th = world.make({ secret, rateLimit: false });
    const random = seeded(8);
    const sources: [string, string[]][] = Array.from({ length: 24 }, (_, i) => {
      const bytes = Array.from({ length: 4 }, () => 1 + random(250));
      const v4 = bytes.join('.');
      const v6 = `2001:db8:${random(9_999)}::${(1 + random(0xfffe)).toString(16)}`;
      const key = `tenant-${random(1_000)}`;
      const kinds: [string, string[]][] = [
        [v4, [v4]],
        [v4, [`::ffff:${v4}`]],
        [v6, [v6.toUpperCase()]],
        [key, ['--key', key]],
      ];
      return kinds[i % 4]!;
    });
    for (const [source, args] of sources) {
      th.intercept({ source, payload: source, threat: { category: 'x', severity: 'low' } });
      const { sourceTag } = th.quarantine.list({ limit: 100 }).at(-1)!;
      expect((await tag(...args)).out.trim(), source).toBe(sourceTag);
    }
  });

  it('is of the network with a prefix', async () => {
    const address = Buffer.from('20010db8112233440000000000000007', 'hex');
    expect((await tag('2001:db8:1122:3344::7')).out.trim()).toBe(hmac(Buffer.concat([Buffer.of(6), address])));
    const network = Buffer.from('20010db8112233000000000000000000', 'hex');
    expect((await tag('2001:db8:1122:3344::7', '--prefix', '56')).out.trim()).toBe(
      hmac(Buffer.concat([Buffer.of(6), network])),
    );
    expect((await tag('192.0.2.77', '--prefix', '24')).out.trim()).toBe(hmac(Buffer.of(4, 192, 0, 2, 0)));
  });

  it('prints one for each secret, and a key as it is', async () => {
    expect(TAG_OPTIONS).toEqual({ '--secret-file': 'many', '--key': 'one', '--prefix': 'one' });
    const { out } = await command(['tag', '192.0.2.1', '--secret-file', 'secret', '--secret-file=former'], { files });
    expect(out).toMatch(/^[0-9a-f]{64}\n[0-9a-f]{64}\n$/);
    expect((await tag('--key', '192.0.2.1')).out.trim()).toBe(hmac(Buffer.from('\u0001192.0.2.1')));
  });

  it.each<[string, string[], RegExp]>([
    ['nothing', [], /expected an address, or --key, got nothing/],
    ['no address', ['example.com'], /expected an IP address; --key takes anything else/],
    ['both', ['192.0.2.1', '--key', 'x'], /--key: expected an address or a key, got both/],
    ['an empty key', ['--key', ''], /--key: expected 1 to 8192 bytes/],
    ['a prefix of a key', ['--key', 'x', '--prefix', '8'], /--prefix: expected an address/],
    ['a prefix that is none', ['192.0.2.1', '--prefix', '129'], /--prefix: expected 0 to 128/],
  ])('answers 4 for %s', async (_, args, message) => {
    const { code, err, out } = await tag(...args);
    expect([code, out]).toEqual([4, '']);
    expect(err).toMatch(message);
    expect((await command(['tag', '192.0.2.1'], { files })).code).toBe(4);
  });
});
