/**
 * Guards the evidence bundle: `src/log/bundle.ts`, `quarantine.export`, and who may have one. A bundle is checked here with
 * node:crypto and docs/format.md alone.
 */

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalise } from '../../../src/formats/jcs';
import { bundle as makeBundle } from '../../../src/log/bundle';
import { storedLog as keep } from '../../../src/log/index';
import type { Actor, Json, Tracehound, TracehoundOptions } from '../../../src/types/index';
import { lab, parsed } from '../../lab/lab';
import { LabStore } from '../../lab/store';
import { leafOf, storedLog } from '../../lab/stored-log';

const WHO: Actor = { actor: 'kim', purpose: 'court', case: 'C-7' };
const KIND = {
  GENESIS: 1,
  QUARANTINED: 2,
  NEUTRALIZED: 4,
  RESUME: 8,
  KEY: 10,
  ACCESSED: 13,
  DUPLICATE: 17,
  EXPORTED: 27,
  DENIED: 28,
};

const sha256 = (...parts: Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

interface Bundle {
  tracehound: string;
  item: Record<string, string | number | boolean | null>;
  records: { record: string; detail: string | null; proof: string }[];
  checkpoint: string;
}

/** Root that a tlog-proof leads to, by RFC 9162 §2.1.3.2. */
function rootOf(proof: string, leaf: Buffer): { index: number; root: string; checkpoint: string } {
  const [head, checkpoint] = [proof.slice(0, proof.indexOf('\n\n')), proof.slice(proof.indexOf('\n\n') + 2)];
  const [title, indexLine, ...hashes] = head.split('\n');
  expect(title).toBe('c2sp.org/tlog-proof@v1');
  const index = Number(indexLine!.replace('index ', ''));
  let [node, last] = [index, Number(checkpoint.split('\n')[1]) - 1];
  let hash = leaf;
  for (const sibling of hashes.map((text) => Buffer.from(text, 'base64'))) {
    if (node % 2 === 1 || node === last) {
      hash = sha256(Uint8Array.of(1), sibling, hash);
      while (node % 2 === 0 && node > 0) [node, last] = [node / 2, Math.floor(last / 2)];
    } else hash = sha256(Uint8Array.of(1), hash, sibling);
    [node, last] = [Math.floor(node / 2), Math.floor(last / 2)];
  }
  expect(last).toBe(0);
  return { index, root: hash.toString('base64'), checkpoint };
}

/** Everything a bundle must prove, checked; its records by kind. */
function proven(bytes: Uint8Array): { bundle: Bundle; kinds: number[]; details: (Record<string, unknown> | null)[] } {
  const bundle = JSON.parse(Buffer.from(bytes).toString()) as Bundle;
  expect(canonicalise(bundle as unknown as Json, 2 ** 24)).toEqual({ ok: true, bytes });
  expect(bundle.tracehound).toBe('bundle/v1');
  const { item } = bundle;
  const payload = Buffer.from(item.payload as string, 'base64');
  const salt = Buffer.from(item.salt as string, 'hex');
  expect(payload.length).toBe(item.size);
  expect(sha256(payload).toString('hex')).toBe(item.hash);
  let before = -1;
  const kinds: number[] = [];
  const details: (Record<string, unknown> | null)[] = [];
  for (const { record: text, detail, proof } of bundle.records) {
    const record = Buffer.from(text, 'base64');
    const { index, root, checkpoint } = rootOf(proof, leafOf(record));
    expect(checkpoint).toBe(bundle.checkpoint);
    expect(root).toBe(checkpoint.split('\n')[2]);
    expect(index).toBe(Number(record.readBigUInt64BE(8)));
    expect(index).toBeGreaterThan(before);
    before = index;
    kinds.push(record[1]!);
    const sidecar = detail === null ? null : Buffer.from(detail, 'base64');
    expect((record.readUInt16BE(4) & 1) === 1).toBe(sidecar !== null);
    if (sidecar) expect(sha256(sidecar).equals(record.subarray(112, 144))).toBe(true);
    details.push(sidecar && (JSON.parse(sidecar.toString()) as Record<string, unknown>));
    if (record[1] !== KIND.QUARANTINED) continue;
    const hash = Buffer.from(item.hash as string, 'hex');
    expect(sha256(Uint8Array.of(2), salt, hash).equals(record.subarray(80, 112))).toBe(true);
    const committed = sha256(Uint8Array.of(3), salt, Buffer.from(item.signature as string));
    if (sidecar === null) expect(committed.equals(record.subarray(112, 144))).toBe(true);
    expect(record.subarray(144).toString('hex')).toBe(item.sourceTag);
  }
  return { bundle, kinds, details };
}

const threat = { category: 'sqli', severity: 'high' } as const;
const noise = (th: Tracehound, count: number): void => {
  for (let i = 0; i < count; i++) th.intercept({ source: `n${i}`, payload: `noise ${i}`, threat });
};
const signatureOf = (result: ReturnType<Tracehound['intercept']>): string =>
  result.status === 'quarantined' ? result.evidence.signature : expect.unreachable(result.status);

describe.each([
  ['a store', true],
  ['memory', false],
])('a bundle from %s', (_, stored) => {
  const make = (options: TracehoundOptions = {}): { th: Tracehound; store: LabStore } => {
    const store = new LabStore();
    const audit = { origin: 'example.com/log', ...(stored ? { log: keep(store) } : {}), ...options.audit };
    return { th: lab().make({ rateLimit: false, ...options, audit }), store };
  };

  it('proves the item, how it came, who saw it and that it was exported', async () => {
    const { th } = make();
    noise(th, 300);
    const signature = signatureOf(
      th.intercept({ source: 'a', payload: "' OR 1=1", threat: { ...threat, detector: 'crs' } }),
    );
    noise(th, 300);
    for (let i = 0; i < 4; i++) th.intercept({ source: 'b', payload: "' OR 1=1", threat });
    th.quarantine.read(signature, WHO);
    const { bundle, kinds, details } = proven(await th.quarantine.export(signature, WHO));
    expect(kinds.filter((kind) => kind !== KIND.KEY)).toEqual([
      KIND.GENESIS,
      KIND.QUARANTINED,
      KIND.DUPLICATE,
      KIND.DUPLICATE,
      KIND.DUPLICATE,
      KIND.ACCESSED,
      KIND.EXPORTED,
    ]);
    expect(kinds.filter((kind) => kind === KIND.KEY)).toHaveLength(1);
    expect(details[kinds.indexOf(KIND.EXPORTED)]).toMatchObject(WHO);
    expect(details[kinds.indexOf(KIND.KEY)]).toHaveProperty('note');
    const handle = th.quarantine.get(signature)!;
    expect(bundle.item).toMatchObject({
      id: handle.id,
      category: 'sqli',
      signature,
      severity: 'high',
      detector: 'crs',
      size: 8,
      truncated: false,
      fingerprintHash: null,
    });
  });

  it('of an item that is signed by its fingerprint says which', async () => {
    const { th } = make();
    const signature = signatureOf(th.intercept({ source: 'a', payload: 'x', fingerprint: 'ja4', threat }));
    const { bundle } = proven(await th.quarantine.export(signature));
    expect(bundle.item).toMatchObject({ detector: null, fingerprintHash: sha256(Buffer.from('ja4')).toString('hex') });
  });

  it('carries what the detector said', async () => {
    const { th } = make();
    const signature = signatureOf(
      th.intercept({ source: 'a', payload: 'x', threat: { ...threat, rule: '942100', score: 12 } }),
    );
    const { kinds, details } = proven(await th.quarantine.export(signature));
    expect(details[kinds.indexOf(KIND.QUARANTINED)]).toMatchObject({ rule: '942100', score: 12, signature });
  });

  it('of an item that came through a panic has what its log knows of it', async () => {
    const store = new LabStore();
    const it = lab();
    const th = it.make({
      rateLimit: false,
      audit: { origin: 'example.com/log', ...(stored ? { log: keep(store) } : {}) },
    });
    const signature = signatureOf(th.intercept({ source: 'a', payload: 'x', threat }));
    it.last().stopAt = { name: 'intercept', code: 1 };
    noise(th, 3);
    const { kinds } = proven(await th.quarantine.export(signature));
    expect(kinds.filter((kind) => kind !== KIND.KEY)).toEqual([KIND.GENESIS, KIND.EXPORTED]);
  });

  it('is refused for what is not held', async () => {
    const { th } = make();
    await expect(th.quarantine.export(`sqli:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(th.quarantine.export('x', WHO)).rejects.toThrow('quarantine.export: not held');
  });
});

it('a bundle whose records are gone is refused, and says which', async () => {
  const store = new LabStore();
  const th = lab().make({ rateLimit: false, audit: { origin: 'example.com/log', log: keep(store) } });
  const signature = signatureOf(th.intercept({ source: 'a', payload: 'x', threat }));
  await th.audit.flush();
  const { fate } = store;
  store.fate = (act, key) => {
    if (act === 'get' && key.includes('/entries/')) store.objects.delete(key);
    return 'done';
  };
  await expect(th.quarantine.export(signature)).rejects.toMatchObject({
    code: 'RANGE_UNAVAILABLE',
    message: 'quarantine.export: expected record 0, got none any more',
  });
  store.fate = fate;
  const small = lab().make({ rateLimit: false, audit: { maxRecords: 16 } });
  const one = signatureOf(small.intercept({ source: 'a', payload: 'x', threat }));
  noise(small, 30);
  await expect(small.quarantine.export(one)).rejects.toMatchObject({ code: 'RANGE_UNAVAILABLE' });
});

describe('who may have evidence', () => {
  const kindsOf = (th: Tracehound): number[] => th.audit.export().records.map((record) => parsed(record).kind);

  it('is decided by who was asked: a refusal is a record, with who and what for', async () => {
    const asked: unknown[] = [];
    const store = new LabStore();
    const th = lab().make({
      rateLimit: false,
      audit: { origin: 'example.com/log', log: keep(store) },
      quarantine: {
        authorize: (act, evidence, who) => {
          asked.push([act, evidence.signature, who]);
          return who?.actor === 'kim';
        },
      },
    });
    const signature = signatureOf(th.intercept({ source: 'a', payload: 'x', threat }));
    expect(Buffer.from(th.quarantine.read(signature, WHO)).toString()).toBe('x');
    const mallory = { actor: 'mallory', purpose: 'curiosity' };
    expect(() => th.quarantine.read(signature, mallory)).toThrow(
      'quarantine.read: not authorised, expected leave, got none',
    );
    await expect(th.quarantine.export(signature, mallory)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(() => th.quarantine.read(signature)).toThrow('not authorised');
    expect(asked).toEqual([
      ['read', signature, WHO],
      ['read', signature, mallory],
      ['export', signature, mallory],
      ['read', signature, undefined],
    ]);
    await th.audit.flush();
    const denied = storedLog(store, 'example.com/log').records.filter(({ kind }) => kind === KIND.DENIED);
    expect(denied.map(({ detail }) => detail)).toMatchObject([
      { ...mallory, act: 'read' },
      { ...mallory, act: 'export' },
      { act: 'read' },
    ]);
    expect(denied.every(({ record }) => record!.readUInt32BE(44) === 1)).toBe(true);
  });

  it.each([
    [
      'throws',
      () => {
        throw new Error('no directory');
      },
    ],
    ['answers with something else', () => 'yes' as unknown as boolean],
    ['answers with a promise', () => Promise.resolve(true) as unknown as boolean],
  ])('is nobody when who was asked %s', (_, authorize) => {
    const th = lab().make({ rateLimit: false, quarantine: { authorize } });
    const signature = signatureOf(th.intercept({ source: 'a', payload: 'x', threat }));
    expect(() => th.quarantine.read(signature)).toThrow('not authorised');
    expect(kindsOf(th)).toEqual([KIND.GENESIS, KIND.QUARANTINED, KIND.DENIED]);
  });

  it('finds nothing when who was asked took it away', () => {
    const th: Tracehound = lab().make({
      rateLimit: false,
      quarantine: { authorize: (_, { signature }) => th.quarantine.neutralize(signature) },
    });
    const signature = signatureOf(th.intercept({ source: 'a', payload: 'x', threat }));
    expect(() => th.quarantine.read(signature)).toThrow('quarantine.read: not held');
    expect(kindsOf(th)).toEqual([KIND.GENESIS, KIND.QUARANTINED, KIND.NEUTRALIZED]);
  });
});

it('a bundle whose first record is gone is refused by name, and never made without it', async () => {
  const reader = { size: 9, hash: async () => new Uint8Array(32), record: async () => undefined };
  const handle = { id: '0'.repeat(36), seq: 3, signature: `x:${'0'.repeat(64)}`, hash: '0'.repeat(64) };
  const item = { handle: handle as never, payload: new Uint8Array(1), salt: new Uint8Array(16), salvaged: false };
  await expect(makeBundle(item, { reader, checkpoint: '', begins: 0, keys: [] })).rejects.toMatchObject({
    code: 'RANGE_UNAVAILABLE',
  });
});
