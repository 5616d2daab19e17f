/** Guards the file store where it is used: on each engine with a disk the packed `tracehound/stores/fs` does the same. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import type { Report } from '../conformance/hold';
import { LOG_STORE_CASES } from '../conformance/store';
import { modules, SCRIPT_ENGINES, script } from './engines';
import { bundle } from './programs';

// Deno asks nobody here: a store needs a disk, and is given one.
const deno = script(
  'deno',
  join(modules, 'deno'),
  'bin.cjs',
  'run',
  '--quiet',
  '--cached-only',
  '--allow-read',
  '--allow-write',
);
const ENGINES = [...SCRIPT_ENGINES.filter(({ name }) => name !== 'deno'), deno];

describe.each(ENGINES.map((engine) => [engine.name, engine] as const))('%s', (name, engine) => {
  it('keeps a log in a folder', async () => {
    const disk = join(inject('consumer'), `disk ${name}`);
    const source = `import { fsStore } from 'tracehound/stores/fs';
import { storing } from ${JSON.stringify(join(import.meta.dirname, 'stores.ts'))};
const main = async () => JSON.stringify(await storing(fsStore(${JSON.stringify(disk)})));`;
    const folder = await bundle(inject('consumer'), `stores ${name}`.replace(/\W+/g, '-'), engine.target, source);
    expect(JSON.parse(await engine.run(folder))).toEqual([
      ...['created', 'exists', 'a', null],
      ...['swapped', 'conflict', 'swapped', 'conflict', 'swapped', '3'],
      ...['STORE_FAILED', 'RangeError'],
      '8',
    ]);
    expect(readFileSync(join(disk, 'log/checkpoint'), 'utf8')).toBe('3');
    expect(readFileSync(join(disk, 'counter'), 'utf8')).toBe('8');
    expect(readdirSync(join(disk, 'log/checkpoint~'))).toHaveLength(2);
    expect(readdirSync(join(disk, '~tmp'))).toEqual([]);
  });

  it('keeps what every store promises', async () => {
    const disk = join(inject('consumer'), `promises ${name}`);
    const source = `import { conformLogStore } from 'tracehound/conformance';
import { fsStore } from 'tracehound/stores/fs';
let made = 0;
const make = () => ({ store: fsStore(${JSON.stringify(disk)} + '/' + made++) });
const main = async () => JSON.stringify(await conformLogStore(make));`;
    const folder = await bundle(inject('consumer'), `promises ${name}`.replace(/\W+/g, '-'), engine.target, source);
    const reports = JSON.parse(await engine.run(folder)) as Report[];
    expect(reports.map(({ promise }) => promise)).toEqual(LOG_STORE_CASES.map(({ promise }) => promise));
    expect(reports.filter(({ error }) => error !== undefined)).toEqual([]);
  });
});
