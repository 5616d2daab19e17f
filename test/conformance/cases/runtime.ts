/**
 * The five answers themselves, as the platform gives them.
 */
import { same, that } from '../assert';
import type { Case } from '../stage';
import { sha256 } from '../world';

const part = 'runtime';
const YEAR_2020 = 1_577_836_800_000;
const YEAR_2100 = 4_102_444_800_000;

export const runtimes: readonly Case[] = [
  {
    part,
    promise: 'names itself, its clock and its core',
    run: async ({ runtime }) => {
      for (const name of [runtime.name, runtime.clockSource])
        that(name.length > 0 && name.length <= 64, 'expected a name');
      that(/^[0-9a-f]{64}$/.test(runtime.coreDigest), `expected a digest, got ${runtime.coreDigest}`);
    },
  },
  {
    part,
    promise: 'makes a fresh core each time: two share nothing',
    run: async ({ runtime }) => {
      const [one, other] = [runtime.core(), runtime.core()].map(
        ({ exports }) => exports.memory as { buffer: ArrayBuffer },
      );
      that(one!.buffer !== other!.buffer, 'expected two memories');
      new Uint8Array(one!.buffer)[8] = 99;
      that(new Uint8Array(other!.buffer)[8] !== 99, 'expected two memories');
    },
  },
  {
    part,
    promise: 'tells the time in Unix milliseconds, never backwards within a call',
    run: async ({ runtime }) => {
      const [first, second] = [runtime.now(), runtime.now()];
      that(first > YEAR_2020 && first < YEAR_2100, `expected Unix milliseconds, got ${first}`);
      that(second >= first, `expected ${second} not to come before ${first}`);
    },
  },
  {
    part,
    promise: 'fills all of an array with fresh randomness, and no other byte',
    run: async ({ runtime }) => {
      const draws = new Set<string>();
      for (let i = 0; i < 16; i++) {
        const bytes = new Uint8Array(1_028);
        runtime.random(bytes.subarray(2, 1_026));
        same([bytes[0], bytes[1], bytes[1_026], bytes[1_027]], [0, 0, 0, 0], 'bytes beside');
        that(new Set(bytes.subarray(2, 1_026)).size > 200, 'expected most byte values among 1,024');
        draws.add(bytes.join());
      }
      same(draws.size, 16, 'different draws');
    },
  },
  {
    part,
    promise: 'takes work off a request without throwing, also work that fails',
    run: async ({ runtime }) => {
      runtime.defer(Promise.resolve(1));
      runtime.defer(Promise.resolve(1), {});
      const failing = Promise.reject(new Error('conformance: a failure that is reported, as it should be'));
      failing.catch(() => {});
      runtime.defer(failing, undefined);
    },
  },
  {
    part,
    promise: 'says who is asking, or nothing: never a guess, never an exception',
    run: async ({ runtime }) => {
      const claims = new Request('https://shop.example/', {
        headers: { 'x-forwarded-for': '192.0.2.66', forwarded: 'for=192.0.2.66' },
      });
      for (const [request, context] of [
        [undefined, undefined],
        [{}, {}],
        [claims, undefined],
        [claims, {}],
        [claims, { env: {} }],
      ]) {
        same(runtime.source(request, context), undefined, 'source');
      }
    },
  },
  {
    part,
    promise: 'hashes as SHA-256, where it hashes at once',
    run: async ({ runtime }) => {
      for (const length of [0, 1, 55, 56, 64, 1_000, 70_000]) {
        const bytes = Uint8Array.from({ length }, (_, i) => i & 0xff);
        const digest = runtime.digest?.(bytes);
        if (digest !== undefined)
          same(
            [...digest].map((b) => b.toString(16).padStart(2, '0')).join(''),
            await sha256(bytes),
            `${length} bytes`,
          );
      }
    },
  },
  {
    part,
    promise: 'calls back once, later, and not after it was called off',
    run: async ({ runtime }) => {
      const after = runtime.after;
      if (after === undefined) return; // A platform without timers between requests says so by leaving it out.
      let calls = 0;
      const never = after(1, () => {
        calls += 100;
      });
      never();
      // Work between requests keeps no process alive, so something else must.
      let awake: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        awake = setTimeout(resolve, 5_000);
        after(5, () => {
          calls++;
          resolve();
        });
        same(calls, 0, 'calls at once');
      });
      clearTimeout(awake);
      same(calls, 1, 'calls');
    },
  },
];
