/**
 * Guards `src/verify/index.ts`, `verifyLog`: what it says of logs that were made by docs/format.md alone (test/lab/logs.ts), sound and not.
 */
import { describe, expect, it } from 'vitest';
import type { LogReport, VerifyOptions } from '../../../src/verify/index';
import { parsePolicy, verifyLog } from '../../../src/verify/index';
import { KIND, LabLog, LabSource, labKey, labWitness, noteOf, TIME, tilePath } from '../../lab/logs';
import { sha256, treeHead } from '../../model/log';

const deployment = labKey('example.com/keys/2026');
const own = labKey('example.com/th/1', 'first');
const second = labKey('example.com/th/1', 'second');
const stranger = labKey('example.com/th/1', 'stranger');
const foreign = labKey('example.com/th/2');
const policy = parsePolicy(`log ${deployment.vkey}\nquorum none\n`);
const now = TIME + 1_000;

/** A log in good order: a delegated key, everyday life, CLOSE. */
function sound(size = 600): { log: LabLog; note: string } {
  const log = new LabLog();
  log.key(own, [deployment]);
  log.grow(size - 1).close();
  return { log, note: log.checkpoint([own]) };
}

const codes = ({ findings }: LogReport): string[] =>
  findings.filter(({ severity }) => severity !== 'note').map(({ code }) => code);
const verdicts = (report: LogReport): string[] => [
  report.integrity,
  report.authenticity,
  report.completeness,
  report.freshness,
];
const check = (source: LabSource, options: VerifyOptions = {}): Promise<LogReport> =>
  verifyLog(source, { policy, now, ...options });

describe('a log in good order', () => {
  it('is good in every respect, and says what it is', async () => {
    const { log, note } = sound();
    const report = await check(new LabSource(log, [note], { tiles: true }), { requireClose: true });
    expect(report).toEqual({
      origin: log.origin,
      size: 600,
      root: treeHead(log.leaves).toString('hex'),
      integrity: 'good',
      authenticity: 'good',
      completeness: 'good',
      freshness: 'good',
      findings: [expect.objectContaining({ severity: 'note', code: 'HELD_AT_CLOSE' })],
      findingsTotal: 1,
      open: expect.any(Number),
      closed: true,
      records: 600,
      unavailable: 0,
      from: TIME,
      to: TIME + 599,
      exitCode: 0,
    });
  });

  it('may be read in batches of any size, without tiles, and its name taken from its checkpoint', async () => {
    const { log, note } = sound();
    for (const batch of [1, 7, 256, 10_000]) {
      const report = await check(new LabSource(log, [note], { batch, origin: false }));
      expect([report.exitCode, report.origin]).toEqual([0, log.origin]);
    }
  });

  it('has the model’s root at every size up to 300', async () => {
    const log = new LabLog().grow(300);
    for (let size = 1; size <= 300; size++) {
      const report = await verifyLog(new LabSource(log.cut(size)));
      expect(report.root).toBe(treeHead(log.leaves.slice(0, size)).toString('hex'));
      expect([report.size, report.integrity]).toEqual([size, 'good']);
    }
  });

  it('tells how far it has come', async () => {
    const { log, note } = sound();
    const told: [number, number][] = [];
    await check(new LabSource(log, [note]), { onProgress: (records, total) => told.push([records, total]) });
    expect(told).toEqual([
      [256, 600],
      [512, 600],
      [600, 600],
    ]);
  });

  it('has long sidecars hashed by the digest that is handed in, and believes it', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.quarantine(undefined, JSON.stringify({ x: 'y'.repeat(600) }));
    const source = new LabSource(log, [log.checkpoint([own])]);
    const lengths: number[] = [];
    const digest = (bytes: Uint8Array): Uint8Array => {
      lengths.push(bytes.length);
      return sha256(bytes);
    };
    expect((await check(source, { digest })).exitCode).toBe(0);
    expect(lengths).toContain(608);
    expect((await check(source, { digest: () => new Uint8Array(32) })).integrity).toBe('bad');
  });
});

describe('who signed', () => {
  const key = async (log: LabLog, signers = [own], options: VerifyOptions = {}): Promise<LogReport> =>
    check(new LabSource(log.grow(50), [log.checkpoint(signers)]), options);

  it('is good: a key of the policy itself, without a KEY record', async () => {
    expect(verdicts(await key(new LabLog(), [deployment]))[1]).toBe('good');
  });

  it('is good: an ephemeral key that the policy names', async () => {
    const log = new LabLog();
    log.key(own, []);
    const pinned = parsePolicy(`log ${own.vkey}\nquorum none\n`);
    expect((await key(log, [own], { policy: pinned })).authenticity).toBe('good');
  });

  it('is good: a key of the third epoch, each signed for by the one before', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(10).key(second, [own]);
    const third = labKey(log.origin, 'third');
    log.grow(20).key(third, [second]);
    expect((await key(log, [third])).authenticity).toBe('good');
  });

  it('is good: a key change under an old head, or as the last record signed by either', async () => {
    for (const signers of [[own], [second], [own, second]]) {
      const log = new LabLog();
      log.key(own, [deployment]);
      log.grow(10).key(second, [own]);
      const report = await check(new LabSource(log, [log.checkpoint([own], 10), log.checkpoint(signers)]));
      expect([report.authenticity, report.exitCode]).toEqual(['good', 0]);
    }
  });

  it('is good: also for who holds a master of tags besides', async () => {
    const { log, note } = sound();
    expect((await check(new LabSource(log, [note]), { macKey: new Uint8Array(32) })).authenticity).toBe('good');
  });

  it('is asked of every head, in whatever order they lie there', async () => {
    const { log, note } = sound();
    const old = log.checkpoint([own], 500);
    for (const notes of [
      [old, note],
      [note, old],
    ]) {
      const report = await check(new LabSource(log, notes), { requireClose: true });
      expect([report.exitCode, report.findings.map(({ code }) => code)]).toEqual([0, ['HELD_AT_CLOSE']]);
    }
    const forgedOld = await check(new LabSource(log, [log.checkpoint([stranger], 500), note]));
    expect([codes(forgedOld), forgedOld.exitCode]).toEqual([['NOT_SIGNED'], 1]);
  });

  it('is unknown without a policy, though nothing contradicts', async () => {
    const { log, note } = sound();
    const report = await verifyLog(new LabSource(log, [note]), { now });
    expect(verdicts(report)).toEqual(['good', 'unknown', 'good', 'good']);
    expect([codes(report), report.exitCode]).toEqual([['UNTRUSTED_KEY'], 3]);
  });

  it('is unknown when nobody whom the reader trusts vouches for the log’s key', async () => {
    const log = new LabLog();
    log.key(own, []);
    const report = await key(log);
    expect([report.authenticity, codes(report), report.exitCode]).toEqual(['unknown', ['UNTRUSTED_KEY'], 3]);
  });

  it('is unknown for a key that descends from one which nobody vouches for', async () => {
    const log = new LabLog();
    log.key(own, []);
    log.key(second, [own]);
    expect((await key(log, [second])).authenticity).toBe('unknown');
  });

  it('is unknown without any checkpoint', async () => {
    const report = await check(new LabSource(new LabLog().grow(9)));
    expect([codes(report), report.exitCode]).toEqual([['NO_CHECKPOINT'], 3]);
  });

  it('is bad: a head that the key in force did not sign', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(10).key(second, [own]);
    const old = await key(log, [own]);
    expect([old.authenticity, codes(old), old.exitCode]).toEqual(['bad', ['NOT_SIGNED'], 1]);
    expect(old.findings.at(-1)!.message).toContain('epoch 1');
    expect((await key(log, [stranger])).authenticity).toBe('bad');
  });

  it('is bad: the policy names a key for this very log, and it did not sign', async () => {
    const pinned = parsePolicy(`log ${own.vkey}\nlog ${deployment.vkey}\nquorum none\n`);
    const report = await key(new LabLog(), [deployment], { policy: pinned });
    expect([report.authenticity, codes(report)]).toEqual(['bad', ['NOT_SIGNED']]);
  });

  it('is bad: a signature of a known key over something else', async () => {
    const { log, note } = sound();
    const [text, lines] = [note.slice(0, note.indexOf('\n\n') + 1), noteOf('other\n', [own]).split('\n\n')[1]!];
    const report = await check(new LabSource(log, [`${text}\n${lines}`]));
    expect([report.authenticity, codes(report), report.exitCode]).toEqual(['bad', ['SIGNATURE'], 1]);
  });

  it.each([
    ['of another log', { origin: 'example.com/th/2' }],
    ['of another epoch', { epoch: 2 }],
    ['of another place in the log', { link: sha256('x') }],
    ['of a place after it', { size: 9 }],
    ['that the new key did not sign', { signers: [deployment] }],
    [
      'with a broken signature of the deployment',
      { signers: [own, { ...deployment, line: () => forged(deployment) }] },
    ],
  ])('is bad: a key note %s', async (_, change) => {
    const log = new LabLog();
    log.append({ kind: KIND.checkpoint });
    log.key(own, [deployment], change);
    const report = await key(log);
    expect([report.authenticity, report.exitCode]).toEqual(['bad', 1]);
  });

  it('is bad: a key of another name, or of another log, although the deployment vouches for it', async () => {
    for (const change of [{}, { origin: foreign.name }]) {
      const log = new LabLog();
      log.key(foreign, [deployment], change);
      const report = await key(log, [foreign]);
      expect([report.authenticity, codes(report)[0], report.exitCode]).toEqual(['bad', 'KEY_NOTE', 1]);
    }
  });

  it('is good: a key note that names a place of which nothing is left', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(600).key(second, [own], { size: 400, link: log.leaves[399]! });
    log.gap(256, 512);
    const source = new LabSource(log, [log.checkpoint([second])]);
    const hash = treeHead(log.leaves.slice(256, 512));
    source.entriesOf.splice(256, 256, { kind: 'subtree', level: 8, hash, place: 'x' });
    expect((await check(source)).authenticity).toBe('good');
  });

  it('is bad: a key note that names a place too far back', async () => {
    const log = new LabLog().grow(5_000);
    log.key(own, [deployment], { size: 5_000 - 4_096, link: log.leaves[5_000 - 4_097]! });
    expect((await check(new LabSource(log, [log.checkpoint([own])]))).authenticity).toBe('good');
    const far = new LabLog().grow(5_000);
    far.key(own, [deployment], { size: 5_000 - 4_097, link: far.leaves[5_000 - 4_098]! });
    expect((await check(new LabSource(far, [far.checkpoint([own])]))).authenticity).toBe('bad');
  });

  it('is bad: something else where the checkpoint should be', async () => {
    const { log, note } = sound();
    for (const text of ['', 'hello', note.replace('—', '-'), note.slice(0, -1), note.replace('600', '0600')]) {
      const report = await check(new LabSource(log, [text]));
      expect([report.authenticity, report.exitCode]).toEqual(['bad', 1]);
    }
  });

  it('is unknown until the witnesses of the policy have seen the head, and bad if one is forged', async () => {
    const [w1, w2, w3] = [labWitness('w1.example'), labWitness('w2.example'), labWitness('w3.example')];
    const witnessed = parsePolicy(
      `log ${deployment.vkey}\nwitness a ${w1.vkey}\nwitness b ${w2.vkey}\nwitness c ${w3.vkey}\n` +
        'group g 2 a b c\nquorum g\n',
    );
    const { log } = sound(60);
    const seenBy = (keys: (typeof own)[]): Promise<LogReport> =>
      check(new LabSource(log, [log.checkpoint([own, ...keys])]), { policy: witnessed });
    expect(codes(await seenBy([w1, w3]))).toEqual([]);
    const one = await seenBy([w2]);
    expect([one.authenticity, codes(one), one.exitCode]).toEqual(['unknown', ['QUORUM'], 3]);
    const late = { ...w2, line: (text: string) => w2.line(text.replace('\n60\n', '\n61\n')) };
    const lie = await seenBy([w1, late, w3]);
    expect([lie.authenticity, codes(lie), lie.exitCode]).toEqual(['bad', ['WITNESS'], 1]);
  });
});

const twice = (log: LabLog, id: Buffer): void => {
  log.end(id);
  log.end(id);
};

/** A GAP that is well made and stands elsewhere. */
const gapOf = (from: number, to: number): Buffer => {
  const log = new LabLog().grow(to);
  log.gap(from, to);
  return log.records.at(-1)!;
};

const forged = (key: typeof own): string => key.line('something else\n');

describe('what is missing', () => {
  it('is the end, when a checkpoint says more', async () => {
    const { log, note } = sound();
    const report = await check(new LabSource(log.cut(500), [note]));
    expect([codes(report), report.completeness, report.exitCode]).toEqual([['TRUNCATED'], 'bad', 2]);
    const held = await check(new LabSource(log.cut(500), [log.checkpoint([own], 500)]), { known: [note] });
    expect([codes(held), held.exitCode]).toEqual([['ROLLED_BACK'], 2]);
  });

  it('is the end with a key change in it: nobody can tell who should have signed, so nothing is called forged', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(20).key(second, [own]);
    const note = log.grow(50).checkpoint([second]);
    const report = await check(new LabSource(log.cut(15), [note]));
    expect([report.authenticity, codes(report), report.exitCode]).toEqual(['unknown', ['TRUNCATED', 'NOT_SIGNED'], 2]);
  });

  it('is everything, when a checkpoint says that there was something', async () => {
    const { log, note } = sound();
    expect((await check(new LabSource(log.cut(0), [note]))).exitCode).toBe(2);
  });

  it('cannot be told of an empty log: it is never good', async () => {
    const empty = new LabLog(undefined, false);
    expect((await check(new LabSource(empty))).exitCode).toBe(3);
    const signed = await check(new LabSource(empty, [empty.checkpoint([deployment])]));
    expect([signed.integrity, codes(signed), signed.exitCode]).toEqual(['unknown', ['EMPTY', 'NO_CLOCK'], 3]);
  });

  it('is content of which the hash is left: said with its count, and nothing is called tampered', async () => {
    const { log, note } = sound();
    const source = new LabSource(log, [note], { tiles: true });
    for (const seq of [3, 4, 300]) source.entriesOf[seq] = { kind: 'leaf', hash: log.leaves[seq]!, place: 'tile/0' };
    const report = await check(source);
    expect(verdicts(report).slice(0, 3)).toEqual(['good', 'good', 'bad']);
    expect([codes(report), report.unavailable, report.exitCode]).toEqual([['CONTENT_UNAVAILABLE'], 3, 2]);
  });

  it('is a run that a GAP names, or one that none does, with its key', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(1_100).gap(256, 512);
    const source = new LabSource(log, [log.checkpoint([own])], { tiles: true });
    const lose = (index: number): void => {
      const hash = treeHead(log.leaves.slice(index * 256, index * 256 + 256));
      const entry = { kind: 'subtree' as const, level: 8, hash, place: `tile/entries/00${index}` };
      const at = source.entriesOf.findIndex((each) => each.place === entry.place);
      source.entriesOf.splice(at, 256, entry);
      source.tiles!.delete(tilePath(0, index, 256));
    };
    lose(1);
    const named = await check(source);
    expect([codes(named), named.unavailable, named.exitCode]).toEqual([['CONTENT_UNAVAILABLE'], 256, 2]);
    expect([named.integrity, named.root]).toEqual(['good', treeHead(log.leaves).toString('hex')]);
    lose(2);
    const report = await check(source);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'MISSING', seq: 512, place: 'tile/entries/002', severity: 'bad' }),
    );
    expect(report.integrity).toBe('good');
  });

  it('does not hide what was done behind it: heads within a lost run are unknown, later ones are compared', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(600).gap(256, 512);
    const hash = treeHead(log.leaves.slice(256, 512));
    const heads = [log.checkpoint([own], 300), log.checkpoint([own])];
    const source = new LabSource(log, heads);
    source.entriesOf.splice(256, 256, { kind: 'subtree', level: 8, hash, place: 'x' });
    expect(codes(await check(source))).toEqual(['CONTENT_UNAVAILABLE', 'ROOT_UNKNOWN']);
    log.records.at(-2)![144]! ^= 1;
    expect(codes(await check(source))).toContain('ROOT');
  });

  it('does not excuse a key change that no KEY record tells of, once records are there again', async () => {
    const log = new LabLog().grow(20);
    log.rewrite(10, (record) => record.fill(1, 7, 8));
    const source = new LabSource(log, [log.checkpoint([deployment])]);
    source.entriesOf[5] = { kind: 'leaf', hash: log.leaves[5]!, place: 'tile/0' };
    const report = await check(source);
    expect(report.findings).toContainEqual(expect.objectContaining({ code: 'EPOCH', seq: 10 }));
    expect(report.exitCode).toBe(1);
  });

  it('is a beginning that was given up: its tile is not asked for hashes that nobody knows', async () => {
    const log = new LabLog().grow(300);
    const source = new LabSource(log, [log.checkpoint([deployment])], { tiles: true });
    source.entriesOf.splice(0, 8, { kind: 'subtree', level: 3, hash: treeHead(log.leaves.slice(0, 8)), place: 'x' });
    const report = await check(source);
    expect([report.integrity, codes(report)]).toEqual(['good', ['MISSING', 'CONTENT_UNAVAILABLE']]);
  });

  it('is a run of which not even a hash is left: no root can be computed behind it', async () => {
    const { log, note } = sound();
    const source = new LabSource(log, [log.checkpoint([own], 100), note]);
    source.entriesOf.splice(200, 50, { kind: 'missing', count: 50, place: 'tile/entries/000' });
    const report = await check(source);
    expect([report.size, report.root, report.exitCode]).toEqual([600, '', 2]);
    expect(codes(report)).toEqual(['MISSING', 'CONTENT_UNAVAILABLE', 'ROOT_UNKNOWN']);
  });

  it('is a sidecar', async () => {
    const log = new LabLog();
    log.quarantine(undefined, '{"a":1}');
    const source = new LabSource(log, [log.checkpoint([deployment])]);
    delete (source.entriesOf[1] as { detail?: Uint8Array }).detail;
    const report = await check(source);
    expect([report.integrity, codes(report), report.exitCode]).toEqual(['good', ['DETAIL_UNAVAILABLE'], 2]);
  });

  it('is a tile: said by its path', async () => {
    const { log, note } = sound();
    for (const path of ['tile/0/000', 'tile/0/002.p/88', 'tile/1/000.p/2']) {
      const source = new LabSource(log, [note], { tiles: true });
      source.tiles!.delete(path);
      const report = await check(source);
      expect(report.findings).toContainEqual(expect.objectContaining({ code: 'TILE_MISSING', place: path }));
      expect([report.integrity, report.exitCode]).toEqual(['good', 2]);
    }
  });

  it('is the key of an epoch that began where content is not available', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(50);
    const source = new LabSource(log, [log.checkpoint([own])]);
    source.entriesOf[1] = { kind: 'leaf', hash: log.leaves[1]!, place: 'tile/0' };
    const report = await check(source);
    expect([report.integrity, report.authenticity, report.exitCode]).toEqual(['good', 'unknown', 2]);
    expect(codes(report)).toEqual(['CONTENT_UNAVAILABLE', 'NOT_SIGNED']);
    expect(report.findings).toContainEqual(expect.objectContaining({ code: 'KEY_UNAVAILABLE', seq: 2 }));
  });

  it('is a key that nobody needs any more: a later one signed, for which the deployment vouches', async () => {
    const log = new LabLog();
    log.key(own, [deployment]);
    log.grow(20).key(second, [deployment]);
    const source = new LabSource(log.grow(50), [log.checkpoint([second])]);
    source.entriesOf[1] = { kind: 'leaf', hash: log.leaves[1]!, place: 'tile/0' };
    const vouched = await check(source);
    expect([vouched.authenticity, codes(vouched)]).toEqual(['good', ['CONTENT_UNAVAILABLE']]);
    const heir = new LabLog();
    heir.key(own, [deployment]);
    heir.grow(20).key(second, [own]);
    const orphan = new LabSource(heir.grow(50), [heir.checkpoint([second])]);
    expect((await check(orphan)).authenticity).toBe('good');
    orphan.entriesOf[1] = { kind: 'leaf', hash: heir.leaves[1]!, place: 'tile/0' };
    expect(codes(await check(orphan))).toEqual(['CONTENT_UNAVAILABLE', 'UNTRUSTED_KEY']);
  });
});

describe('how a log ends', () => {
  const report = (log: LabLog, options: VerifyOptions = {}, size = log.size): Promise<LogReport> =>
    check(new LabSource(log, [log.checkpoint([deployment], size)]), options);

  it('with CLOSE, after which it may be old', async () => {
    const closed = await report(new LabLog().grow(20).close(), { now: now + 1e9, requireClose: true });
    expect([closed.exitCode, closed.freshness, closed.completeness]).toEqual([0, 'bad', 'good']);
  });

  it('without CLOSE and old: uncleanly', async () => {
    const log = new LabLog().grow(20);
    expect((await report(log)).exitCode).toBe(0);
    const old = await report(log, { now: TIME + 180_100 });
    expect([codes(old), old.exitCode]).toEqual([['STALE', 'UNCLEAN_END'], 2]);
    expect((await report(log, { now: TIME + 180_100, maxAgeMs: 200_000 })).exitCode).toBe(0);
  });

  it('without CLOSE although it must, or with a CLOSE that nobody signed', async () => {
    const open = await report(new LabLog().grow(20), { requireClose: true });
    expect([codes(open), open.exitCode]).toEqual([['NOT_CLOSED'], 2]);
    const log = new LabLog().grow(20).close();
    const unsigned = await report(log, { requireClose: true }, 20);
    expect([codes(unsigned), unsigned.exitCode]).toEqual([['NOT_CLOSED'], 2]);
  });

  it('with GAP after CLOSE, but with nothing else unless somebody goes on', async () => {
    const gap = new LabLog().grow(20).close();
    gap.gap(3, 5);
    expect((await report(gap, { requireClose: true })).exitCode).toBe(0);
    const on = new LabLog().grow(20).close();
    on.append({ kind: KIND.resume });
    expect([(await report(on)).exitCode, (await report(on)).closed]).toEqual([0, false]);
    const more = new LabLog().grow(20).close();
    more.append({ kind: KIND.checkpoint });
    expect(codes(await report(more))).toEqual(['AFTER_CLOSE']);
  });

  it('with a tail that is not signed yet: worth a line', async () => {
    const log = new LabLog().grow(20);
    const tail = await check(new LabSource(log, [log.checkpoint([deployment], 15)]));
    expect(tail.findings).toEqual([expect.objectContaining({ code: 'UNSIGNED_TAIL', seq: 15, severity: 'note' })]);
    expect(tail.exitCode).toBe(0);
  });

  it('is not told without a clock, or by one of the future', async () => {
    const log = new LabLog().grow(20);
    const source = new LabSource(log, [log.checkpoint([deployment])]);
    const { now: _, ...rest } = { now };
    const timeless = await verifyLog(source, { policy, ...rest });
    expect([timeless.freshness, timeless.exitCode]).toEqual(['unknown', 0]);
    const early = await check(source, { now: TIME - 1e6 });
    expect([early.freshness, codes(early), early.exitCode]).toEqual(['unknown', ['FUTURE'], 0]);
  });
});

describe('the life of evidence', () => {
  const live = async (tell: (log: LabLog) => void): Promise<LogReport> => {
    const log = new LabLog();
    tell(log);
    return check(new LabSource(log, [log.checkpoint([deployment])]));
  };

  it('begins once and ends once; what is open is counted', async () => {
    const report = await live((log) => {
      const [a, b] = [log.quarantine(), log.quarantine()];
      log.append({ kind: KIND.duplicate, id: b, count: 2 });
      log.append({ kind: KIND.accessed, id: a });
      log.end(a);
      log.append({ kind: KIND.exported, id: a });
    });
    expect([codes(report), report.open]).toEqual([[], 1]);
  });

  it.each<[string, number, (log: LabLog) => void]>([
    ['ends twice', 3, (log) => twice(log, log.quarantine())],
    ['ends and was never taken in', 1, (log) => log.end(log.id())],
    ['is taken in twice', 2, (log) => log.quarantine(log.quarantine())],
    ['is taken in without an id', 1, (log) => log.quarantine(Buffer.alloc(16))],
    ['repeats and is not held', 1, (log) => log.append({ kind: KIND.duplicate, id: log.id(), count: 1 })],
  ])('is not told truly when it %s', async (_, seq, tell) => {
    const report = await live(tell);
    expect(report.findings).toEqual([expect.objectContaining({ code: 'LIFECYCLE', seq, verdict: 'completeness' })]);
    expect([report.integrity, report.exitCode]).toEqual(['good', 2]);
  });

  it('may have begun in an earlier log, or where content is not available', async () => {
    expect((await live((log) => log.end(log.id(), KIND.purged, 64))).exitCode).toBe(0);
    const log = new LabLog();
    const id = log.quarantine();
    log.end(id);
    const source = new LabSource(log, [log.checkpoint([deployment])]);
    source.entriesOf[1] = { kind: 'leaf', hash: log.leaves[1]!, place: 'tile/0' };
    expect(codes(await check(source))).toEqual(['CONTENT_UNAVAILABLE']);
  });
});

describe('a source', () => {
  it('that cannot be read on ends the walk and is named', async () => {
    const { log, note } = sound();
    for (const entry of [
      { kind: 'leaf' as const, hash: new Uint8Array(31), place: 'x' },
      { kind: 'subtree' as const, level: 8, hash: new Uint8Array(32), place: 'x' },
      { kind: 'subtree' as const, level: 53, hash: new Uint8Array(32), place: 'x' },
      { kind: 'subtree' as const, level: -1, hash: new Uint8Array(32), place: 'x' },
      { kind: 'missing' as const, count: 0, place: 'x' },
      { kind: 'missing' as const, count: 2 ** 53, place: 'x' },
    ]) {
      const source = new LabSource(log, [note]);
      source.entriesOf.splice(7, 0, entry);
      const report = await check(source);
      expect([report.size, report.integrity, report.exitCode]).toEqual([7, 'bad', 1]);
      expect(codes(report)).toContain('MALFORMED');
    }
  });

  it('whose reading fails is not a verdict', async () => {
    const source = new LabSource(sound().log);
    source.entries = async function* () {
      yield [];
      throw new Error('the disk is gone');
    };
    await expect(check(source)).rejects.toThrow('the disk is gone');
  });

  it('of another name than its checkpoint is not one log', async () => {
    const { log, note } = sound();
    const source = new LabSource(log, [note]);
    source.origin = 'example.com/th/2';
    expect((await check(source)).integrity).toBe('bad');
  });

  it('may be judged against a checkpoint of another log: nothing can be told', async () => {
    const { log, note } = sound();
    const other = new LabLog('example.com/th/2');
    const report = await check(new LabSource(log, [note]), { known: [other.checkpoint([stranger])] });
    expect([codes(report), report.exitCode]).toEqual([['KNOWN_ORIGIN'], 3]);
    await expect(check(new LabSource(log, [note]), { known: ['no note'] })).rejects.toMatchObject({
      code: 'NOTE_INVALID',
    });
  });

  it('with ten thousand faults has a hundred findings, and their number', async () => {
    const log = new LabLog().grow(10_000);
    for (const record of log.records) record[5] = 0x80;
    const report = await check(new LabSource(log));
    expect(report.findings).toHaveLength(100);
    expect(report.findingsTotal).toBeGreaterThan(19_000);
  });
});

describe('a record by itself', () => {
  const set =
    (at: number, ...bytes: number[]) =>
    (record: Buffer): void =>
      record.set(bytes, at);

  it.each<[string, (record: Buffer) => void]>([
    ['an unknown version', set(0, 2)],
    ['kind 0', set(1, 0)],
    ['an unknown kind', set(1, 35)],
    ['an unknown severity', set(2, 4)],
    ['a reason that its kind does not have', set(3, 1)],
    ['an unknown flag', set(5, 0x80)],
    ['a flag in the upper byte', set(4, 1)],
    ['an unknown disposition', set(6, 4)],
    ['another epoch', set(7, 1)],
    ['another number', set(15, 99)],
    ['a source although there are several', set(5, 16)],
  ])('is refused with %s, even if the chain was made to fit', async (_, change) => {
    const log = new LabLog().grow(20);
    log.rewrite(8, change);
    const report = await check(new LabSource(log, [log.checkpoint([deployment])]));
    expect([report.integrity, report.exitCode]).toEqual(['bad', 1]);
    expect(report.findings[0]).toMatchObject({ seq: 8, place: 'tile/entries/000' });
  });

  it.each<[string, number, (record: Buffer) => void]>([
    ['GAP of another count', 12, set(44, 0, 0, 0, 9)],
    ['GAP of nothing', 12, set(80, 0, 0, 0, 0, 0, 0, 0, 5)],
    [
      'GAP of what comes after it',
      12,
      (record) =>
        record.set(
          [...gapOf(19, 40).subarray(44, 48), ...record.subarray(48, 80), ...gapOf(19, 40).subarray(80, 112)],
          44,
        ),
    ],
    ['GAP with more behind it', 12, set(111, 1)],
    ['HEARTBEAT with more behind its totals', 9, set(111, 1)],
    ['RESUME with more behind its size', 8, set(39, 1)],
  ])('is refused: a %s', async (_, kind, change) => {
    const log = new LabLog().grow(20);
    if (kind === 12) log.gap(3, 5);
    else log.append({ kind });
    expect((await check(new LabSource(log))).integrity).toBe('good');
    log.rewrite(20, change);
    const report = await check(new LabSource(log));
    expect(report.findings[0]).toMatchObject({ code: 'RECORD', seq: 20 });
  });

  it('is refused: GENESIS anywhere else, anything else in its place, a first record of another log', async () => {
    const log = new LabLog().grow(20);
    log.append({ kind: KIND.genesis });
    expect(codes(await check(new LabSource(log)))).toContain('GENESIS');
    const other = new LabLog(undefined, false);
    other.append({ kind: KIND.checkpoint });
    expect(codes(await check(new LabSource(other)))).toContain('GENESIS');
    const foreign = new LabSource(new LabLog('example.com/th/2').grow(5));
    foreign.origin = 'example.com/th/1';
    expect((await check(foreign)).findings[0]).toMatchObject({ code: 'LINK', seq: 0 });
  });

  it('is refused: of another length', async () => {
    const log = new LabLog().grow(20);
    const source = new LabSource(log, [log.checkpoint([deployment])]);
    source.entriesOf[5] = { kind: 'record', record: log.records[5]!.subarray(1), place: 'here', at: 12 };
    const report = await check(source);
    expect(report.findings[0]).toMatchObject({ code: 'RECORD', seq: 5, place: 'here, byte 12' });
    expect(report.exitCode).toBe(1);
  });
});
