/**
 * Guards the command on every engine that runs scripts: the packed `tracehound` verifies a folder, shows what is in it and
 * answers with the right code. Deno may read, and nothing else: verifying needs no network and no environment.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { ORIGIN, type Written, written } from '../lab/written';
import { modules, SCRIPT_ENGINES, script } from './engines';

const deno = script('deno', join(modules, 'deno'), 'bin.cjs', 'run', '--quiet', '--cached-only', '--allow-read');
const ENGINES = [...SCRIPT_ENGINES.filter(({ name }) => name !== 'deno'), deno];
const OBJECTS = { good: undefined, tampered: 'tile/entries/000', incomplete: 'tile/0/000' };

let log: Written;
beforeAll(async () => {
  log = await written({ count: 300 });
  for (const [name, object] of Object.entries(OBJECTS)) {
    for (const [key, bytes] of log.store.objects) {
      const path = join(inject('consumer'), name, key);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(
        path,
        name === 'tampered' && key.endsWith(`/${object}`) ? bytes.map((b, i) => (i === 200 ? b ^ 1 : b)) : bytes,
      );
    }
    if (name === 'incomplete') rmSync(join(inject('consumer'), name, ORIGIN, OBJECTS.incomplete));
    writeFileSync(join(inject('consumer'), `${name}.policy`), `log ${log.signer.vkey}\nquorum none\n`);
  }
});

describe.each(ENGINES.map((engine) => [engine.name, engine] as const))('%s', (_, engine) => {
  const run = (...args: string[]): Promise<string> => {
    const [word, folder, ...rest] = args as [string, string];
    const cli = join(inject('consumer'), 'node_modules', 'tracehound', 'dist', 'runtimes', 'node', 'cli.js');
    return engine.script(cli, word, join(inject('consumer'), folder), ...rest);
  };

  it('verifies a log', async () => {
    const policy = join(inject('consumer'), 'good.policy');
    expect(await run('verify', 'good', '--policy', policy)).toMatch(/^verdict +good$/m);
    await expect(run('verify', 'tampered')).rejects.toThrow(/failed with 1,[\s\S]*record 1 at .*byte 180/);
    await expect(run('verify', 'incomplete')).rejects.toThrow(/failed with 2,[\s\S]*TILE_MISSING/);
    await expect(run('verify', 'nowhere')).rejects.toThrow(/failed with 4,[\s\S]*no such file or folder/);
  });

  it('shows what is in it', async () => {
    expect(await run('inspect', 'good', '--kind', 'GENESIS')).toMatch(/ 0 {2}2023-11-14T22:13:21\.000Z {2}GENESIS/);
  });
});

describe('the installed package', () => {
  it('has the command in its place', () => {
    const bin = join(inject('consumer'), 'node_modules', '.bin', 'tracehound');
    expect(execFileSync(bin, ['--version'], { encoding: 'utf8' })).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
