/**
 * The log: what an auditor can recompute, what is carried over when a core stops, and what a snapshot keeps.
 */
import { openSnapshot } from '../../../src/instance/image';
import { wire } from '../../../src/tracehound';
import type { Tracehound } from '../../../src/types/index';
import { same, that, thrown } from '../assert';
import { type Case, evidenceOf, THREAT } from '../stage';
import { hex, sha256 } from '../world';

const part = 'audit';
const RECORD_BYTES = 176;
const PREV_AT = 48;
const GENESIS = 1;
const PANIC = 7;
const CLOSE = 11;

async function hash(...pieces: Uint8Array[]): Promise<Uint8Array> {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
}

/** RFC 9162 §2.1.1, by its recursive definition: the slow second opinion. */
async function rootOf(leaves: readonly Uint8Array[]): Promise<Uint8Array> {
  if (leaves.length === 0) return hash();
  if (leaves.length === 1) return leaves[0]!;
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  return hash(Uint8Array.of(1), await rootOf(leaves.slice(0, split)), await rootOf(leaves.slice(split)));
}

const kinds = (th: Tracehound): number[] => th.audit.export().records.map((record) => record[1]!);

export const audit: readonly Case[] = [
  {
    part,
    promise: 'writes a log whose links and Merkle root anybody can recompute from its records',
    run: async ({ instance }) => {
      const { th, world } = instance({ rateLimit: { limit: 10 }, audit: { origin: 'conformance' } });
      for (let i = 0; i < 60; i++) {
        world.now += 10;
        th.intercept({ source: `s${i % 3}`, threat: THREAT, payload: `p${i % 25}` });
      }
      await th.audit.flush();
      const { size, root, origin } = th.audit.head();
      const { records, from } = th.audit.export();
      same([from, origin, records.length], [0, 'conformance', size], 'export');
      that(size > 25, `expected more than 25 records, got ${size}`);
      const leaves: Uint8Array[] = [];
      let prev: Uint8Array = await hash(new TextEncoder().encode('tracehound/log/v1\nconformance'));
      for (const [seq, record] of records.entries()) {
        same(record.length, RECORD_BYTES, `length of record ${seq}`);
        same(record.slice(PREV_AT, PREV_AT + 32), prev, `link of record ${seq}`);
        prev = await hash(Uint8Array.of(0), record);
        leaves.push(prev);
      }
      same(hex(await rootOf(leaves)), root, 'root');
      same(th.audit.verify(), { ok: true, from: 0, to: size, gaps: 0 }, 'its own opinion');
    },
  },
  {
    part,
    promise: 'holds records until they are released, and counts those that fell out before',
    run: async ({ instance }) => {
      const { th } = instance({ rateLimit: false, audit: { maxRecords: 16 } });
      const flood = (count: number) => {
        for (let i = 0; i < count; i++)
          th.intercept({ source: 'x', threat: THREAT, payload: `p${th.audit.head().size}` });
      };
      flood(5);
      const { size } = th.audit.head();
      th.audit.release(size);
      same(th.audit.export().records.length, 0, 'records after a release');
      flood(40);
      const { gaps, ok } = th.audit.verify();
      that(ok && gaps > 0, `expected gaps in a sound log, got ${gaps} and ${ok}`);
    },
  },
  {
    part,
    promise: 'outlives a core that stops: the request is refused, the evidence stays, the log says so',
    run: async ({ instance }) => {
      const { th, world } = instance();
      const { signature } = evidenceOf(th.intercept({ source: 'x', threat: THREAT, payload: 'before' }));
      world.stop();
      const result = th.intercept({ source: 'x', threat: THREAT, payload: 'during' });
      that(result.status !== 'clean' && result.status !== 'error', `expected a refusal, got ${result.status}`);
      same(th.watcher.snapshot().core.panics, 1, 'panics');
      same(new TextDecoder().decode(th.quarantine.read(signature)), 'before', 'evidence');
      that(kinds(th).includes(PANIC), 'expected a PANIC record');
      that(th.audit.verify().ok, 'expected a sound log');
    },
  },
  {
    part,
    promise: 'continues from its snapshot: evidence is kept, the new log names the old',
    run: async ({ instance, runtime }) => {
      const { th, world } = instance();
      const { signature } = evidenceOf(th.intercept({ source: 'x', threat: THREAT, payload: 'a' }));
      const image = await th.snapshot({ unsealed: true });
      same(
        (await thrown(() => openSnapshot(image.slice(0, -1), { unsealed: true }), 'a cut image')).name,
        'TracehoundError',
        'name',
      );
      const restore = await openSnapshot(image, { secret: world.secret, unsealed: true });
      const heir = wire({ ...world.runtime, core: () => runtime.core() }, { secret: world.secret, restore });
      same(new TextDecoder().decode(heir.quarantine.read(signature)), 'a', 'evidence');
      that(heir.audit.head().origin !== th.audit.head().origin, 'expected a log of its own');
    },
  },
  {
    part,
    promise: 'ends its log, and answers nothing afterwards',
    run: async ({ instance }) => {
      const { th } = instance();
      th.intercept({ source: 'x', threat: THREAT, payload: 'a' });
      await th.close();
      same([kinds(th)[0], kinds(th).at(-1)], [GENESIS, CLOSE], 'first and last record');
      const after = th.intercept({ source: 'x' });
      that(after.status === 'error' && after.error.code === 'CLOSED', `expected CLOSED, got ${after.status}`);
    },
  },
  {
    part,
    promise: 'keeps raw evidence and its bare hash out of the log',
    run: async ({ instance }) => {
      const { th } = instance();
      const payload = 'a payload that nobody else has';
      th.intercept({ source: '192.0.2.77', threat: THREAT, payload });
      await th.audit.flush();
      const { records, details } = th.audit.export();
      const text = [...records, ...details].map((bytes) => hex(bytes ?? new Uint8Array())).join('\n');
      for (const secret of [
        hex(new TextEncoder().encode(payload)),
        await sha256(payload),
        hex(new TextEncoder().encode('192.0.2.77')),
      ]) {
        that(!text.includes(secret), 'expected the log to name neither payload nor hash nor source');
      }
    },
  },
];
