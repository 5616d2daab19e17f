/**
 * Guards `src/cli/verify.ts` and what it stands on: `tracehound verify` says what is wrong, where, and with which exit code.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { VERIFY_OPTIONS } from '../../../src/cli/verify';
import type { Tracehound } from '../../../src/types/index';
import { VERSION } from '../../../src/version';
import { command, type Files, text } from '../../lab/port';
import { LabStore } from '../../lab/store';
import { deploymentKey, ORIGIN, type Written, written } from '../../lab/written';

let log: Written;
let policy: Uint8Array;
let bundle: Uint8Array;

beforeAll(async () => {
  log = await written({
    count: 300,
    act: async (th) => {
      const { signature } = th.quarantine.list({ limit: 1 })[0]!;
      bundle = await th.quarantine.export(signature, { actor: 'auditor', purpose: 'a test' });
    },
  });
  policy = text(`log ${log.signer.vkey}\nquorum none\n`);
});

/** The store as files below `audit`, changed. */
function files({ store }: Written, change: (files: Files) => void = () => {}): Files {
  const all: Files = new Map([...store.objects].map(([key, bytes]) => [`audit/${key}`, bytes.slice()]));
  all.set('audit.policy', policy);
  change(all);
  return all;
}
const at = (path: string): string => `audit/${ORIGIN}/${path}`;
const POLICY = ['--policy', 'audit.policy'];
const verify = (all: Files, ...args: string[]): ReturnType<typeof command> =>
  command(['verify', 'audit', ...(all.has('audit.policy') && !args.includes('--policy') ? POLICY : []), ...args], {
    files: all,
    time: log.now,
  });

describe('tracehound verify', () => {
  it('has the options that its help names', async () => {
    const { out } = await command(['--help']);
    for (const option of Object.keys(VERIFY_OPTIONS)) expect(out).toContain(option);
  });

  it('answers 0 for a log that is as it was written, signed by whom the policy trusts', async () => {
    const { code, out, err } = await verify(files(log));
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^log {11}example\.com\/log$/m);
    for (const name of ['integrity', 'authenticity', 'completeness', 'freshness']) {
      expect(out).toMatch(new RegExp(`^${name} +good$`, 'm'));
    }
    expect(out).toMatch(/^trust {9}audit\.policy$/m);
    expect(out).toMatch(/^verdict {7}good$/m);
    expect(out).toMatch(/^records {7}304, 2023-11-14T22:13:21\.000Z to 2023-11-14T22:18:20\.000Z$/m);
  });

  it('answers 3 for the same log when nobody says whom to trust', async () => {
    const { code, out } = await verify(files(log, (all) => all.delete('audit.policy')));
    expect(code).toBe(3);
    expect(out).toMatch(/^authenticity +unknown$/m);
    expect(out).toMatch(/^trust +nobody: no policy, no key\. --policy or --key says whom$/m);
    expect(out).toMatch(/^verdict +NOT VERIFIED/m);
  });

  it('takes keys one by one, also one that the policy names already', async () => {
    const without = files(log, (all) => all.delete('audit.policy'));
    const key = ['--key', log.signer.vkey];
    expect((await verify(without, ...key)).code).toBe(0);
    expect((await verify(without, ...key)).out).toMatch(/^trust +1 key given$/m);
    const both = await verify(files(log), ...key, ...key, '--key', deploymentKey('another').vkey);
    expect(both.code).toBe(0);
    expect(both.out).toMatch(/^trust +audit\.policy, 3 keys given$/m);
    const other = await verify(without, '--key', deploymentKey().vkey);
    expect([other.code, other.out.match(/UNTRUSTED_KEY|NOT_SIGNED/)?.[0]]).toEqual([3, 'UNTRUSTED_KEY']);
  });

  it('takes a policy that is named rather than the one beside the log', async () => {
    const all = files(log, (each) => each.set('else.policy', text(`log ${deploymentKey().vkey}\nquorum none\n`)));
    const { code, out } = await verify(all, '--policy', 'else.policy');
    expect(code).toBe(3);
    expect(out).toMatch(/^trust +else\.policy$/m);
  });

  it.each<[string, number, string | RegExp, (files: Files) => void]>([
    [
      'a changed byte of a record',
      1,
      /first bad +record 1 at example\.com\/log\/tile\/entries\/000, byte 180/,
      (all) => flip(all, at('tile/entries/000'), 190),
    ],
    [
      'a changed byte of a sidecar',
      1,
      /DETAIL: its sidecar .*record 3 at/,
      (all) => void replace(all.get(at('tile/details/000'))!, 'sqli', 3, 'sqlj'),
    ],
    [
      'a changed byte of a tile',
      1,
      /TILE: byte 70 of a tile .*record 2 at tile\/0\/000/,
      (all) => flip(all, at('tile/0/000'), 70),
    ],
    ['a changed byte of a tile above', 1, /TILE: .*tile\/1\/000\.p\/1/, (all) => flip(all, at('tile/1/000.p/1'), 0)],
    ['a changed checkpoint', 1, 'authenticity  bad', (all) => flip(all, at('checkpoint'), 20)],
    ['two records swapped', 1, /first bad +record \d/, (all) => swap(all.get(at('tile/entries/000'))!, 5, 6)],
    [
      'a length that was changed',
      1,
      /MALFORMED: .*tile\/entries\/000, byte \d+/,
      (all) => flip(all, at('tile/entries/000'), 1),
    ],
    ['a tile deleted', 2, /TILE_MISSING: a tile is gone \(tile\/0\/000\)/, (all) => void all.delete(at('tile/0/000'))],
    [
      'a bundle deleted',
      2,
      /CONTENT_UNAVAILABLE: .*record 0 at .*tile\/0\/000/,
      (all) => void all.delete(at('tile/entries/000')),
    ],
    ['a run of records deleted', 2, /first bad +record 0 at .*tile\/1\/000/, (all) => gone(all, '/000')],
    ['its tail deleted', 2, /first bad +record 256 at .*tile\/entries\/001\.p/, (all) => gone(all, '/001.p/')],
    ['everything deleted but `latest`', 2, 'LOG_MISSING', (all) => gone(all, '')],
    ['its checkpoint deleted', 3, 'NO_CHECKPOINT', (all) => void all.delete(at('checkpoint'))],
  ])('says so of %s', async (_, expected, said, change) => {
    const { code, out } = await verify(files(log, change));
    expect(out).toMatch(said);
    expect(code).toBe(expected);
  });

  it('answers 2 for a log that was rolled back behind a checkpoint that was kept elsewhere', async () => {
    const early = await written({ count: 10, close: false, signer: log.signer });
    const now = early.now;
    const known = new Map([...files(early), ['known', log.store.objects.get(`${ORIGIN}/checkpoint`)!]]);
    const { code, out } = await command(['verify', 'audit', ...POLICY, '--known', 'known'], {
      files: known,
      time: now,
    });
    expect(out).toMatch(/ROLLED_BACK/);
    expect(code).toBe(2);
    const rewritten = await written({ count: 301, signer: log.signer, seed: 2 });
    const other = new Map([...files(rewritten), ['known', log.store.objects.get(`${ORIGIN}/checkpoint`)!]]);
    expect((await command(['verify', 'audit', '--known', 'known'], { files: other, time: now })).out).toMatch(
      /REWRITTEN/,
    );
    expect(
      (
        await verify(
          files(log, (all) => all.set('known', all.get(at('checkpoint'))!)),
          '--known',
          'known',
        )
      ).code,
    ).toBe(0);
  });

  it('answers 2 for a log that stopped without CLOSE, and lets its caller say how old is old', async () => {
    const open = await written({ count: 10, close: false, signer: log.signer });
    const late = (...args: string[]): ReturnType<typeof command> =>
      command(['verify', 'audit', ...POLICY, ...args], { files: files(open), time: open.now + 200_000 });
    expect((await late()).out).toMatch(/UNCLEAN_END/);
    expect((await late()).code).toBe(2);
    expect((await late('--max-age', '200000')).code).toBe(0);
    expect((await late('--max-age=300000', '--require-close')).out).toMatch(/NOT_CLOSED/);
    expect((await verify(files(log), '--require-close')).code).toBe(0);
  });

  it('speaks JSON to scripts, harmless and complete', async () => {
    const { code, out } = await verify(
      files(log, (all) => flip(all, at('tile/entries/000'), 190)),
      '--json',
    );
    const said = JSON.parse(out);
    expect([code, said.exitCode, said.policy]).toEqual([1, 1, 'audit.policy']);
    expect(said.logs).toHaveLength(1);
    expect(said.logs[0]).toMatchObject({ path: ORIGIN, origin: ORIGIN, integrity: 'bad', size: 304 });
    expect(said.logs[0].findings[0]).toMatchObject({ verdict: 'integrity', severity: 'bad' });
    const empty = JSON.parse((await command(['verify', 'd', '--json'], { files: new Map([['d/x', text('')]]) })).out);
    expect(empty).toMatchObject({ exitCode: 3, policy: null, problem: 'there is nothing to verify' });
  });

  it.each<[string, string, Files, Uint8Array | undefined]>([
    ['a folder without a log', 'd', new Map([['d/readme', text('x')]]), undefined],
    ['an empty file', 'f', new Map([['f', text('')]]), undefined],
    ['an empty stream', '-', new Map(), text('')],
    ['a file that is something else', 'f', new Map([['f', text('hello')]]), undefined],
    ['JSON that is something else', 'f', new Map([['f', text('{"name":"x"}')]]), undefined],
  ])('answers 3 for %s: of nothing, nothing can be said', async (_, word, all, stdin) => {
    const ran = await command(['verify', word], { files: all, ...(stdin === undefined ? {} : { stdin }) });
    expect([ran.code, ran.left]).toEqual([3, 0]);
    expect(ran.out).toMatch(/^problem/m);
  });

  it('finds a log by its folder too, and by its name', async () => {
    const all = files(log);
    expect((await command(['verify', `audit/${ORIGIN}/`, ...POLICY], { files: all, time: log.now })).code).toBe(0);
    expect((await verify(all, '--log', ORIGIN)).code).toBe(0);
    const missing = await verify(all, '--log', 'nobody');
    expect([missing.code, missing.err]).toEqual([4, expect.stringContaining('no log called nobody')]);
  });

  it('verifies a bundle of evidence, which no change survives', async () => {
    const run = (bytes: Uint8Array, ...args: string[]): ReturnType<typeof command> =>
      command(['verify', 'b.json', '--policy', 'b.json.policy', ...args], {
        files: new Map([
          ['b.json', bytes],
          ['b.json.policy', policy],
        ]),
        time: log.now,
      });
    const { code, out } = await run(bundle);
    expect(code).toBe(0);
    expect(out).toMatch(/^what +sqli:[0-9a-f]{64}, low, \d+ bytes$/m);
    expect(out).toMatch(/QUARANTINED, record 1/);
    const json = JSON.parse((await run(bundle, '--json')).out);
    expect(json.bundle).toMatchObject({ origin: ORIGIN, integrity: 'good' });
    expect(json.bundle.payload).toBeUndefined();
    // A signature whose key was renamed is one of somebody unknown, beside that of another key: as if it were not there.
    // And the random end of an id stands in no record.
    const free = /\u00e2\u0080\u0094 \S+ \S{6}|"id":"[0-9a-f-]{36}-[0-9a-f]{16}"/g;
    const named = [...Buffer.from(bundle).toString('latin1').matchAll(free)];
    const isName = (at: number): boolean => named.some(({ index, 0: line }) => at >= index && at < index + line.length);
    for (let byte = 1; byte < bundle.length; byte += 101) {
      if (isName(byte)) continue;
      const changed = bundle.slice();
      changed[byte] = changed[byte]! ^ 1;
      const { code } = await run(changed);
      expect(code, `byte ${byte}`).toBe(1);
    }
    expect((await run(bundle.subarray(0, 2_000))).code).toBe(1);
    expect((await command(['verify', '-'], { stdin: bundle, time: log.now })).code).toBe(3);
  });

  it('shows how far it has come, on a terminal and only there', async () => {
    let clock = log.now;
    const now = (): number => {
      clock += 600;
      return clock;
    };
    const run = (terminal: boolean): ReturnType<typeof command> =>
      command(['verify', 'audit', '--max-age', '9999999'], { files: files(log), now, terminal });
    const shown = await run(true);
    expect(shown.err).toMatch(/256 records of 304, 84 %/);
    expect(shown.err.endsWith('\r\u001b[K')).toBe(true);
    expect((await run(false)).err).toBe('');
    expect((await command(['verify', 'audit'], { files: files(log), time: log.now, terminal: true })).err).toBe('');
    const unsigned = files(log, (all) => all.delete(at('checkpoint')));
    expect((await command(['verify', 'audit'], { files: unsigned, now, terminal: true })).err).toMatch(/256 records\r/);
  });

  it('says its verdict by its exit code when nobody reads the rest', async () => {
    const { code } = await command(['verify', 'audit', ...POLICY], {
      files: files(log),
      time: log.now,
      out: async () => false,
    });
    expect(code).toBe(0);
    await expect(
      command(['verify', 'audit'], { files: files(log), time: log.now, out: () => Promise.reject(new Error('full')) }),
    ).resolves.toMatchObject({ code: 4 });
  });

  it('escapes whatever a name would do to a terminal', async () => {
    const name = 'a\u001b[2J\u009b1A\u202eb\n';
    const all = new Map([...files(log)].map(([path, bytes]) => [path.replace('audit', name), bytes]));
    const named = ['verify', name, '--policy', `${name}.policy`];
    const { out, code } = await command(named, { files: all, time: log.now });
    expect(code).toBe(0);
    expect(out).toContain('a\\u{1b}[2J\\u{9b}1A\\u{202e}b\\u{a}');
    expect(out.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    const json = (await command([...named, '--json'], { files: all, time: log.now })).out;
    expect(json.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
    expect(JSON.parse(json).name).toBe(name);
  });
});

describe('tracehound verify, of a store with several logs', () => {
  let both: LabStore;
  let signer: Written['signer'];
  let now: number;
  beforeAll(async () => {
    const first = await written({ count: 20 });
    ({ signer } = first);
    const second = await written({
      count: 5,
      store: first.store,
      signer,
      audit: { origin: 'example.com/second' },
      seed: 7,
    });
    both = second.store;
    now = Math.max(first.now, second.now);
  });
  const run = (args: string[], change: (files: Files) => void = () => {}): ReturnType<typeof command> => {
    const all: Files = new Map([...both.objects].map(([key, bytes]) => [`s/${key}`, bytes.slice()]));
    change(all);
    return command(['verify', 's', '--key', signer.vkey, ...args], { files: all, time: now });
  };

  it('takes the newest and says which it follows on', async () => {
    const { code, out } = await run([]);
    expect(code).toBe(0);
    expect(out).toMatch(/^log +example\.com\/second$/m);
    expect(out).toMatch(/follows on the log example\.com\/log, which was not looked at: --all does/);
  });

  it('says nothing of others where a log’s own folder is meant', async () => {
    const all: Files = new Map([...both.objects].map(([key, bytes]) => [`s/${key}`, bytes]));
    const { code, out } = await command(['verify', 's/example.com/second', '--key', signer.vkey], {
      files: all,
      time: now,
    });
    expect([code, out.includes('follows on')]).toEqual([0, false]);
  });

  it('takes all of them and holds each against what the next says of it', async () => {
    const { code, out } = await run(['--all']);
    expect(out.match(/^log +\S+$/gm)).toHaveLength(2);
    expect(code).toBe(0);
  });

  it('says that a log was removed whole', async () => {
    const { code, out } = await run(['--all'], (all) => gone(all, '', 's/example.com/log/'));
    expect(out).toMatch(/LOG_MISSING: it follows on the log example\.com\/log, which is not here/);
    expect(code).toBe(2);
  });

  it('says that an earlier log was cut, or written anew with the deployment’s own key', async () => {
    const put = (other: Written) => (all: Files) => {
      gone(all, '', 's/example.com/log/');
      for (const [key, bytes] of other.store.objects) if (key.startsWith(`${ORIGIN}/`)) all.set(`s/${key}`, bytes);
    };
    const shorter = await run(['--all'], put(await written({ count: 10, signer })));
    expect([shorter.code, shorter.out.match(/ROLLED_BACK/)?.[0]]).toEqual([2, 'ROLLED_BACK']);
    for (const count of [20, 40]) {
      const other = await run(['--all'], put(await written({ count, signer, seed: 3 })));
      expect([other.code, other.out.match(/REWRITTEN/)?.[0]], String(count)).toEqual([1, 'REWRITTEN']);
    }
  });

  it('does not mind that an earlier log went on after the next had begun', async () => {
    const store = new LabStore();
    const act = async (th: Tracehound): Promise<void> => {
      await written({ count: 5, store, signer, audit: { origin: 'example.com/second' } });
      th.intercept({ source: 'late', payload: 'late', threat: { category: 'sqli', severity: 'high' } });
    };
    await written({ count: 10, signer, store, act });
    const { out, code } = await run(['--all'], (all) => {
      all.clear();
      for (const [key, bytes] of store.objects) all.set(`s/${key}`, bytes);
    });
    expect(out.match(/^log +\S+$/gm)).toHaveLength(2);
    expect(code).toBe(0);
  });

  it('does not call a log complete that a kill ended, as its successor says (20 kills)', async () => {
    for (let count = 1; count <= 20; count++) {
      for (const close of [false, true]) {
        const store = new LabStore();
        const first = await written({ count, close, store, signer, seed: count });
        const next = { store, signer, seed: 50 + count, audit: { origin: 'example.com/second' } };
        const second = await written({ ...next, count: 3 });
        const files: Files = new Map([...store.objects].map(([key, bytes]) => [`s/${key}`, bytes]));
        // At once: no heartbeat is missing yet.
        const time = Math.max(first.now, second.now);
        const { code, out } = await command(['verify', 's', '--all', '--key', signer.vkey], { files, time });
        expect([code, /ENDED_OPEN/.test(out)], `${count} ${close}\n${out}`).toEqual(close ? [0, false] : [2, true]);
      }
    }
  });

  it('looks at all of them when nothing says which is the newest', async () => {
    const { out, code } = await run([], (all) => void all.delete('s/latest'));
    expect(out.match(/^log +\S+$/gm)).toHaveLength(2);
    expect(code).toBe(0);
  });

  it('answers with the worst: tampered outweighs incomplete, and that what cannot be told', async () => {
    const tamper = (all: Files): void => flip(all, 's/example.com/second/tile/entries/000.p/9', 50);
    const cut = (all: Files): void => gone(all, '', 's/example.com/log/tile/');
    expect(both.keys().join('\n')).toContain('example.com/second/tile/entries/000.p/9');
    expect((await run(['--all'], tamper)).code).toBe(1);
    expect((await run(['--all'], cut)).code).toBe(2);
    const worst = await run(['--all'], (all) => {
      tamper(all);
      cut(all);
    });
    expect(worst.code).toBe(1);
  });

  it('holds a checkpoint that was kept elsewhere against the log it is of', async () => {
    const known = (all: Files): void => void all.set('known', both.objects.get(`${ORIGIN}/checkpoint`)!);
    expect((await run(['--all', '--known', 'known'], known)).code).toBe(0);
  });
});

describe('tracehound', () => {
  it.each<[string, string[], RegExp]>([
    ['no command', [], /expected verify, inspect, export, find, tag/],
    ['another command', ['delete'], /delete: no such command/],
    ['no path', ['verify'], /expected a folder, a file or -, got nothing/],
    ['an empty path', ['verify', ''], /got an empty word/],
    ['input twice', ['verify', '-', '-'], /-: expected once, got twice/],
    ['a path with nothing at it', ['verify', 'nowhere'], /nowhere: no such file or folder/],
    ['an unknown option', ['verify', 'a', '--colour'], /--colour: no such option/],
    ['an inherited option', ['verify', 'a', '--constructor'], /--constructor: no such option/],
    ['an option without its value', ['verify', 'a', '--policy'], /--policy: expected a value/],
    ['an option twice', ['verify', 'a', '--policy=x', '--policy', 'y'], /--policy: expected once/],
    ['a value too many', ['verify', 'a', '--json=yes'], /--json: takes no value/],
    ['no number', ['verify', 'a', '--max-age', 'old'], /--max-age: expected milliseconds/],
    ['both log and all', ['verify', 'a', '--log', 'x', '--all'], /--log, --all: expected one of them/],
    ['no policy where it was named', ['verify', 'a', '--policy', 'nowhere'], /nowhere: no such file/],
    ['a policy that is none', ['verify', 'a', '--policy', 'a'], /a: policy line 1/],
    ['a key that is none', ['verify', 'a', '--key', 'x'], /--key: key: no verifier key/],
    ['a checkpoint that is none', ['verify', 'a', '--known', 'a'], /a: note: not signed/],
    ['a short master', ['verify', 'a', '--mac-key', 'a'], /a: too short for a master key/],
  ])('answers 4 for %s, and says how it is called', async (_, args, message) => {
    const { code, err, out } = await command(args, { files: new Map([['a', text('hello')]]) });
    expect([code, out]).toEqual([4, '']);
    expect(err).toMatch(message);
    expect(err).toMatch(/--help/);
  });

  it('answers 4 for what cannot be read, and says why', async () => {
    const denied = (): never => {
      throw new Error('EACCES: permission denied \u001b[31m');
    };
    const { code, err } = await command(['verify', 'a'], {
      files: new Map([['a/checkpoint', text('x')]]),
      read: denied,
    });
    expect([code, err]).toEqual([4, 'tracehound: EACCES: permission denied \\u{1b}[31m\n']);
    const odd = await command(['verify', 'a'], { lies: () => Promise.reject('nothing') });
    expect([odd.code, odd.err]).toEqual([4, 'tracehound: nothing\n']);
  });

  it('reads a pipe that has a name as it reads its input', async () => {
    const { code, left } = await command(['verify', '--', 'pipe'], {
      lies: async () => 'other',
      files: new Map([['pipe', bundle]]),
    });
    expect([code, left]).toEqual([3, 0]);
  });

  it('says how it is called, and which version it is', async () => {
    for (const args of [['--help'], ['-h'], ['help'], ['verify', '--help'], ['inspect', 'x', '--help']]) {
      const { code, out } = await command(args);
      expect([code, out]).toEqual([0, expect.stringContaining('tracehound verify <folder|file|->…')]);
    }
    expect((await command(['verify', '--', '--help'])).code).toBe(4);
    expect(await command(['--version'])).toMatchObject({ code: 0, out: `${VERSION}\n` });
    expect(await command(['-V'])).toMatchObject({ code: 0, out: `${VERSION}\n` });
  });
});

/** Takes away what lies below a log, or of it what has `part` in its path. */
function gone(all: Files, part: string, below = `audit/${ORIGIN}/`): void {
  const hasPart = (path: string): boolean =>
    part === ''
      ? true
      : path.includes(`tile/entries${part}`) || path.includes(`tile/details${part}`) || path.includes(`tile/0${part}`);
  for (const path of [...all.keys()]) if (path.startsWith(below) && hasPart(path)) all.delete(path);
}

/** Changes the nth occurrence of a text, counted from 1, into another of its length. */
function replace(bytes: Uint8Array, from: string, nth: number, to: string): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let found = -1;
  for (let i = 0; i < nth; i++) found = buffer.indexOf(from, found + 1);
  buffer.write(to, found);
}

/** Swaps two records of a bundle. */
function swap(bytes: Uint8Array, a: number, b: number): void {
  const [first, second] = [bytes.slice(178 * a, 178 * (a + 1)), bytes.slice(178 * b, 178 * (b + 1))];
  bytes.set(second, 178 * a);
  bytes.set(first, 178 * b);
}

/** Changes a bit of a file. */
function flip(all: Files, path: string, byte: number): void {
  const bytes = all.get(path)!;
  bytes[byte] = bytes[byte]! ^ 1;
}
