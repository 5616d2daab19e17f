/**
 * Packs the built package once and installs it, offline and without scripts, into an empty project: what the wide tests
 * run is what a user would get.
 *
 * Relies on: `npm run build` before. Refuses: to test the sources.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The packed package, a `.tgz`. */
    tarball: string;
    /** A project that has installed it and nothing else. */
    consumer: string;
  }
}

const root = join(import.meta.dirname, '..', '..');

function npm(cwd: string, ...args: string[]): string {
  return execFileSync('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export default function setup(project: TestProject): () => void {
  if (!existsSync(join(root, 'dist', 'runtimes', 'node', 'index.js'))) {
    throw new Error('wide tests: no build, expected dist, run `npm run build` first');
  }
  const folder = mkdtempSync(join(tmpdir(), 'tracehound-wide-'));
  const consumer = join(folder, 'consumer');
  const packed: unknown = JSON.parse(npm(root, 'pack', '--json', '--pack-destination', folder));
  // Whether npm reports a list or an object by name, the one package is its first value.
  const [report] = Object.values(packed as Record<string, { filename: string }>);
  const tarball = join(folder, report!.filename);
  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  npm(consumer, 'install', '--offline', tarball);
  project.provide('tarball', tarball);
  project.provide('consumer', consumer);
  return () => rmSync(folder, { recursive: true, force: true });
}
