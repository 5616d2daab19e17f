/**
 * Guards `runtimes/cloudflare/sealed.ts`: a row opens only under its secret, whole and in its place, and no two rows are
 * sealed under one key and one nonce.
 */
import { describe, expect, it } from 'vitest';
import { ROW_HEAD_BYTES, Sealer } from '../../../runtimes/cloudflare/sealed';

const SECRET = new Uint8Array(32).fill(7);
const [SALT_BYTES, TAG_BYTES] = [16, 16];
const bytes = (length: number) => new Uint8Array(length).map((_, i) => (31 * i) & 255);
const as = 'page 3';

async function row(length = 40) {
  const sealer = new Sealer(SECRET);
  return sealer.close(sealer.head(), as, bytes(length));
}

describe('a sealed row', () => {
  it.each([0, 1, 15, 16, 17, 176, 65_536])(
    'of %i bytes is opened by another sealer with the secret',
    async (length) => {
      const sealed = await row(length);
      expect(sealed).toHaveLength(ROW_HEAD_BYTES + length + TAG_BYTES);
      expect(await new Sealer(SECRET).open(sealed, as)).toEqual(bytes(length));
    },
  );

  it('is opened under no other secret, and in no other place', async () => {
    const sealed = await row();
    await expect(new Sealer(new Uint8Array(32).fill(8)).open(sealed, as)).rejects.toThrow();
    for (const place of ['page 4', 'page 30', '', 'Page 3']) {
      await expect(new Sealer(SECRET).open(sealed, place)).rejects.toThrow();
    }
  });

  it('is opened with no bit changed, wherever it stands, and not cut', async () => {
    const sealed = await row();
    const opener = new Sealer(SECRET);
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at]! ^= 1 << (at & 7);
      await expect(opener.open(changed, as), `byte ${at}`).rejects.toThrow();
    }
    for (const length of [ROW_HEAD_BYTES, sealed.length - 1])
      await expect(opener.open(sealed.slice(0, length), as), `${length} bytes`).rejects.toThrow();
  });

  it('says nothing of what is in it', async () => {
    expect(Buffer.from(await row()).includes(Buffer.from(bytes(8)))).toBe(false);
  });
});

describe('the head of a row', () => {
  it('comes once, from one sealer and from as many as there are', () => {
    const heads = new Set<string>();
    const salts = new Set<string>();
    for (let wakings = 0; wakings < 20; wakings++) {
      const sealer = new Sealer(SECRET);
      for (let i = 0; i < 50; i++) {
        const head = Buffer.from(sealer.head()).toString('hex');
        heads.add(head);
        salts.add(head.slice(0, 2 * SALT_BYTES));
      }
    }
    expect(heads.size).toBe(1_000);
    // One salt, and so one key to derive, for each time that the object wakes.
    expect(salts.size).toBe(20);
  });

  it('is what the row begins with', async () => {
    const sealer = new Sealer(SECRET);
    const head = sealer.head();
    expect((await sealer.close(head, as, bytes(3))).subarray(0, ROW_HEAD_BYTES)).toEqual(head);
  });
});
