/**
 * The package as it would be published, unpacked, and a project of a stranger's in which it is installed.
 *
 * Relies on: npm, offline; a build. Refuses: the network.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root: string = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Whether there is something to pack. */
export const built: boolean = existsSync(join(root, 'dist', 'runtimes', 'node', 'index.js'));
if (!built) console.log('package: skipped, run `npm run build` first');

export interface Packed {
  /** Paths in the tarball. */
  readonly files: readonly string[];
  /** A project with nothing but the package. */
  readonly consumer: string;
  /** The package in that project. */
  readonly installed: string;
  /** Runs a module there; what it prints. */
  node(script: string): string;
  remove(): void;
}

const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', [...args, '--ignore-scripts', '--no-audit', '--no-fund', '--no-update-notifier'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Packs and installs. `$TRACEHOUND_NODE` is the consumer's Node; default: the one that runs the tests. */
export function packed(): Packed {
  const folder = mkdtempSync(join(tmpdir(), 'tracehound-pack-'));
  const consumer = join(folder, 'consumer');
  const said: unknown = JSON.parse(npm(root, 'pack', '--json', '--pack-destination', folder));
  // Whether npm reports a list or an object by name, the one package is its first value.
  const [report] = Object.values(said as Record<string, { filename: string; files: { path: string }[] }>);
  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), '{ "name": "consumer", "private": true, "type": "module" }');
  npm(consumer, 'install', '--offline', join(folder, report!.filename));
  return {
    files: report!.files.map((file) => file.path),
    consumer,
    installed: join(consumer, 'node_modules', 'tracehound'),
    node: (script) => {
      writeFileSync(join(consumer, 'main.mjs'), script);
      const node = process.env.TRACEHOUND_NODE ?? process.execPath;
      return execFileSync(node, ['main.mjs'], { cwd: consumer, encoding: 'utf8' }).trim();
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
