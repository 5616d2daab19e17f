/**
 * Guards `src/cli/trust.ts`: only what the command line names is trusted. A policy that lies near what is verified is somebody’s
 * who could write there.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { readArgs } from '../../../src/cli/args';
import { readTrust, TRUST_OPTIONS } from '../../../src/cli/trust';
import { command, type Files, type Ran, text } from '../../lab/port';
import { deploymentKey, ORIGIN, type Written, written } from '../../lab/written';

let log: Written;
let forged: Written;
let bundle: Uint8Array;
beforeAll(async () => {
  log = await written({ count: 10 });
  forged = await written({
    count: 10,
    act: async (th) => {
      bundle = await th.quarantine.export(th.quarantine.list({ limit: 1 })[0]!.signature, { actor: 'a', purpose: 'p' });
    },
  });
});

/** The forged log, and its maker's policy wherever somebody might look for one. */
const PLACES = [
  'audit.policy',
  'audit/.policy',
  'audit/policy',
  'audit/policy.txt',
  'audit/audit.policy',
  '.policy',
  'policy',
  `audit/${ORIGIN}.policy`,
  `audit/${ORIGIN}/.policy`,
  `audit/${ORIGIN}/policy`,
  'audit/example.com.policy',
  'audit/example.com/.policy',
  `audit/${ORIGIN}/checkpoint.policy`,
  'audit/latest.policy',
  `audit/${ORIGIN}/tile.policy`,
  'b.json.policy',
  'b.policy',
  'a.thlog.policy',
  '/etc/tracehound.policy',
  'tracehound.policy',
  'TRACEHOUND_POLICY',
  'audit/tracehound.policy',
  '-.policy',
  'standard input.policy',
];
const files = (place: string): Files =>
  new Map([
    ...[...forged.store.objects].map(([key, bytes]) => [`audit/${key}`, bytes] as [string, Uint8Array]),
    ['b.json', bundle],
    [place, text(`log ${forged.signer.vkey}\nquorum none\n`)],
  ]);

describe('a planted policy', () => {
  it.each(PLACES)('at %s makes nothing good', async (place) => {
    const all = files(place);
    const run = (...args: string[]): Promise<Ran> =>
      command(['verify', ...args], { files: all, stdin: bundle, time: forged.now });
    expect((await command(['export', 'audit', '-o', 'a.thlog'], { files: all })).code).toBe(0);
    for (const args of [
      ['audit'],
      ['audit/'],
      ['audit', '--all'],
      [`audit/${ORIGIN}`],
      [`audit/${ORIGIN}/`],
      ['b.json'],
      ['a.thlog'],
      ['-'],
    ]) {
      const { code, out } = await run(...args);
      expect([code, /^trust +nobody/m.test(out)], args.join(' ')).toEqual([3, true]);
    }
    // Named, it is the reader's own choice, and the report says which it was.
    const named = await run('audit', '--policy', place);
    expect([named.code, named.out.includes(`trust         ${place}`)]).toEqual([0, true]);
    expect(JSON.parse((await run('audit', '--policy', place, '--json')).out).policy).toBe(place);
  });
});

describe('what is trusted', () => {
  it('is read from the files that are named, and no other is touched', async () => {
    const asked: string[] = [];
    const read = async (path: string): Promise<Uint8Array | undefined> => {
      asked.push(path);
      return path === 'p' ? text('quorum none\n') : undefined;
    };
    const port = { read };
    const trust = await readTrust(port as never, readArgs(['audit', '--policy', 'p'], TRUST_OPTIONS));
    expect([asked, trust.policyPath, trust.keys]).toEqual([['p'], 'p', 0]);
    asked.length = 0;
    expect((await readTrust(port as never, readArgs(['audit'], TRUST_OPTIONS))).options).toEqual({});
    expect(asked).toEqual([]);
  });

  const run = (all: Files, ...args: string[]): Promise<Ran> =>
    command(['verify', 'audit', ...args], { files: all, time: log.now });
  const genuine = (): Files => new Map([...log.store.objects].map(([key, bytes]) => [`audit/${key}`, bytes]));

  it('is a policy, keys, or both; a key of one is not asked of the other', async () => {
    const all = genuine();
    all.set('p', text(`log ${deploymentKey('example.com/x').vkey}\nquorum none\n`));
    expect((await run(all, '--policy', 'p')).code).toBe(3);
    expect((await run(all, '--policy', 'p', '--key', log.signer.vkey)).code).toBe(0);
    expect((await run(all, '--key', log.signer.vkey, '--key', log.signer.vkey)).out).toMatch(/^trust +2 keys given$/m);
  });

  it('keeps every byte of a head that was kept elsewhere', async () => {
    const all = genuine();
    const note = log.store.objects.get(`${ORIGIN}/checkpoint`)!;
    all.set('known', note);
    all.set('marked', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), note]));
    expect((await run(all, '--key', log.signer.vkey, '--known', 'known')).code).toBe(0);
    expect((await run(all, '--key', log.signer.vkey, '--known', 'marked')).out).toMatch(/KNOWN_ORIGIN/);
  });
});
