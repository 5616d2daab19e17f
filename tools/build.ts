/**
 * Builds everything that is published, in three steps: the core and its loaders, the JavaScript, the declarations.
 *
 * Relies on: `tools/core.ts`, tsup, tsc. Refuses: to do a step again whose inputs and outputs are as the last build left
 * them — `npm test` and `npm start` build first, and nobody should wait for nothing. `--force` does every step.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const stampPath = join(root, 'build', '.stamp.json');

interface Step {
  readonly name: string;
  /** Files and folders, from the root. */
  readonly inputs: readonly string[];
  /** Installed tools whose version decides the output. */
  readonly tools: readonly string[];
  readonly outputs: () => string[];
  readonly run: () => Promise<void> | void;
}

/** What TypeScript is made of that is published. */
const SOURCES = ['src', 'runtimes', 'test/conformance', 'assembly/abi.ts'];

const steps: readonly Step[] = [
  {
    name: 'core',
    inputs: ['assembly', 'asconfig.json', 'tools/core.ts'],
    tools: ['assemblyscript'],
    outputs: () => files('build').filter((file) => /^build.(core|testing)\./.test(file)),
    run: async () => {
      await import('./core.ts');
    },
  },
  {
    name: 'javascript',
    inputs: [...SOURCES, 'package.json', 'tsconfig.json', 'tsup.config.ts'],
    tools: ['tsup', 'esbuild'],
    outputs: () => files('dist').filter((file) => file.endsWith('.js')),
    run: () => tool('tsup', 'dist/cli-default.js', '--silent'),
  },
  {
    name: 'declarations',
    inputs: [...SOURCES, 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'build/core.d.ts'],
    tools: ['typescript'],
    outputs: () => files('dist').filter((file) => file.endsWith('.d.ts')),
    run: () => {
      tool('typescript', 'bin/tsc', '-p', 'tsconfig.build.json');
      for (const file of files('dist')) if (file.endsWith('.d.ts')) nameExtensions(join(root, file));
    },
  },
];

/**
 * `from './types'` → `from './types.js'`. The sources leave extensions out because a bundler resolves them; a consumer
 * whose TypeScript resolves as Node does would find no types at all.
 */
function nameExtensions(path: string): void {
  const text = readFileSync(path, 'utf8');
  const named = text.replace(
    /(\bfrom |\bimport\(|^import )(['"])(\.{1,2}\/[^'"]*)\2/gm,
    (whole, head, quote, target) => {
      if (/\.[cm]?js$/.test(target)) return whole;
      const base = resolve(dirname(path), target);
      const suffix = existsSync(`${base}.d.ts`) ? '.js' : '/index.js';
      if (!existsSync(base + suffix.replace(/js$/, 'd.ts'))) {
        throw new Error(`declarations: ${relative(root, path)} imports ${target}, expected a file of this package`);
      }
      return `${head}${quote}${target}${suffix}${quote}`;
    },
  );
  if (named !== text) writeFileSync(path, named);
}

function tool(name: string, script: string, ...args: string[]): void {
  execFileSync(process.execPath, [join(packageFolder(name), script), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function packageFolder(name: string): string {
  return dirname(require.resolve(`${name}/package.json`));
}

/** Files below a path, from the root, sorted; none if there is nothing. */
function files(path: string): string[] {
  const from = join(root, path);
  if (!existsSync(from)) return [];
  if (statSync(from).isFile()) return [path];
  return readdirSync(from, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

function digest(paths: readonly string[], ...more: string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) {
    const bytes = readFileSync(join(root, path));
    hash.update(`${path}\0${bytes.length}\0`).update(bytes);
  }
  return hash.update(JSON.stringify(more)).digest('hex');
}

type Stamp = Record<string, { inputs: string; outputs: string }>;

function readStamp(): Stamp {
  try {
    return JSON.parse(readFileSync(stampPath, 'utf8')) as Stamp;
  } catch {
    return {}; // None yet, or a build was interrupted while writing it: build everything.
  }
}

async function build(force: boolean): Promise<void> {
  const stamp = force ? {} : readStamp();
  for (const step of steps) {
    const began = performance.now();
    const versions = step.tools.map((name) => readFileSync(join(packageFolder(name), 'package.json'), 'utf8'));
    const inputs = digest(step.inputs.flatMap(files), process.version, ...versions);
    const done = stamp[step.name];
    const outputs = step.outputs();
    const fresh = done?.inputs === inputs && outputs.length > 0 && done.outputs === digest(outputs);
    if (!fresh) {
      // A step that fails must not pass for done, and a file that is no longer made must not be published.
      delete stamp[step.name];
      save(stamp);
      for (const file of outputs) rmSync(join(root, file));
      await step.run();
      stamp[step.name] = { inputs, outputs: digest(step.outputs()) };
      save(stamp);
    }
    console.log(`build: ${step.name} ${fresh ? 'unchanged' : 'built'}, ${Math.round(performance.now() - began)} ms`);
  }
}

function save(stamp: Stamp): void {
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, `${JSON.stringify(stamp, null, 2)}\n`);
}

await build(process.argv.includes('--force'));
