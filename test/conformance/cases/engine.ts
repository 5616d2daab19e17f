/**
 * Where engines differ, an instance does not: signals, timers, keys, bytes in views, objects without a prototype. What the
 * engines do is measured in docs/engines.md, which names these cases.
 */
import { tracehound } from '../../../src/adapters/fetch';
import { ecdsaSigner, ed25519Signer } from '../../../src/signers/index';
import { LATE, within } from '../../../src/time/deadline';
import { ecdsa, ed25519 } from '../../../src/verify/signature';
import { same, that, thrown } from '../assert';
import { type Case, evidenceOf, THREAT } from '../stage';

const part = 'engine';

const fromHex = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

/** RFC 8032 §7.1, test 2. */
const SEED = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb';
const OPEN = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c';
const MESSAGE = '72';
const SIGNED =
  '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
  '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00';
/** RFC 6979 §A.2.5, as PKCS#8 v1 with its public key. */
const P256 =
  '308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420' +
  'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721a144034200' +
  '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6' +
  '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299';

/** The bytes of a verifier key, without its type. */
const materialOf = (vkey: string): Uint8Array =>
  Uint8Array.from(atob(vkey.split('+').slice(2).join('+')), (character) => character.charCodeAt(0)).subarray(1);

/** Every length around that of a signature, and some that are far off. */
const LENGTHS = [0, 1, 32, 62, 63, 65, 66, 72, 96, 127, 128, 129, 1_024];

export const engine: readonly Case[] = [
  {
    part,
    promise: 'calls a signature of a wrong length bad, or its key unsupported, and never rejects',
    run: async () => {
      const [key, message] = [fromHex(OPEN), fromHex(MESSAGE)];
      const good = await ed25519(key, message, fromHex(SIGNED));
      that(good === 'good' || good === 'unsupported', `expected good or unsupported, got ${good}`);
      const signer = await ecdsaSigner({ name: 'example.org/k', pkcs8: fromHex(P256) });
      const spki = materialOf(signer.vkey);
      const der = await signer.sign(message);
      same(await ecdsa(spki, message, der), 'good', 'a signature on P-256');
      for (const length of LENGTHS) {
        const bytes = new Uint8Array(length);
        bytes.set(fromHex(SIGNED).subarray(0, Math.min(64, length)));
        same(await ed25519(key, message, bytes), 'bad', `${length} bytes as Ed25519`);
        bytes.set(der.subarray(0, Math.min(der.length, length)));
        if (length !== der.length) same(await ecdsa(spki, message, bytes), 'bad', `${length} bytes as P-256`);
      }
      for (const length of [0, 31, 33, 64]) {
        const other = new Uint8Array(length);
        other.set(key.subarray(0, length));
        const said = await ed25519(other, message, fromHex(SIGNED));
        that(said === 'bad' || said === 'unsupported', `a key of ${length} bytes: ${said}`);
      }
    },
  },
  {
    part,
    promise: 'makes the same public key of a kept key everywhere, whatever formats the engine writes',
    run: async () => {
      const p256 = await ecdsaSigner({ name: 'example.org/k', pkcs8: fromHex(P256) });
      same(p256.vkey.split('+').slice(0, 2), ['example.org/k', '5a7a78cc'], 'the id of a key on P-256');
      try {
        const { vkey, sign } = await ed25519Signer({ name: 'example.org/k', seed: fromHex(SEED) });
        same(materialOf(vkey), fromHex(OPEN), 'the public key of a seed');
        same(await sign(fromHex(MESSAGE)), fromHex(SIGNED), 'its signature');
      } catch (error) {
        // An engine without such keys says so; it never makes another one.
        same((error as { code?: unknown }).code, 'SIGNER_FAILED', 'why there is no Ed25519');
      }
      // PKCS#8 v2 (RFC 5958 §2) is taken by some engines and refused by others: here by none.
      const two = fromHex(P256.replace(/^308187020100/, '308187020101'));
      const refused = await thrown(() => ecdsaSigner({ name: 'example.org/k', pkcs8: two }), 'PKCS#8 v2');
      that(refused.message.startsWith('pkcs8: '), `expected the part to be named, got ${refused.message}`);
    },
  },
  {
    part,
    promise: 'waits as long as it was told, also when that is longer than a timer can count',
    run: async () => {
      const soon = (): Promise<string> => new Promise((resolve) => setTimeout(resolve, 5, 'came'));
      for (const ms of [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, Number.POSITIVE_INFINITY]) {
        same(await within(soon(), ms), 'came', `${ms} ms`);
      }
      that((await within(new Promise(() => {}), 5)) === LATE, 'expected an end');
    },
  },
  {
    part,
    promise: 'keeps and hands out the bytes of a view and none beside them',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: false });
      const large = new Uint8Array(70_000).fill(0x5a);
      const view = large.subarray(1_000, 1_050);
      view.fill(0x41);
      const { signature, size } = evidenceOf(
        await th.interceptAsync({ source: '192.0.2.1', payload: view, threat: THREAT }),
      );
      large.fill(0);
      const read = th.quarantine.read(signature);
      same([size, [...read]], [50, Array.from({ length: 50 }, () => 0x41)], 'what is kept');
      const records = th.audit.export().records;
      const image = await th.snapshot({ unsealed: true });
      // Storage and calls between isolates take the whole buffer behind a view along.
      for (const [name, bytes] of [
        ['what was read', read],
        ['a snapshot', image],
        ...records.map((record) => ['a record', record] as const),
      ] as const) {
        same(bytes.buffer.byteLength, bytes.byteLength, `the buffer behind ${name}`);
      }
    },
  },
  {
    part,
    promise: 'takes objects without a prototype for what they hold',
    run: async ({ instance }) => {
      const bare = <T extends object>(of: T): T => Object.assign(Object.create(null), of) as T;
      const { th } = instance({ rateLimit: bare({ limit: 5 }) });
      const scent = { source: '192.0.2.1', payload: 'a', threat: THREAT } as const;
      const first = evidenceOf(await th.interceptAsync(scent));
      const again = await th.interceptAsync(
        bare({ ...scent, source: bare({ address: '192.0.2.1' }), threat: bare(THREAT) }),
      );
      same([again.status, evidenceOf(again).signature], ['duplicate', first.signature], 'the same threat');
      const value = { b: [1, { c: 'x' }], a: true };
      const deep = bare({ b: [1, bare({ c: 'x' })], a: true });
      const [one, two] = [
        await th.interceptAsync({ ...scent, payload: value }),
        await th.interceptAsync({ ...scent, payload: deep }),
      ];
      same([two.status, evidenceOf(two).hash], ['duplicate', evidenceOf(one).hash], 'the same value');
    },
  },
  {
    part,
    promise: 'decides nothing by the signal of a request, which some servers abort after every answer',
    run: async ({ instance }) => {
      // Fastly's engine has none.
      if (typeof AbortController === 'undefined') return;
      for (const shadow of [false, true]) {
        const { th } = instance({ rateLimit: false });
        const echo = async (request: Request): Promise<Response> => new Response(await request.text());
        const fetch = tracehound(th, { shadow, source: () => '192.0.2.1', detect: () => THREAT })(echo);
        for (const when of ['before', 'after'] as const) {
          const aborting = new AbortController();
          const init = { method: 'POST', body: `sent ${when}`, signal: aborting.signal };
          const request = new Request('https://shop.example/attack', init);
          if (when === 'before' && !shadow) aborting.abort();
          const response = await fetch(request);
          if (when === 'after') aborting.abort();
          same(response.status, shadow ? 200 : 403, `${when}, ${shadow}`);
        }
        same(th.quarantine.list().length, 2, 'evidence');
        same(th.watcher.snapshot().totals.byStatus.quarantined, 2, 'quarantined');
      }
    },
  },
];
