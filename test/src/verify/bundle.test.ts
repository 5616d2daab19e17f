/**
 * Guards `src/verify/bundle.ts`: one item of evidence from one file, which somebody may have made to deceive. Bundles are made by
 * docs/format.md alone (test/lab/bundles.ts).
 */
import { describe, expect, it } from 'vitest';
import { type BundleReport, verifyBundle } from '../../../src/verify/bundle';
import { parsePolicy, type VerifyOptions } from '../../../src/verify/index';
import { seeded } from '../../ground';
import { bundleCase, canonical, type Loose, PAYLOAD, partsOf } from '../../lab/bundles';
import { KIND, LabLog, labKey } from '../../lab/logs';
import { sha256 } from '../../model/log';

const deployment = labKey('example.com/keys/2026');
const own = labKey('example.com/th/1', 'own');
const policy = parsePolicy(`log ${deployment.vkey}\nquorum none\n`);
const SOUND = bundleCase(own, deployment);

const check = (parts: Loose, options: VerifyOptions = {}): Promise<BundleReport> =>
  verifyBundle(canonical(parts), { policy, ...options });
const codes = ({ findings }: BundleReport): string[] =>
  findings.filter(({ severity, code }) => severity !== 'note' && code !== 'BUNDLE').map(({ code }) => code);

describe('a sound bundle', () => {
  it('is good, and shows the evidence and what became of it', async () => {
    const report = await check(partsOf(SOUND));
    expect(report).toMatchObject({
      origin: 'example.com/th/1',
      size: 70,
      root: SOUND.log.root().toString('hex'),
      integrity: 'good',
      authenticity: 'good',
      completeness: 'good',
      freshness: 'unknown',
      exitCode: 0,
      item: { id: SOUND.item.id, category: 'sqli', severity: 'high', detector: 'crs', hash: SOUND.item.hash },
    });
    expect(Buffer.from(report.payload!)).toEqual(PAYLOAD);
    expect(report.events.map(({ seq, kind, isItem }) => [seq, kind, isItem])).toEqual([
      [0, 'GENESIS', false],
      [1, 'KEY', false],
      [40, 'QUARANTINED', true],
      [60, 'ACCESSED', true],
      [61, 'EXPORTED', true],
    ]);
  });

  it('may come in pieces of any length, and then nobody holds its payload', async () => {
    const bytes = Buffer.from(canonical(partsOf(SOUND)));
    const held = await verifyBundle(bytes, { policy });
    for (const size of [1, 2, 3, 5, 7, 64, 1_000, 65_536]) {
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
      };
      const { payload: _, ...rest } = held;
      expect(await verifyBundle(pieces(), { policy })).toEqual(rest);
    }
  });

  it('may be bytes', async () => {
    expect((await verifyBundle(Buffer.from(canonical(partsOf(SOUND))), { policy })).exitCode).toBe(0);
  });

  it.each([
    ['without a sidecar', { sidecar: false }, 1],
    ['with a fingerprint of its own', { fingerprint: true }, 0],
    ['of a payload that was cut short', { truncated: true }, 0],
  ])('is good %s', async (_, options, notes) => {
    const report = await check(partsOf(bundleCase(own, deployment, options)));
    expect([codes(report), report.exitCode]).toEqual([[], 0]);
    // Without a sidecar nobody committed to who the detector was, and that is said.
    expect(report.findings.filter(({ code }) => code === 'DETECTOR')).toHaveLength(notes);
  });

  it('may have brackets, quotes and slashes in its texts', async () => {
    const made = bundleCase(own, deployment, { sidecar: false });
    for (const detector of ['"[[[[{{{{', '\\"[[[[', '\\', ',:]}"\\"']) {
      const report = await check(partsOf({ ...made, item: { ...made.item, detector } }));
      expect([report.exitCode, report.item.detector]).toEqual([0, detector]);
    }
  });

  it('is not authentic for who does not say whom to trust', async () => {
    const report = await verifyBundle(canonical(partsOf(SOUND)));
    expect([report.authenticity, report.exitCode]).toEqual(['unknown', 3]);
  });

  it('is held against a head that somebody kept', async () => {
    expect((await check(partsOf(SOUND), { known: [SOUND.note] })).exitCode).toBe(0);
    const other = new LabLog().grow(70).checkpoint([own]);
    expect((await check(partsOf(SOUND), { known: [other] })).exitCode).toBe(1);
  });
});

describe('an item that was salvaged', () => {
  it('has its beginning in an earlier log: incomplete, not tampered, and nothing is shown as proved', async () => {
    const report = await check(partsOf(bundleCase(own, deployment, { salvaged: true })));
    expect([report.integrity, report.completeness, report.exitCode]).toEqual(['unknown', 'bad', 2]);
    expect(codes(report)).toEqual(['SALVAGED', 'ITEM_UNPROVED']);
    expect(report.payload).toBeUndefined();
  });
});

describe('a bundle that lies', () => {
  const lie = async (change: (parts: Loose) => void): Promise<BundleReport> => {
    const parts = partsOf(SOUND);
    change(parts);
    return check(parts);
  };
  const other = Buffer.from('GET /innocent');

  it.each<[string, (parts: Loose) => void]>([
    ['of the payload', ({ item }) => (item.payload = other.toString('base64'))],
    [
      'of the payload, with everything else made to fit',
      ({ item }) => {
        const hash = sha256(other).toString('hex');
        Object.assign(item, { payload: other.toString('base64'), hash, size: other.length, signature: `sqli:${hash}` });
      },
    ],
    ['of the severity', ({ item }) => (item.severity = 'low')],
    ['of the source', ({ item }) => (item.sourceTag = '00'.repeat(32))],
    ['of the salt', ({ item }) => (item.salt = '00'.repeat(16))],
    ['of the category', ({ item }) => Object.assign(item, { category: 'xss', signature: `xss:${item.hash}` })],
    ['of the detector', ({ item }) => (item.detector = 'another')],
    ['of the size', ({ item }) => (item.size = 3)],
    ['that it was cut short', ({ item }) => (item.truncated = true)],
    ['of a fingerprint', ({ item }) => (item.fingerprintHash = '00'.repeat(32))],
    ['of a record', ({ records }) => (records[2].record = records[3].record)],
    ['of a sidecar', ({ records }) => (records[2].detail = Buffer.from('{}').toString('base64'))],
    ['of a sidecar that is not there', ({ records }) => (records[0].detail = Buffer.from('x').toString('base64'))],
    ['of the order', ({ records }) => records.reverse()],
    ['of a record that comes twice', ({ records }) => records.push(records[4])],
    ['of a place', ({ records }) => (records[2].proof = records[2].proof.replace('index 40', 'index 41'))],
    ['of a path', ({ records }) => (records[2].proof = records[3].proof)],
    [
      'of the checkpoint in a proof',
      ({ records }) => {
        const note = bundleCase(own, deployment, { sidecar: false }).note;
        records[2].proof = records[2].proof.split('\n\n')[0] + '\n\n' + note;
      },
    ],
  ])('%s is tampered with, and shows no payload', async (_, change) => {
    const report = await lie(change);
    expect([report.integrity, report.exitCode]).toEqual(['bad', 1]);
    expect(report.payload).toBeUndefined();
  });

  it('of who signed is forged', async () => {
    const stranger = labKey('example.com/th/1', 'stranger');
    const report = await check(partsOf({ ...SOUND, note: SOUND.log.checkpoint([stranger]) }));
    expect([report.authenticity, report.exitCode]).toEqual(['bad', 1]);
    const alone = bundleCase(stranger, labKey('example.com/keys/other'));
    expect((await check(partsOf(alone))).exitCode).toBe(3);
  });

  it.each<[string, number[], string, number]>([
    ['GENESIS', [1, 40, 60, 61], 'NO_GENESIS', 2],
    ['QUARANTINED', [0, 1, 60, 61], 'NO_QUARANTINED', 2],
    ['KEY', [0, 40, 60, 61], 'NOT_SIGNED', 3],
    ['its own EXPORTED', [0, 1, 40, 60], 'NO_EXPORTED', 2],
  ])('by leaving %s out is not complete', async (_, seqs, code, exitCode) => {
    const report = await check(partsOf({ ...SOUND, seqs }));
    expect([codes(report), report.exitCode]).toEqual([expect.arrayContaining([code]), exitCode]);
  });

  it('of the half of its id that no record has is found out, in each of 32 ways by seed', async () => {
    const random = seeded(16);
    for (let i = 0; i < 32; i++) {
      const parts = partsOf(SOUND);
      const id = Buffer.from(parts.item.id.slice(-16), 'hex');
      id[random(8)]! ^= 1 << random(8);
      parts.item.id = parts.item.id.slice(0, -16) + id.toString('hex');
      const report = await check(parts);
      expect([codes(report), report.exitCode, report.payload]).toEqual([['ITEM'], 1, undefined]);
    }
    expect(codes(await lie(({ records }) => (records[4].detail = null)))).toEqual([
      'DETAIL_UNAVAILABLE',
      'ID_UNPROVED',
    ]);
  });

  it('by leaving a sidecar out is not complete', async () => {
    const report = await lie(({ records }) => (records[2].detail = null));
    expect([codes(report), report.exitCode]).toEqual([['DETAIL_UNAVAILABLE', 'ITEM_UNPROVED'], 2]);
  });

  it('of an end that comes twice is not complete', async () => {
    const { log, ...rest } = bundleCase(own, deployment);
    const id = log.records[40]!.subarray(24, 40);
    const seqs = [...rest.seqs, log.size, log.size + 1, log.size + 2];
    log.end(Buffer.from(id));
    log.end(Buffer.from(id), KIND.purged);
    log.append({ kind: KIND.exported, id: Buffer.from(id), count: 1 }, log.details[61]);
    expect(codes(await check(partsOf({ ...rest, seqs, log, note: log.checkpoint([own]) })))).toEqual(['LIFECYCLE']);
  });

  it('in any one byte is not good', async () => {
    const bytes = Buffer.from(canonical(partsOf(SOUND)));
    for (let at = 0; at < bytes.length; at++) {
      bytes[at]! ^= 1;
      const report = await verifyBundle(bytes, { policy }).catch((error) => error as { code: string });
      const good = 'exitCode' in report ? report.exitCode === 0 : !/^(?:LOG|NOTE)_INVALID$/.test(report.code);
      if (good) expect.fail(`byte ${at}: ${bytes.subarray(at - 20, at + 20)}`);
      bytes[at]! ^= 1;
    }
  });
});

describe('what is no bundle', () => {
  const refused = async (text: string | Uint8Array, message: string): Promise<void> => {
    const error = await verifyBundle(text, { policy }).then(
      () => undefined,
      (cause) => cause,
    );
    expect(error).toMatchObject({ code: 'LOG_INVALID', message: expect.stringContaining(message) });
  };
  const text = canonical(partsOf(SOUND));

  it('is refused with its part and what was expected there', async () => {
    await refused('', 'bundle: cut short, expected "checkpoint": next, in canonical JSON (RFC 8785)');
    for (const other of ['[]', '{}', `\ufeff${text}`, 'null', '{"checkpoint" :'])
      await refused(other, 'bundle: another text');
    await refused(`{"checkpoint":${'['.repeat(1_000_000)}`, 'bundle.checkpoint: another text');
    await refused(`${text}\n`, 'bundle: more behind its end');
    await refused(text.replace('"size":', '"size": '), 'bundle.item.size: wrong');
    await refused(
      text.replace('bundle/v1', 'bundle/v2'),
      'bundle: another text, expected "tracehound":"bundle/v1"} next',
    );
    const bytes = Buffer.from(text);
    bytes[bytes.indexOf('"high"') + 2] = 0xff;
    await refused(bytes, 'bundle.item.severity: no text');
    await refused(text.replace('"high"', '"h\\u0069gh"'), 'bundle.item.severity: a string spelt otherwise');
    await refused(text.replace('"high"', '"\ud800"'), 'bundle: half a character');
  });

  it('is refused with a key twice, whichever of the two a reader would take', async () => {
    await refused(text.replace('"severity":"high"', '"severity":"high","severity":"low"'), 'bundle.item: another text');
    await refused(text.replace('"severity":"high"', '"severity":"low","severity":"high"'), 'bundle.item: another text');
  });

  it('is refused with keys that nobody knows', async () => {
    for (const key of ['__proto__', 'constructor', 'note']) {
      const parts = partsOf(SOUND);
      Object.defineProperty(parts.item, key, { value: 1, enumerable: true });
      await refused(canonical(parts), 'bundle.item: another text');
    }
  });

  it('is refused wherever it is cut', async () => {
    for (let end = 0; end < text.length; end += 13) await refused(text.slice(0, end), 'cut short');
  });

  it.each<[string, (parts: Loose) => void, string]>([
    ['an id', ({ item }) => (item.id = 'x'), 'bundle.item.id'],
    ['a category', ({ item }) => (item.category = 'SQL i'), 'bundle.item.category'],
    ['a detector', ({ item }) => (item.detector = 'x'.repeat(257)), 'bundle.item.detector'],
    ['a size', ({ item }) => (item.size = -1), 'bundle.item.size'],
    ['a size with a fraction', ({ item }) => (item.size = 1.5), 'bundle.item: another text'],
    ['uppercase hex', ({ item }) => (item.hash = item.hash.toUpperCase()), 'bundle.item.hash'],
    ['base64 of another spelling', ({ item }) => (item.payload = 'QR=='), 'bundle.item.payload'],
    ['no list', (parts) => (parts.records = {}), 'bundle: another text, expected "records":[ next'],
    ['a record that is none', ({ records }) => (records[1] = 'x'), 'bundle.records[1]'],
    ['a proof that is none', ({ records }) => (records[1].proof = 'x\n'), 'bundle.records[1].proof'],
    ['too long a proof', ({ records }) => (records[1].proof = longProof), 'bundle.records[1].proof: too many hashes'],
  ])('is refused with %s', async (_, change, message) => {
    const parts = partsOf(SOUND);
    change(parts);
    await refused(canonical(parts), message);
  });

  it('is refused before it costs anything: too long, as a whole or in one value', async () => {
    await refused(`{"checkpoint":"${'x'.repeat(2 ** 28)}"`, 'bundle: too long');
    await refused(`{"checkpoint":"${'x'.repeat(300_000)}"`, 'bundle.checkpoint: too long, expected ≤ 262144 bytes');
    await refused(`{"checkpoint":"${'\\\\"['.repeat(3)}`, 'bundle.checkpoint: wrong');
    let pulled = 0;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        pulled++;
        yield new Uint8Array(65_536).fill(0x41);
      }
    };
    await expect(verifyBundle(endless())).rejects.toMatchObject({ code: 'LOG_INVALID' });
    expect(pulled).toBe(1);
  });

  it('is refused without a checkpoint', async () => {
    const parts = partsOf(SOUND);
    parts.checkpoint = 'x\n';
    await expect(check(parts)).rejects.toMatchObject({ code: 'NOTE_INVALID' });
  });
});

const longProof = ['c2sp.org/tlog-proof@v1', 'index 1', ...new Array(54).fill('A'.repeat(43) + '='), '', 'x\n'].join(
  '\n',
);
