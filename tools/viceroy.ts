/**
 * Viceroy, Fastly's own local server: where it is, and, run as `node tools/viceroy.ts`, its build: with cargo, once, into a
 * cache outside the checkout, because it takes ten minutes.
 *
 * Relies on: cargo, with Rust 1.95 or newer; or on `VICEROY`, which names a binary. Refuses: another version than the one
 * named here, unless `VICEROY` asks for it; and to be missing in silence.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

const VERSION = '0.22.0';
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tracehound', `viceroy-${VERSION}`);

/** Where a command is: on the path, or where cargo puts what it installs. */
function found(command: string, accept: (path: string) => boolean = existsSync): string | undefined {
  const cargoBin = join(process.env.CARGO_HOME || join(homedir(), '.cargo'), 'bin');
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ''), cargoBin];
  return folders.map((folder) => join(folder, command)).find(accept);
}

function versionOf(path: string): string {
  return execFileSync(path, ['--version'], { encoding: 'utf8' }).trim().replace('viceroy ', '');
}

export interface Viceroy {
  /** Absent when there is none. */
  readonly path?: string;
  readonly version: string;
  /** Why there is none, when none can be built here. Absent with `path`: it should be there. */
  readonly missing?: string;
}

export function findViceroy(): Viceroy {
  const named = process.env.VICEROY;
  if (named) return { path: named, version: versionOf(named) };
  const built = join(cache, 'bin', 'viceroy');
  const path = existsSync(built) ? built : found('viceroy', (path) => existsSync(path) && versionOf(path) === VERSION);
  if (path !== undefined) return { path, version: VERSION };
  if (found('cargo') !== undefined) return { version: VERSION };
  return { version: VERSION, missing: 'no cargo to build it with; install Rust, or let VICEROY name a binary' };
}

function build(cargo: string): void {
  const began = performance.now();
  const target = join(cache, 'target');
  console.log(`viceroy: compiling ${VERSION} into ${cache}, once; on two cores that takes ten minutes`);
  // cargo names each crate as it comes to it. What an interrupted build leaves in `target`, the next goes on with.
  const options = ['--locked', '--root', cache, '--target-dir', target];
  execFileSync(cargo, ['install', ...options, `viceroy@${VERSION}`], { stdio: 'inherit' });
  rmSync(target, { recursive: true, force: true });
  console.log(`viceroy: ${VERSION} compiled, ${Math.round((performance.now() - began) / 1_000)} s`);
}

if (import.meta.main) {
  const { path, version, missing } = findViceroy();
  if (path !== undefined) console.log(`viceroy: ${version} as it was`);
  else if (missing !== undefined) console.error(`viceroy: MISSING, nothing will be run in it: ${missing}`);
  else {
    try {
      build(found('cargo')!);
    } catch (error) {
      // The other tests have their say all the same; those that need Viceroy fail.
      console.error(`viceroy: MISSING, its build failed: ${(error as Error).message}`);
    }
  }
}
