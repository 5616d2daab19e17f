/**
 * Guards `src/cli/inspect.ts`, and what it shows with `src/cli/record.ts` and `src/cli/text.ts`: what is looked for is found, what is shown does nothing, what is exported
 * is the log.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { INSPECT_OPTIONS } from '../../../src/cli/inspect';
import { recordFacts, recordLine } from '../../../src/cli/record';
import { escapedJson, harmless, timeOf, timeText } from '../../../src/cli/text';
import { command, type Files, type Ran, text } from '../../lab/port';
import { ORIGIN, type Written, written } from '../../lab/written';

let log: Written;
let bundle: Uint8Array;
let id: string;
let tag: string;

beforeAll(async () => {
  log = await written({
    count: 300,
    act: async (th) => {
      const handle = th.quarantine.list({ limit: 1 })[0]!;
      ({ id, sourceTag: tag } = handle);
      bundle = await th.quarantine.export(handle.signature, { actor: 'auditor\u202e', purpose: 'a test' });
    },
  });
});

const files = (change: (files: Files) => void = () => {}): Files => {
  const all: Files = new Map([...log.store.objects].map(([key, bytes]) => [`audit/${key}`, bytes.slice()]));
  all.set('b.json', bundle);
  change(all);
  return all;
};
const inspect = (...args: string[]): Promise<Ran> => command(['inspect', ...args], { files: files(), time: log.now });
/** Lines of records, without those of sidecars. */
const records = ({ out }: Ran): string[] => out.split('\n').filter((line) => /^ +\d+ {2}\d{4}-/.test(line));
const isHarmless = (out: string): boolean => !/\p{C}/u.test(out.replaceAll('\n', ''));

describe('tracehound inspect', () => {
  it('has the options that its help names', async () => {
    const { out } = await command(['--help']);
    for (const option of Object.keys(INSPECT_OPTIONS)) expect(out).toContain(option);
  });

  it('lists every record with its sidecar, and lets none of them out', async () => {
    const ran = await inspect('audit');
    expect(ran.code).toBe(0);
    expect(records(ran)).toHaveLength(304);
    expect(records(ran)[0]).toMatch(/^ {8}0 {2}2023-11-14T22:13:21\.000Z {2}GENESIS/);
    expect(records(ran)[1]).toMatch(
      /^ {8}1 .* QUARANTINED +low +refused +[0-9a-f-]{36} {2}source [0-9a-f]{16} {2}\d+ bytes {2}×1$/,
    );
    expect(isHarmless(ran.out)).toBe(true);
  });

  it('shows sidecars that somebody else put there, and lets nothing of them out', async () => {
    // Ours replaces what could harm before it hashes; whoever writes to the store need not.
    const hostile = '{"rule":"\u009b2J\u202e\u001b[1A\u2028\r\n\ud800"}';
    const put = files((all) => {
      const bytes = Buffer.from(hostile);
      const entry = Buffer.concat([Buffer.of(0, bytes.length), bytes]);
      all.set(`audit/${ORIGIN}/tile/details/000`, Buffer.concat([entry, Buffer.alloc(2 * 255)]));
    });
    const { out } = await command(['inspect', 'audit', '--kind', 'GENESIS'], { files: put });
    expect(out).toContain('{"rule":"\\u{9b}2J\\u{202e}\\u{1b}[1A\\u{2028}\\u{d}\\u{a}\ufffd"}');
    expect(isHarmless(out)).toBe(true);
    const json = await command(['inspect', 'audit', '--kind', 'GENESIS', '--json'], { files: put });
    expect(JSON.parse(json.out).detail).toBe(hostile.toWellFormed());
    expect(isHarmless(json.out)).toBe(true);
  });

  it.each<[string, string[], number]>([
    ['a severity', ['--severity', 'high'], 75],
    ['severities', ['--severity', 'high,LOW', '--severity', 'medium'], 226],
    ['a kind', ['--kind', 'quarantined'], 300],
    ['kinds', ['--kind', 'GENESIS,CLOSE', '--kind', 'KEY'], 3],
    ['a time', ['--from', '2023-11-14T22:18:20Z'], 4],
    ['a span', ['--from', '2023-11-14T22:13:22.000Z', '--to', '2023-11-14T23:13:24+01:00'], 3],
    ['a span in ms', ['--from=1700000001000', '--to=1700000001999'], 2],
    ['a day', ['--from', '2023-11-15'], 0],
    ['a severity that no record has at that time', ['--severity', 'critical', '--to', '2023-11-14T22:13:23Z'], 0],
  ])('finds by %s', async (_, args, count) => {
    const ran = await inspect('audit', ...args);
    expect(records(ran)).toHaveLength(count);
  });

  it('finds by a source tag and by an id, or how they begin', async () => {
    expect(records(await inspect('audit', '--source-tag', tag))).toHaveLength(2);
    expect(records(await inspect('audit', '--source-tag', tag.slice(0, 12).toUpperCase()))).toHaveLength(2);
    expect(records(await inspect('audit', '--id', id))).toHaveLength(2);
    expect(records(await inspect('audit', '--id', id.slice(0, 30)))).not.toHaveLength(0);
    expect(records(await inspect('audit', '--id', '0'.repeat(8)))).toHaveLength(0);
  });

  it('speaks JSON, one line a record', async () => {
    const ran = await inspect('audit', '--kind', 'QUARANTINED', '--json');
    const lines = ran.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(300);
    expect(lines[0]).toMatchObject({
      seq: 1,
      kind: 'QUARANTINED',
      severity: 'low',
      disposition: 'refused',
      epoch: 0,
      count: 1,
    });
    expect(JSON.parse(lines[0].detail).signature).toMatch(/^sqli:/);
    expect(isHarmless(ran.out)).toBe(true);
    expect(JSON.parse((await inspect('audit', '--kind', 'CLOSE', '--json')).out).detail).toBeUndefined();
  });

  it('says what is not there', async () => {
    const bundleOf = `audit/${ORIGIN}/tile/entries/000`;
    const hole = files((all) => {
      const bytes = Buffer.from(all.get(bundleOf)!);
      const odd = Buffer.concat([Buffer.of(0, 3, 1, 2, 3), Buffer.of(0, 0), bytes.subarray(356)]);
      all.set(bundleOf, odd);
    });
    const { out } = await command(['inspect', 'audit'], { files: hole });
    expect(out).toMatch(/3 bytes, which are no record {2}example\.com\/log\/tile\/entries\/000/);
    expect(out).toMatch(/a record whose content is not available {2}example\.com\/log\/tile\/0\/000/);
    const lost = files((all) => {
      for (const kind of ['entries', 'details', '0']) all.delete(`audit/${ORIGIN}/tile/${kind}/000`);
    });
    expect((await command(['inspect', 'audit'], { files: lost })).out).toMatch(
      /256 records whose content is not available/,
    );
    lost.delete(`audit/${ORIGIN}/tile/1/000.p/1`);
    expect((await command(['inspect', 'audit'], { files: lost })).out).toMatch(/256 records that are missing/);
    const { out: json } = await command(['inspect', 'audit', '--json'], { files: lost });
    expect(json.trimEnd().split('\n')).toHaveLength(48);
  });

  it('shows a bundle: the item, what the log says of it, the evidence as text that does nothing', async () => {
    const ran = await inspect('b.json');
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(new RegExp(`^id +${id}$`, 'm'));
    expect(ran.out).toMatch(/^severity +low$/m);
    expect(ran.out).toMatch(/^integrity +good$/m);
    expect(records(ran).map((line) => line.match(/[A-Z]{3,}/)![0])).toEqual([
      'GENESIS',
      'QUARANTINED',
      'KEY',
      'EXPORTED',
    ]);
    expect(ran.out).toContain('attack 0 \\u{1b}]0;owned\\u{7}\\u{202e}\\u{d}\n');
    expect(ran.out).toContain('auditor\\u{202e}');
    expect(isHarmless(ran.out)).toBe(true);
    expect(records(await inspect('b.json', '--kind', 'EXPORTED'))).toHaveLength(1);
  });

  it('shows evidence as bytes where it is none, or when asked', async () => {
    const { out } = await inspect('b.json', '--hex');
    expect(out).toMatch(/^00000000 {2}61 74 74 61 63 6b 20 30 {2}20 1b 5d 30 3b 6f 77 6e {2}\|attack 0 \.\]0;own\|$/m);
    const json = JSON.parse((await inspect('b.json', '--json')).out);
    expect(json).toMatchObject({ origin: ORIGIN, integrity: 'good', item: { id } });
    expect(json.records.map(({ kind }: { kind: string }) => kind)).toContain('KEY');
  });

  it('shows a bundle of an item of which the detector said nothing more', async () => {
    let bytes: Uint8Array = new Uint8Array(0);
    await written({
      bare: true,
      count: 1,
      act: async (th) => {
        const [handle] = th.quarantine.list({ limit: 1 });
        bytes = await th.quarantine.export(handle!.signature, { actor: 'a', purpose: 'p' });
      },
    });
    const run = (...args: string[]): Promise<Ran> =>
      command(['inspect', 'b', ...args], { files: new Map([['b', bytes]]) });
    expect(records(await run())).toHaveLength(4);
    const json = JSON.parse((await run('--json', '--kind', 'QUARANTINED')).out);
    expect(json.records).toEqual([expect.not.objectContaining({ detail: expect.anything() })]);
    bytes = text(Buffer.from(bytes).toString().replace('"truncated":false', '"truncated":true'));
    expect((await run()).out).toMatch(/^size +\d+ bytes, the beginning of more$/m);
  });

  it('shows a log by its name, and one whose folder was named', async () => {
    expect(records(await inspect('audit', '--log', ORIGIN))).toHaveLength(304);
    const ran = await inspect(`audit/${ORIGIN}`);
    expect(records(ran)).toHaveLength(304);
    expect(ran.out.split('\n')[0]).toBe(`log           audit/${ORIGIN}`);
  });

  it('shows no evidence that the log did not commit to', async () => {
    const changed = new Map([['b.json', text(Buffer.from(bundle).toString().replace('"size":', '"size":1'))]]);
    const { out } = await command(['inspect', 'b.json'], { files: changed });
    expect(out).toMatch(/^payload +not shown: it is not what the log committed to$/m);
    expect(out).not.toContain('attack 0');
    const broken = await command(['inspect', 'b.json'], { files: new Map([['b.json', bundle.subarray(0, 900)]]) });
    expect([broken.code, broken.out]).toEqual([1, '']);
    expect(broken.err).toMatch(/^tracehound: bundle/);
  });

  it('answers 3 where there is nothing to show, and 4 for what it does not understand', async () => {
    expect((await command(['inspect', '-'])).code).toBe(3);
    expect((await command(['inspect', '-'], { stdin: text('hello') })).out).toMatch(/neither a log nor a bundle/);
    for (const args of [
      ['--from', 'yesterday'],
      ['--to', '2023-13-45'],
      ['--severity', 'worst'],
      ['--kind', 'NICE'],
      ['--id', 'xyz'],
      ['--source-tag', 'g'],
    ]) {
      expect((await inspect('audit', ...args)).code, args.join(' ')).toBe(4);
    }
  });

  it('shows what stands before the place where a log cannot be read on', async () => {
    const broken = files((all) => {
      const path = `audit/${ORIGIN}/tile/entries/001.p/48`;
      all.set(path, all.get(path)!.subarray(0, 100));
    });
    const ran = await command(['inspect', 'audit'], { files: broken });
    expect(records(ran)).toHaveLength(256);
    expect([ran.code, ran.err]).toEqual([1, expect.stringMatching(/tile\/entries\/001\.p\/48, byte 0: expected 48/)]);
  });

  it('stops when nobody reads any more, and says it when the output breaks', async () => {
    let written = 0;
    const head = async (): Promise<boolean> => ++written < 2;
    const { code } = await command(['inspect', 'audit'], { files: files(), out: head });
    expect([code, written]).toEqual([0, 2]);
    const broken = await command(['inspect', 'audit'], {
      files: files(),
      out: () => Promise.reject(new Error('disk full')),
    });
    expect([broken.code, broken.err]).toEqual([4, 'tracehound: disk full\n']);
  });
});

describe('tracehound export', () => {
  it('writes a log as one file, which verifies and inspects as the folder does', async () => {
    const all = files();
    expect(await command(['export', 'audit', '-o', 'a.thlog'], { files: all, terminal: true })).toMatchObject({
      code: 0,
      out: '',
      err: '',
    });
    const key = ['--key', log.signer.vkey];
    const whole = await command(['verify', 'a.thlog', ...key], { files: all, time: log.now });
    expect(whole.code).toBe(0);
    const piped = await command(['verify', '-', ...key], { stdin: all.get('a.thlog')!, time: log.now });
    expect([piped.code, piped.left]).toEqual([0, 0]);
    const shown = await command(['inspect', 'a.thlog'], { files: all });
    expect(shown.out.split('\n').slice(1)).toEqual((await inspect('audit')).out.split('\n').slice(1));
    expect((await command(['inspect', 'a.thlog', '--json'], { files: all })).out.startsWith('{')).toBe(true);
    const again = await command(['export', 'a.thlog'], { files: all });
    expect(Buffer.compare(again.bytes, all.get('a.thlog')!)).toBe(0);
    const cut = all.get('a.thlog')!.subarray(0, 20_000);
    expect((await command(['verify', '-', ...key], { stdin: cut, time: log.now })).code).toBe(2);
    expect((await command(['inspect', 'f'], { files: new Map([['f', text('THLOG')]]) })).out).toMatch(/no name, in f/);
    const later = await command(['verify', 'f'], { files: new Map([['f', text('THLOG\r\n\u0002')]]) });
    expect([later.code, later.out.match(/later version/)?.[0]]).toEqual([3, 'later version']);
  });

  it('overwrites nothing, and leaves nothing half done', async () => {
    const all = files((each) => each.set('a.thlog', text('mine')));
    expect((await command(['export', 'audit', '--output', 'a.thlog'], { files: all })).code).toBe(4);
    expect(all.get('a.thlog')).toEqual(text('mine'));
    const lost = files((each) => {
      for (const path of [...each.keys()]) if (/tile\/(?:entries|0)\/001/.test(path)) each.delete(path);
    });
    const missing = await command(['export', 'audit', '-o', 'b.thlog'], { files: lost });
    expect([missing.code, lost.has('b.thlog')]).toEqual([2, false]);
    expect(missing.err).toMatch(/record 256, .*tile\/entries\/001.p\/48: expected a record/);
    const odd = files((each) => each.set(`audit/${ORIGIN}/tile/entries/000`, Uint8Array.of(1)));
    expect((await command(['export', 'audit', '-o', 'b.thlog'], { files: odd })).code).toBe(1);
  });

  it('says what is wrong without letting a name do anything', async () => {
    const name = 'a\u001b[2J\u202e.thlog';
    const ran = await command(['export', name], {
      files: new Map([[name, text('THLOG\r\n\u0001\u0001\0\0\0\u0001x\u0009aaaa')]]),
    });
    expect([ran.code, isHarmless(ran.err)]).toEqual([1, true]);
    expect(ran.err).toContain('a\\u{1b}[2J\\u{202e}.thlog, byte 14: expected frame type 1 to 6, got 9');
    const empty = await command(['export', '\u009b'], { files: new Map([['\u009b', text('')]]) });
    expect([empty.code, empty.err]).toEqual([3, 'tracehound: \\u{9b}: no log to export\n']);
  });

  it('asks which log is meant, and sends no bytes to a terminal', async () => {
    expect((await command(['export', 'audit'], { files: files(), terminal: true })).err).toMatch(/-o: expected a file/);
    const two = files((all) => {
      all.delete('audit/latest');
      all.set('audit/other/checkpoint', text('x'));
    });
    expect((await command(['export', 'audit'], { files: two })).err).toMatch(/several logs, expected --log/);
    expect((await command(['export', 'audit', '--log', ORIGIN], { files: two })).code).toBe(0);
    expect((await command(['export', 'b.json'], { files: two })).code).toBe(3);
    const closed = await command(['export', 'audit'], { files: files(), out: async () => false });
    expect([closed.code, closed.err]).toEqual([4, 'tracehound: nobody reads the output any more\n']);
    const broken = await command(['export', 'audit'], {
      files: files(),
      out: () => Promise.reject(new TypeError('no')),
    });
    expect(broken.code).toBe(4);
  });
});

describe('what people read', () => {
  it('has every kind of record, and what no page knows', () => {
    const record = Buffer.alloc(176);
    record[0] = 1;
    const line = (change: (r: Buffer) => void): string => {
      const changed = Buffer.from(record);
      change(changed);
      return recordLine(recordFacts(changed)).replace(/ +/g, ' ').trim();
    };
    expect(line((r) => r.set([19, 255, 2], 1))).toBe('0 1970-01-01T00:00:00.000Z LIMITED - - blocked');
    const blocked = line((r) => {
      r.set([20, 255, 1], 1);
      r.writeUInt32BE(60, 40);
    });
    expect(blocked).toContain('BLOCKED - - automatic 60 s');
    expect(line((r) => r.set([99, 7, 9, 0, 126, 8], 1))).toBe(
      '0 1970-01-01T00:00:00.000Z kind 99 severity 7 disposition 8 reason 9 truncated category severity several approximate salvaged',
    );
    expect(recordFacts(Buffer.from(record).fill(8, 1, 2).fill(1, 24, 32)).id).toBe('');
    expect(line((r) => r.set([0], 1))).toContain('kind 0');
    expect(line((r) => r.set([3, 1, 9], 1))).toContain('reason 9');
  });

  it('has times as the calendar has them', () => {
    for (const ms of [0, 951_782_400_000, 951_868_799_999, 1_700_000_000_123, 4_107_542_400_000, 253_402_300_799_999]) {
      expect(timeText(ms)).toBe(new Date(ms).toISOString());
    }
    for (let day = 0; day < 150_000; day += 13)
      expect(timeText(day * 86_400_000)).toBe(new Date(day * 86_400_000).toISOString());
    expect([-1, 0.5, 253_402_300_800_000, Number.NaN].map(timeText)).toEqual(['-1', '0.5', '253402300800000', 'NaN']);
    expect(timeOf('2023-11-14T22:13:20.1Z')).toBe(1_700_000_000_100);
    expect(['2023-11-14T22:13', '14.11.2023', '', 'now'].map(timeOf)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('has nothing that moves a cursor, turns a line or ends one', () => {
    for (let point = 0; point < 0x110000; point += point < 0x3000 ? 1 : 97) {
      const shown = harmless(String.fromCodePoint(point));
      expect(/^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]+$/u.test(shown), point.toString(16)).toBe(true);
      const character = String.fromCodePoint(point);
      const json = escapedJson(JSON.stringify(character));
      expect(JSON.parse(json)).toBe(character);
      expect(/^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}]+$/u.test(json), point.toString(16)).toBe(true);
    }
  });
});
