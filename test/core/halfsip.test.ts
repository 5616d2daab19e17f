/**
 * Guards HalfSipHash-2-4 against its author's vectors: both variants, every length to 63, aligned and not.
 *
 * Files: `assembly/halfsip.ts`.
 */
import { describe, expect, it } from 'vitest';
import { SCRATCH_AT } from '../../assembly/abi.ts';
import { BUILDS, type Exports } from './quarantine-harness.ts';

// Facts from github.com/veorq/SipHash, `vectors.h`: key 00 01 … 07, message 00 01 … of each length, output bytes.
const VECTORS_32 = `
a9359f5b 27475ab8 fa62a603 8afee704 2a6e4689 c5fab669 5863fc23 8bcf63c5
d0b8848f f806e779 94b07934 08083050 57f0872f 77e663ff d6fff87c 74fe2b97
d9b5ac84 c474645b 465b8d9b 7befe387 e34d1045 613f62b3 70f367fe e6adb8bd
27400c63 26787875 4f567b5f 3ab0e669 b0644000 ff670fb4 509e338b 5d589f1a
fee72112 33753259 6a434f8c fe28b729 e75cc6ec 697e8d54 63688b0f 650b62b4
b6bc1840 5d074505 2442fd2e 7bb7863a 7705d548 d75208b1 b6d499c8 0892202e
69e12ce3 8db580e5 369764c6 016e0204 3b85f3d4 fedb66be 1e692a3a c68984c0
a5c5b940 9be9e88c 7dbc8140 7c078ec5 d4e76c73 428fcbb9 bd83997a 59ea4a74
`
  .trim()
  .split(/\s+/);
const VECTORS_64 = `
218d1f59b9b83cc8 be552412f8387315 064f39ef7c50eb57 ce0f1a45f7060679
d5e78a175be52ea1 cb9d7c3f2f3db580 ce3e91358aa2bc25 ff202728b07bc684
edfee820bce4858c 5b51cccc13888307 95b0469f06a6f2ee ae26333994ddcd48
7bc71f9faef5c799 5a2352d75a0c3744 3bb1a870eae8e658 217d0bcb4e81c902
7336aad25f7bf3b5 37adc0641c4c4f6a c9b2db2b9a3e42f9 f910e48020ab363c
1bf52b0a6feea7db 00741dc269e8b3ef e20103fa1ba776ef 4c2210e54b681d73
70741045ae3fa6f1 0c86403739714038 0d899ed8112923f0 226bf5fab81ee1b8
2d925ffb1e0016b5 361958d52cee10f1 291aaf864898179d 863c7f155c34117c
28709d46d811626c 248477681d28f89c 8324e4d7528f9830 f9efd4e13aea6bd8
86d67a40ec4276dc 3f6292eccca97e35 cbd92ee724d42109 368df6808d403d79
5b38c81c67c8ae4c 95ab7189d439acb3 a91a52c025327024 5b0087c69528acea
1e30f3ad27dcb15a 697f5c9a90324ed4 495c0f995557dc38 9427202a3c29f94d
a9eaa8c04ba93e3e eea4c1737d011218 912d568fd8f65a49 56919596b0ff5c97
02445a7998f550e1 86ec466ce71d1fb2 359569e7d289e3bc 871b05ca62bb7c96
a1a492f942f15f1d 12ec267ff6095b6e 5d1b5ea1b231d89d d8cfb4453f92ee54
d6762890bf26e460 313563a4b7ed5cf3 f90b3ab572d46693 2ea63c71bf326087
`
  .trim()
  .split(/\s+/);

const K0 = 0x03020100;
const K1 = 0x07060504;
const MESSAGE_AT = SCRATCH_AT + 0x1800;
const SECOND_AT = SCRATCH_AT + 0xbf0;

const little = (word: number): string => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(word >>> 0);
  return bytes.toString('hex');
};

describe.each(BUILDS)('HalfSipHash-2-4 (%s)', (_, instantiate) => {
  const call = instantiate().exports as unknown as Exports;
  const memory = new Uint8Array(call.memory.buffer);

  it.each([0, 1, 2, 3])('agrees with the reference at every length to 63, message at 4n + %i', (shift) => {
    for (let bytes = 0; bytes < 64; bytes++) {
      memory.fill(0xff, MESSAGE_AT, MESSAGE_AT + 80);
      for (let i = 0; i < bytes; i++) memory[MESSAGE_AT + shift + i] = i;
      const short = call.halfSip!(K0, K1, MESSAGE_AT + shift, bytes);
      expect(little(short), `32 bits of ${bytes} bytes`).toBe(VECTORS_32[bytes]);
      const first = call.halfSip64!(K0, K1, MESSAGE_AT + shift, bytes);
      const second = new DataView(call.memory.buffer).getUint32(SECOND_AT, true);
      expect(little(first) + little(second), `64 bits of ${bytes} bytes`).toBe(VECTORS_64[bytes]);
    }
  });

  it('depends on each half of the key', () => {
    const hash = (k0: number, k1: number): number => call.halfSip!(k0, k1, MESSAGE_AT, 32);
    expect(new Set([hash(0, 0), hash(1, 0), hash(0, 1), hash(-0x80000000, 0), hash(0, -0x80000000)]).size).toBe(5);
  });
});
