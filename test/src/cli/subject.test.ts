/**
 * Guards `src/cli/subject.ts`: several words are judged one after the other, and what is no log is not called a bad one.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { readArgs } from '../../../src/cli/args';
import { logsOf, SUBJECT_OPTIONS, searched } from '../../../src/cli/subject';
import { command, type Files, type Ran, text } from '../../lab/port';
import { deploymentKey, written } from '../../lab/written';

const signer = deploymentKey();
const files: Files = new Map();
let now = 0;
let bundle: Uint8Array;
beforeAll(async () => {
  for (let i = 0; i < 3; i++) {
    const log = await written({
      count: 5 + i,
      signer,
      seed: 20 + i,
      audit: { origin: `example.com/th/${i}` },
      act: async (th) => {
        bundle = await th.quarantine.export(th.quarantine.list({ limit: 1 })[0]!.signature, {
          actor: 'a',
          purpose: 'p',
        });
      },
    });
    for (const [key, bytes] of log.store.objects) files.set(`parent/shard-${i}/${key}`, bytes);
    now = log.now;
  }
  files.set('b.json', bundle);
});
const run = (...args: string[]): Promise<Ran> => command(args, { files: new Map(files), time: now });

describe('several words', () => {
  it('are looked for as the options say', () => {
    const of = (...args: string[]): unknown => searched(readArgs(args, SUBJECT_OPTIONS));
    expect([of(), of('--all'), of('--log', 'x'), of('--store', 's')]).toEqual([
      { all: false },
      { all: true },
      { log: 'x', all: false },
      { store: 's', all: false },
    ]);
    expect(() => of('--log', 'x', '--all')).toThrow('expected one of them');
    expect(logsOf({ kind: 'empty', name: 'x', problem: 'nothing' })).toEqual([]);
  });

  it('are one report each, and the worst code', async () => {
    const words = [0, 1, 2].map((i) => `parent/shard-${i}`);
    const sound = await run('verify', ...words, 'b.json', '--key', signer.vkey);
    expect([sound.code, sound.out.match(/^log +example/gm)?.length, sound.out.match(/^bundle/gm)?.length]).toEqual([
      0, 4, 1,
    ]);
    const { subjects, exitCode } = JSON.parse((await run('verify', ...words, '--key', signer.vkey, '--json')).out);
    expect([exitCode, subjects.map(({ name }: { name: string }) => name)]).toEqual([0, words]);
    expect((await run('verify', ...words, '--key', deploymentKey().vkey)).code).toBe(3);
  });

  it('may be their parent folder', async () => {
    const parent = await run('verify', 'parent', '--key', signer.vkey);
    expect([parent.code, parent.out.match(/^log +example\.com\/th\/\d$/gm)?.length]).toEqual([0, 3]);
    const shown = await run('inspect', 'parent', '--kind', 'CLOSE');
    expect(shown.out.match(/CLOSE/g)).toHaveLength(3);
    expect((await run('verify', 'parent', '--log', 'example.com/th/1', '--key', signer.vkey)).code).toBe(0);
  });

  it('become a file each in a folder that is there, and no file of several', async () => {
    const all: Files = new Map([...files, ['out/x', text('')]]);
    expect((await command(['export', 'parent', '-o', 'out/'], { files: all })).code).toBe(0);
    const made = [...all.keys()].filter((path) => path.endsWith('.thlog'));
    expect(made).toEqual([0, 1, 2].map((i) => `out/example.com_2Fth_2F${i}.thlog`));
    expect((await command(['verify', ...made, '--key', signer.vkey], { files: all, time: now })).code).toBe(0);
    expect((await command(['export', 'parent', '-o', 'one.thlog'], { files: all })).err).toMatch(
      /several logs, expected/,
    );
  });
});

describe('what is not ours', () => {
  it.each<[string, string | Uint8Array]>([
    ['a text', 'hello'],
    ['a release marker', 'v1.2.3\n'],
    ['JSON', '{"name":"x"}'],
    ['a bundle of another maker', '{"checkpoint":"example.org/log\\n12\\nroot\\n","proofs":[]}'],
    ['JSON with our word in it', '{"tracehound":true,"version":3}'],
    [
      'a Sigstore bundle',
      '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"tlogEntries":[{"inclusionProof":{"checkpoint":{"envelope":"rekor.sigstore.dev\\n1\\nx\\n"}}}]}}',
    ],
    ['a bundle of a later version', '{"checkpoint":"x\\n","item":{"category":"x"},"tracehound":"bundle/v2"}'],
    ['a log file of a later version', 'THLOG\r\n\u0002rest'],
    ['bytes', Uint8Array.of(0x1f, 0x8b, 8, 0)],
    ['a tar', `${'x'.repeat(257)}ustar`],
    ['a signed note', 'go.sum database tree\n12\nroot=\n\n— sum.golang.org AAAA\n'],
  ])('is unknown: %s', async (_, content) => {
    const bytes = typeof content === 'string' ? text(content) : content;
    for (const args of [
      ['verify', 'f'],
      ['verify', '-'],
      ['inspect', 'f'],
    ]) {
      const { code, out } = await command(args, { files: new Map([['f', bytes]]), stdin: bytes });
      expect([code, /TAMPERED/.test(out)]).toEqual([3, false]);
    }
  });

  it('is unknown as a folder too: a checksum database, a release, a mirror of another log', async () => {
    const folders: Record<string, string>[] = [
      { latest: 'go.sum database tree\n12\nroot=\n\n— sum.golang.org AAAA\n', 'tile/8/0/000': 'x' },
      { latest: 'v1.2.3\n', 'v1.2.3/app.zip': 'x' },
      { latest: '', readme: 'x' },
    ];
    for (const folder of folders) {
      const all: Files = new Map(Object.entries(folder).map(([path, content]) => [`f/${path}`, text(content)]));
      const { code, out } = await command(['verify', 'f'], { files: all });
      expect([code, /TAMPERED|INCOMPLETE/.test(out)], JSON.stringify(folder)).toEqual([3, false]);
    }
  });

  it('is not what was cut or changed of ours', async () => {
    for (const bytes of [
      bundle.subarray(0, 300),
      bundle.subarray(0, bundle.length - 1),
      Buffer.from(Buffer.from(bundle).toString().replace('bundle/v1', 'bundle-v1')),
    ]) {
      expect((await command(['verify', 'f'], { files: new Map([['f', bytes]]) })).code).toBe(1);
    }
  });
});
