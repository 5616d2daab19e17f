/**
 * Guards `src/verify/bundle-format.ts`: a bundle is taken apart as it streams by, and its payload is never held.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BundleReader, type RecordFile } from '../../../src/verify/bundle-format';
import { bundleCase, canonical, PAYLOAD, partsOf } from '../../lab/bundles';
import { labKey } from '../../lab/logs';

const made = bundleCase(labKey('example.com/th/1', 'own'), labKey('example.com/keys/2026'));
const parts = partsOf(made);

describe('a bundle', () => {
  it('has a checkpoint, an item and records, in this order, in every split', async () => {
    const bytes = Buffer.from(canonical(parts));
    for (const size of [1, 7, 64, 1_000, 100_000]) {
      const reader = new BundleReader(
        (async function* () {
          for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
        })(),
      );
      expect(await reader.checkpoint()).toBe(made.note);
      const payload: Uint8Array[] = [];
      const item = await reader.item((piece) => void payload.push(piece.slice()));
      expect(Buffer.concat(payload)).toEqual(PAYLOAD);
      expect(item).toMatchObject({
        id: made.item.id,
        severity: 'high',
        size: PAYLOAD.length,
        payloadBytes: PAYLOAD.length,
      });
      expect(Buffer.from(item.payloadHash).toString('hex')).toBe(made.item.hash);
      const records: RecordFile[] = [];
      for await (const record of reader.records()) records.push(record);
      expect(records.map(({ proof }) => proof.index)).toEqual(made.seqs);
      expect(records.map(({ record }) => Buffer.from(record))).toEqual(made.seqs.map((seq) => made.log.records[seq]));
    }
  });

  it('of 64 MB passes by in pieces of a chunk, at a cost that is linear', async () => {
    const [head, tail] = canonical({ ...parts, item: { ...parts.item, payload: '#here#' } }).split('#here#') as [
      string,
      string,
    ];
    const chunk = Buffer.alloc(65_536, 'QUJD');
    const [chunks, piece] = [1_000, Buffer.from(chunk.toString(), 'base64')];
    const reader = new BundleReader(
      (async function* () {
        yield Buffer.from(head);
        for (let i = 0; i < chunks; i++) yield chunk;
        yield Buffer.from(tail);
      })(),
    );
    await reader.checkpoint();
    let longest = 0;
    const item = await reader.item((bytes) => {
      longest = Math.max(longest, bytes.length);
    });
    expect([item.payloadBytes, longest <= piece.length]).toEqual([chunks * piece.length, true]);
    const hash = createHash('sha256');
    for (let i = 0; i < chunks; i++) hash.update(piece);
    expect(Buffer.from(item.payloadHash).toString('hex')).toBe(hash.digest('hex'));
    await reader.stop();
  });

  it('may be a text whose characters are cut nowhere', async () => {
    const detector = `${'x'.repeat(200)}\u{1f600}`;
    const text = canonical({ ...parts, item: { ...parts.item, detector } });
    for (let shift = 0; shift < 4; shift++) {
      const reader = new BundleReader(text);
      await reader.checkpoint();
      expect((await reader.item()).detector).toBe(detector);
    }
  });
});
