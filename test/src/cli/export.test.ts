/**
 * Guards `src/cli/export.ts`: what leaves is what is signed, whole or not at all, and over nothing that is there.
 */
import { describe, expect, it } from 'vitest';
import { EXPORT_OPTIONS } from '../../../src/cli/export';
import { command, type Files, text } from '../../lab/port';
import { LabStore } from '../../lab/store';
import { ORIGIN, written } from '../../lab/written';

/** Keeps every head that was ever there. */
class HeadStore extends LabStore {
  readonly heads: Uint8Array[] = [];

  override swap(key: string, bytes: Uint8Array, expected: Uint8Array | undefined): Promise<'swapped' | 'conflict'> {
    if (key.endsWith('/checkpoint')) this.heads.push(bytes);
    return super.swap(key, bytes, expected);
  }
}

describe('tracehound export', () => {
  it('has the options that its help names', async () => {
    const { out } = await command(['--help']);
    for (const option of Object.keys(EXPORT_OPTIONS)) expect(option === '--output' || out.includes(option)).toBe(true);
  });

  it('leaves out what nobody signed: an older head put back is a shorter file (20 heads)', async () => {
    const store = new HeadStore();
    const log = await written({
      count: 5,
      store,
      act: async (th) => {
        for (let i = 0; i < 290; i++) {
          th.intercept({ source: `m${i}`, payload: `more ${i}`, threat: { category: 'sqli', severity: 'low' } });
          if (i % 13 === 0) await th.audit.flush();
        }
      },
    });
    const heads = store.heads.filter((head) => Number(Buffer.from(head).toString().split('\n')[1]) <= 256);
    expect(heads.length).toBeGreaterThanOrEqual(20);
    for (const checkpoint of heads) {
      const files: Files = new Map([...log.store.objects].map(([key, bytes]) => [`audit/${key}`, bytes]));
      files.set(`audit/${ORIGIN}/checkpoint`, checkpoint);
      const size = Number(Buffer.from(checkpoint).toString().split('\n')[1]);
      expect((await command(['export', 'audit', '-o', 'x'], { files })).code).toBe(0);
      const { logs } = JSON.parse(
        (await command(['verify', 'x', '--key', log.signer.vkey, '--json'], { files, time: log.now })).out,
      );
      expect([logs[0].size, logs[0].unsigned, logs[0].integrity]).toEqual([size, undefined, 'good']);
    }
  });

  it('says what it cannot export, and leaves nothing half done', async () => {
    const files: Files = new Map([
      ['f', text('hello')],
      ['there', text('mine')],
    ]);
    const none = await command(['export', 'f', '-o', 'x'], { files });
    expect([none.code, none.err, files.has('x')]).toEqual([3, 'tracehound: f: no log to export\n', false]);
    expect((await command(['export', 'f'], { files, terminal: true })).err).toMatch(
      /-o: expected a file, for a terminal/,
    );
    const log = await written({ count: 300 });
    const all: Files = new Map([...log.store.objects].map(([key, bytes]) => [`audit/${key}`, bytes]));
    for (const path of [...all.keys()]) if (/tile\/(?:entries|0)\/001/.test(path)) all.delete(path);
    const torn = await command(['export', 'audit', '-o', 'x'], { files: all });
    expect([torn.code, all.has('x')]).toEqual([2, false]);
    all.set('x', text('mine'));
    expect((await command(['export', 'audit', '-o', 'x'], { files: all })).code).toBe(4);
  });
});
