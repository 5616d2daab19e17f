/**
 * Guards `src/verify/heads.ts`, and what a verifier makes of signatures and of policies: `openCheckpoint`, `parsePolicy`, every type of key, tags.
 */
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ed25519Signer, generateSigner, macSigner, signNote } from '../../../src/signers/index';
import { Findings } from '../../../src/verify/findings';
import { KnownHeads, pinnedKeys } from '../../../src/verify/heads';
import { openCheckpoint, parsePolicy, verifyLog } from '../../../src/verify/index';
import { isQuorum } from '../../../src/verify/policy';
import { KIND, type LabKey, LabLog, LabSource, labKey, labWitness, noteOf } from '../../lab/logs';
import { sha256 } from '../../model/log';

const key = labKey('example.com/th/1');
const other = labKey('example.com/th/2');
const log = new LabLog().grow(20);
const text = `${log.origin}\n20\n${log.root().toString('base64')}\n`;

describe('a checkpoint', () => {
  it('opens for who has a key that signed it', async () => {
    expect(await openCheckpoint(noteOf(text, [other, key]), [key.vkey])).toEqual({
      origin: log.origin,
      size: 20,
      root: new Uint8Array(log.root()),
      signers: [key.name],
      text,
    });
  });

  it('does not open for who has none, or when one of several is forged', async () => {
    const unverified = { code: 'NOTE_UNVERIFIED' };
    await expect(openCheckpoint(noteOf(text, [key]), [other.vkey])).rejects.toMatchObject(unverified);
    await expect(openCheckpoint(noteOf(text, [key]), [])).rejects.toMatchObject(unverified);
    const forged = { ...other, line: () => other.line('something else\n') };
    const note = noteOf(text, [key, forged]);
    await expect(openCheckpoint(note, [key.vkey, other.vkey])).rejects.toMatchObject(unverified);
    expect((await openCheckpoint(note, [key.vkey])).size).toBe(20);
    await expect(openCheckpoint('x', [key.vkey])).rejects.toMatchObject({ code: 'NOTE_INVALID' });
    await expect(openCheckpoint(noteOf('a\nb\n', [key]), [key.vkey])).rejects.toMatchObject({ code: 'NOTE_INVALID' });
    await expect(openCheckpoint(noteOf(`${text}\nx\n`, [key]), [key.vkey])).rejects.toMatchObject({
      code: 'NOTE_INVALID',
    });
    expect((await openCheckpoint(noteOf(`${text}an extension\n`, [key]), [key.vkey])).size).toBe(20);
    await expect(openCheckpoint(noteOf(text, [key]), ['x'])).rejects.toMatchObject({ code: 'NOTE_INVALID' });
  });

  it('of a log that the policy names is not opened by the key of another log', async () => {
    const both = parsePolicy(`log ${key.vkey}\nlog ${other.vkey}\nquorum none\n`);
    expect((await openCheckpoint(noteOf(text, [key]), both)).signers).toEqual([key.name]);
    await expect(openCheckpoint(noteOf(text, [other]), both)).rejects.toMatchObject({ code: 'NOTE_UNVERIFIED' });
    const deployment = parsePolicy(`log ${other.vkey}\nquorum none\n`);
    expect((await openCheckpoint(noteOf(text, [other]), deployment)).signers).toEqual([other.name]);
  });

  it('opens once enough witnesses have seen it', async () => {
    const [w1, w2] = [labWitness('w1.example'), labWitness('w2.example')];
    const policy = parsePolicy(
      `log ${key.vkey}\nwitness a ${w1.vkey}\nwitness b ${w2.vkey}\ngroup g all a b\nquorum g\n`,
    );
    await expect(openCheckpoint(noteOf(text, [key, w1]), policy)).rejects.toMatchObject({ code: 'NOTE_UNVERIFIED' });
    const opened = await openCheckpoint(noteOf(text, [key, w1, w2]), policy);
    expect(opened.signers).toEqual([key.name, 'w1.example', 'w2.example']);
    await expect(openCheckpoint(noteOf(text, [w1, w2]), policy)).rejects.toMatchObject({ code: 'NOTE_UNVERIFIED' });
  });

  // C2SP tlog-cosignature gives this message; its key is not published, so ours signs it.
  it('is cosigned over the message that the specification gives', async () => {
    const body = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    const witness = labWitness('witness.example.com/w1', 1_679_315_147);
    const logKey = labKey('example.com/behind-the-sofa');
    const policy = parsePolicy(`log ${logKey.vkey}\nwitness w ${witness.vkey}\nquorum w\n`);
    expect((await openCheckpoint(noteOf(body, [logKey, witness]), policy)).size).toBe(20_852_163);
    const later = labWitness('witness.example.com/w1', 1_679_315_148);
    const moved = { ...witness, line: (t: string) => swapTime(witness.line(t), later.line(t)) };
    await expect(openCheckpoint(noteOf(body, [logKey, moved]), policy)).rejects.toMatchObject({
      code: 'NOTE_UNVERIFIED',
    });
  });
});

/** The signature of one line under the time of another. */
function swapTime(line: string, later: string): string {
  const [a, b] = [line, later].map((each) => Buffer.from(each.split(' ')[2]!, 'base64')) as [Buffer, Buffer];
  b.copy(a, 4, 4, 12);
  return `${line.split(' ').slice(0, 2).join(' ')} ${a.toString('base64')}\n`;
}

describe('a signature', () => {
  const seed = new Uint8Array(sha256('a seed'));

  it('of every kind that we make is good, over another text bad', async () => {
    const signers = [await generateSigner(log.origin), await ed25519Signer({ name: log.origin, seed })];
    for (const signer of signers) {
      const note = await signNote(text, [signer]);
      expect((await openCheckpoint(note, [signer.vkey])).size).toBe(20);
      await expect(openCheckpoint(note.replace('\n20\n', '\n21\n'), [signer.vkey])).rejects.toMatchObject({
        code: 'NOTE_UNVERIFIED',
      });
    }
  });

  it('by P-256 is read in its one spelling only', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const spki = pair.publicKey.export({ format: 'der', type: 'spki' });
    const id = sha256(spki).subarray(0, 4);
    const vkey = `ec.example+${id.toString('hex')}+${Buffer.concat([Buffer.of(2), spki]).toString('base64')}`;
    const noteWith = (der: Buffer): string => `${text}\n— ec.example ${Buffer.concat([id, der]).toString('base64')}\n`;
    const unverified = { code: 'NOTE_UNVERIFIED' };
    for (let i = 0; i < 40; i++) {
      const der = sign('sha256', Buffer.from(text), pair.privateKey);
      expect((await openCheckpoint(noteWith(der), [vkey])).size).toBe(20);
      const r = der.subarray(4, 4 + der[3]!);
      const rest = der.subarray(4 + der[3]!);
      const padded = Buffer.concat([Buffer.of(0x30, der[1]! + 1, 0x02, r.length + 1, 0), r, rest]);
      const long = Buffer.concat([Buffer.of(0x30, 0x81, der[1]!), der.subarray(2)]);
      const within = Buffer.concat([Buffer.of(0x30, der[1]! + 1), der.subarray(2), Buffer.of(0)]);
      const negative = Buffer.concat([Buffer.of(0x30, der[1]! - 1, 0x02, r.length - 1), r.subarray(1), rest]);
      if (r[0] === 0) await expect(openCheckpoint(noteWith(negative), [vkey])).rejects.toMatchObject(unverified);
      for (const wrong of [
        within,
        padded,
        long,
        der.subarray(0, -1),
        Buffer.concat([der, Buffer.of(0)]),
        Buffer.alloc(70),
      ]) {
        await expect(openCheckpoint(noteWith(wrong), [vkey])).rejects.toMatchObject(unverified);
      }
    }
  });
});

describe('tags', () => {
  const master = new Uint8Array(32).fill(7);
  const judge = async (notes: string[], macKey?: Uint8Array, origin = log.origin) => {
    const source = new LabSource(log, notes);
    source.origin = origin;
    return verifyLog(source, { ...(macKey === undefined ? {} : { macKey }) });
  };

  it('are checked by who holds the master, whatever their number; others cannot tell', async () => {
    const signer = macSigner({ master, origin: log.origin });
    const notes: string[] = [];
    for (let i = 0; i < 30; i++) notes.push(await signNote(text, [signer]));
    for (const few of [notes, notes.slice(-1), [notes[29]!, notes[3]!]]) {
      const report = await judge(few, master);
      expect([report.authenticity, report.exitCode]).toEqual(['good', 0]);
    }
    const blind = await judge(notes.slice(-1));
    expect([blind.authenticity, blind.exitCode]).toEqual(['unknown', 3]);
    expect((await openCheckpoint(notes[7]!, [], { macKey: master })).size).toBe(20);
  });

  it('of another text or number are bad; by another master nothing can be told', async () => {
    const signer = macSigner({ master, origin: log.origin });
    await signNote(text, [signer]);
    const note = await signNote(text, [signer]);
    const at = note.lastIndexOf(' ') + 1;
    for (const [byte, value] of [
      [7, 0],
      [4, 0xff],
      [20, 1],
    ] as const) {
      const bytes = Buffer.from(note.slice(at), 'base64');
      bytes[byte]! ^= value || 1;
      const report = await judge([`${note.slice(0, at)}${bytes.toString('base64')}\n`], master);
      expect([report.authenticity, report.exitCode]).toEqual(['bad', 1]);
    }
    expect((await judge([note], new Uint8Array(32))).authenticity).toBe('unknown');
  });

  it('of a log that followed on a panic are under the key of the heirs', async () => {
    const heirs = new Uint8Array(createHmac('sha256', master).update('tracehound/mac/heirs/v1').digest());
    const note = await signNote(text, [macSigner({ master: heirs, origin: log.origin })]);
    expect((await judge([note], master)).authenticity).toBe('good');
  });
});

describe('a policy', () => {
  const [w1, w2] = [labWitness('w1.example').vkey, labWitness('w2.example').vkey];

  it('is read as the specification shows it: any order, spaces, tabs, comments, URLs', () => {
    const policy = parsePolicy(
      `# whom we trust\n\n  log ${key.vkey} https://example.com/\n\twitness  X1\t${w1}  https://w1.example\n` +
        `witness ü ${w2}\ngroup X any X1 ü\n   # more\ngroup XY all X ü\nquorum XY`,
    );
    expect(policy.logs.map(({ name }) => name)).toEqual([key.name]);
    expect([...policy.groups]).toEqual([
      ['X', { threshold: 1, members: ['X1', 'ü'] }],
      ['XY', { threshold: 2, members: ['X', 'ü'] }],
    ]);
    const holds = (...seen: string[]): boolean => isQuorum(policy, new Set(seen));
    expect([holds(), holds('X1'), holds('ü'), holds('X1', 'ü'), holds('XY')]).toEqual([false, false, true, true, true]);
  });

  it('may ask for no witness, and know no log', () => {
    const policy = parsePolicy('quorum none\n');
    expect([policy.logs.length, isQuorum(policy, new Set())]).toEqual([0, true]);
  });

  const witnesses = `witness a ${w1}\nwitness b ${w2}\n`;
  it.each([
    ['', 'policy: no quorum'],
    ['log\nquorum none', 'policy line 1: log, expected a key and perhaps a URL'],
    [`log ${key.vkey} url more\nquorum none`, 'policy line 1: log'],
    ['log x\nquorum none', 'policy line 1: log key, expected a verifier key'],
    [`log ${w1}\nquorum none`, 'policy line 1: log key of type 4'],
    [`log ${key.vkey}\nlog ${key.vkey}\nquorum none`, 'policy line 2: a log key twice'],
    [`witness a ${key.vkey}\nquorum none`, 'policy line 1: witness key of type 1'],
    [`witness a ${w1}\nwitness b ${w1}\nquorum none`, 'policy line 2: a witness key twice'],
    [`witness a ${w1}\nwitness a ${w2}\nquorum none`, 'policy line 2: a name twice'],
    [`witness none ${w1}\nquorum none`, 'policy line 1: the name none'],
    [`${witnesses}group g 1\nquorum g`, 'policy line 3: group'],
    [`${witnesses}group g 0 a b\nquorum g`, 'policy line 3: threshold'],
    [`${witnesses}group g 3 a b\nquorum g`, 'policy line 3: threshold'],
    [`${witnesses}group g 1.5 a b\nquorum g`, 'policy line 3: threshold'],
    [`${witnesses}group g 01 a b\nquorum g`, 'policy line 3: threshold'],
    [`${witnesses}group g any a a\nquorum g`, 'policy line 3: a member twice'],
    [`${witnesses}group g any a c\nquorum g`, 'policy line 3: unknown member'],
    [`${witnesses}group g any g\nquorum g`, 'policy line 3: unknown member'],
    [`${witnesses}group g any none\nquorum g`, 'policy line 3: unknown member'],
    [`${witnesses}group a any b\nquorum a`, 'policy line 3: a name twice'],
    ['quorum x', 'policy line 1: unknown quorum'],
    ['quorum none\nquorum none', 'policy line 2: a second quorum'],
    ['quorum none none', 'policy line 1: quorum'],
    ['quorum', 'policy line 1: quorum'],
    ['quorum none\r\n', 'policy line 1: a control character'],
    ['origin x\nquorum none', 'policy line 1: unknown keyword'],
    [`quorum none${'\n'.repeat(1_025)}`, 'policy: too long'],
  ])('is refused, with the line: %j', (policy, message) => {
    expect(() => parsePolicy(policy)).toThrow(expect.objectContaining({ code: 'POLICY_INVALID' }));
    expect(() => parsePolicy(policy)).toThrow(message);
  });

  it('does not show what it was given in its messages', () => {
    for (const policy of ['secret x', `witness a ${w1}\nquorum secret`, 'log secret\nquorum none']) {
      try {
        parsePolicy(policy);
      } catch (error) {
        expect((error as Error).message).not.toContain('secret');
      }
    }
  });
});

it('a log’s name that would move the cursor is shown without that', async () => {
  const evil = 'example.com/\u001b[2J\u202e';
  const report = await verifyLog(
    new LabSource(log, [noteOf(text.replace(log.origin, `${evil}`.replace('\u001b', '')), [key])]),
  );
  expect(JSON.stringify(report.findings)).not.toMatch(/\u202e/);
  expect(report.findings.some(({ code }) => code === 'ORIGIN')).toBe(true);
});

it('a key record is not a place to put other things', async () => {
  const odd = new LabLog();
  odd.append({ kind: KIND.key, epoch: 1 }, '{"note":"x\\n","salt":"00"}');
  odd.epoch = 1;
  const report = await verifyLog(new LabSource(odd.grow(5), [odd.checkpoint([key])]));
  expect(report.findings.some(({ code }) => code === 'KEY_NOTE')).toBe(true);
  expect(report.exitCode).toBe(1);
});

/** A key of a kind that C2SP names and nobody here signs with. */
function p384Key(name: string): LabKey {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const material = Buffer.concat([Buffer.of(2), pair.publicKey.export({ format: 'der', type: 'spki' })]);
  const id = sha256(material.subarray(1)).subarray(0, 4);
  return {
    name,
    vkey: `${name}+${id.toString('hex')}+${material.toString('base64')}`,
    line: (of) => {
      const signature = sign('sha384', Buffer.from(of), pair.privateKey);
      return `— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
    },
  };
}

describe('heads', () => {
  it('are looked at by their size, whatever their order, the 64 newest of them', () => {
    const grown = new LabLog().grow(200);
    const notes = Array.from({ length: 100 }, (_, i) => grown.checkpoint([key], 1 + ((i * 37) % 100)));
    const heads = new KnownHeads(notes, [grown.checkpoint([key], 150)], new Findings());
    expect(heads.newest?.size).toBe(Math.max(...notes.slice(-64).map((note) => Number(note.split('\n')[1]))));
    const seen: number[] = [];
    while (heads.next < 1_000) {
      seen.push(heads.next);
      heads.reach(heads.next, undefined);
    }
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect([seen.length, seen.at(-1)]).toEqual([65, 150]);
  });

  it('say who signed them: whom you trust, whom nobody vouches for, a kind of key unknown here, nobody you know', async () => {
    const judge = async (signed: LabLog, signers: LabKey[], policy?: string) => {
      const options = policy === undefined ? {} : { policy: parsePolicy(`log ${policy}\nquorum none\n`) };
      const report = await verifyLog(new LabSource(signed, [signed.checkpoint(signers)]), options);
      const found = report.findings.filter(({ verdict }) => verdict === 'authenticity');
      return [report.authenticity, found.map(({ code }) => code)];
    };
    const own = new LabLog();
    own.key(key, [other]);
    own.grow(20);
    const foreign = p384Key(log.origin);
    expect(await judge(log, [key], key.vkey)).toEqual(['good', []]);
    expect(await judge(own, [key], other.vkey)).toEqual(['good', []]);
    expect(await judge(own, [key])).toEqual(['unknown', ['UNTRUSTED_KEY']]);
    expect(await judge(log, [foreign], foreign.vkey)).toEqual(['unknown', ['UNSUPPORTED']]);
    expect(await judge(log, [key])).toEqual(['unknown', ['NO_KEY']]);
    expect(await judge(log, [other], key.vkey)).toEqual(['bad', ['NOT_SIGNED']]);
    expect(await judge(own, [other])).toEqual(['bad', ['NOT_SIGNED']]);
  });

  it('are judged by the keys of the policy that may sign this log, and by those of a master', () => {
    const policy = parsePolicy(`log ${labKey('a.example/k').vkey}\nlog ${labKey('b.example/k').vkey}\nquorum none\n`);
    const names = pinnedKeys('a.example/l', { policy, macKeys: undefined }).map(({ name }) => name);
    expect(names).toEqual(['a.example/k']);
    expect(pinnedKeys('a.example/l', { policy: undefined, macKeys: undefined })).toEqual([]);
  });
});
