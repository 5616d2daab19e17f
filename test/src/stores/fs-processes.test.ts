/**
 * Guards the file store between real processes: they count together without losing one, one of them creates each object,
 * and one that kills itself with SIGKILL before any step leaves the old bytes or the new and holds nobody up.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fsStore } from '../../../runtimes/node/fs-store';
import { acts, KEY, NEW, OLD } from '../../lab/store-acts';

const top = mkdtempSync(join(tmpdir(), 'tracehound-processes-'));
const program = join(top, 'child.mjs');
const exec = promisify(execFile);

beforeAll(async () => {
  await build({
    entryPoints: [join(import.meta.dirname, '..', '..', 'lab', 'store-child.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
});
afterAll(() => rmSync(top, { recursive: true, force: true }));

const child = async (...args: string[]): Promise<unknown> =>
  JSON.parse((await exec(process.execPath, [program, ...args], { timeout: 50_000 })).stdout);

describe('processes with one folder', () => {
  it('count to 300 together', async () => {
    const root = join(top, 'count');
    const told = (await Promise.all(['a', 'b', 'c'].map(() => child(root, 'count', '100')))) as { conflicts: number }[];
    expect(new TextDecoder().decode(await fsStore(root).get('counter'))).toBe('300');
    expect(readFileSync(join(root, 'counter'), 'utf8')).toBe('300');
    // Else they did not meet, and nothing was shown.
    expect(told.reduce((sum, { conflicts }) => sum + conflicts, 0)).toBeGreaterThan(0);
  });

  it('create 200 objects, each of them once and whole', async () => {
    const root = join(top, 'create');
    const told = (await Promise.all(['a', 'b', 'c'].map(() => child(root, 'create', '200')))) as {
      pid: number;
      created: number[];
    }[];
    const all = told.flatMap(({ created }) => created).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 200 }, (_, i) => i));
    for (const { pid, created } of told) {
      for (const i of created) {
        expect(readFileSync(join(root, 'tile/0', String(i)), 'utf8')).toBe(`${pid} `.repeat(500));
      }
    }
    expect(readdirSync(join(root, '~tmp'))).toEqual([]);
  });

  it.each(Object.entries(acts))('%s: dies before any step, and the next one goes on', async (name, act) => {
    const prepared = async (step: number): Promise<string> => {
      const root = join(top, name, String(step));
      await act.prepare(fsStore(root));
      return root;
    };
    const { steps } = (await child(await prepared(-1), 'die', '-1', name)) as { steps: number };
    expect(steps).toBeGreaterThan(10);
    for (let step = 0; step < steps; step++) {
      const root = await prepared(step);
      const death = await child(root, 'die', String(step), name).catch((error: unknown) => error);
      expect(death).toMatchObject({ signal: 'SIGKILL' });
      const store = fsStore(root);
      const found = await store.get(KEY);
      expect([act.before, NEW]).toContainEqual(found);
      expect(await store.swap(KEY, OLD, found), `step ${step}`).toBe('swapped');
      expect(new Uint8Array(readFileSync(join(root, KEY)))).toEqual(OLD);
    }
  });
});
