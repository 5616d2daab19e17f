/**
 * Builds everything that is published: the core and its loaders, the JavaScript, the declarations. `npm test` asks for the
 * `testing` build of the core too: `node tools/build.ts testing`.
 *
 * Relies on: `tools/core.ts`, tsup, tsc. Refuses: to do a step again whose inputs and outputs are as the last build left
 * them — `npm test` and `npm start` build first, and nobody should wait for nothing. `--force` does every step.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileCore, compileTesting, run, toJavaScript, writeLoaders, writeTypes } from './core.ts';
import { nameFiles } from './specifiers.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const stampPath = join(root, 'build', '.stamp.json');

interface Step {
  /** Steps whose outputs are among the inputs; all others run side by side. */
  readonly needs?: readonly string[];
  /** Files and folders, from the root. */
  readonly inputs: readonly string[];
  /** Installed tools whose version decides the output. */
  readonly tools: readonly string[];
  readonly outputs: () => string[];
  readonly run: () => Promise<void> | void;
}

/** What TypeScript is made of that is published. */
const SOURCES = ['src', 'runtimes', 'test/conformance', 'assembly/abi.ts'];

/** What asc is given, and how it is called. */
const ASSEMBLY = ['assembly', 'asconfig.json', 'tools/core.ts'];

const COMPILER = ['assemblyscript', 'binaryen'];

const built = (name: RegExp): (() => string[]) => {
  return () => files('build').filter((file) => name.test(file.slice('build/'.length)));
};
const published = (ending: string): (() => string[]) => {
  return () => files('dist').filter((file) => file.endsWith(ending));
};

const STEPS: Readonly<Record<string, Step>> = {
  core: {
    inputs: ASSEMBLY,
    tools: COMPILER,
    outputs: built(/^core\.(wasm|inline\.js|workerd\.js|edge-light\.js)$/),
    run: async () => {
      await compileCore();
      writeLoaders('core');
    },
  },
  'core as JavaScript': {
    needs: ['core'],
    inputs: ['build/core.wasm', 'tools/core.ts'],
    tools: COMPILER,
    outputs: built(/^core\.js\.js/),
    run: () => toJavaScript('core'),
  },
  'types of the core': {
    inputs: ['tools/core.ts'],
    tools: [],
    outputs: built(/^core\.d\.ts$/),
    run: () => writeTypes('core'),
  },
  javascript: {
    inputs: [...SOURCES, 'package.json', 'tsconfig.json', 'tsup.config.ts', 'tools/specifiers.ts'],
    tools: ['tsup', 'esbuild'],
    outputs: published('.js'),
    run: async () => {
      await run(join(packageFolder('tsup'), 'dist/cli-default.js'), ['--silent']);
      for (const file of published('.js')()) nameFiles(join(root, file), '.js', root);
    },
  },
  declarations: {
    needs: ['types of the core'],
    inputs: [
      ...[...SOURCES, 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'build/core.d.ts'],
      'tools/specifiers.ts',
    ],
    tools: ['typescript'],
    outputs: published('.d.ts'),
    run: async () => {
      await run(join(packageFolder('typescript'), 'bin/tsc'), ['-p', 'tsconfig.build.json']);
      for (const file of published('.d.ts')()) nameFiles(join(root, file), '.d.ts', root);
    },
  },
  testing: {
    inputs: ASSEMBLY,
    tools: COMPILER,
    outputs: built(/^testing\./),
    run: async () => {
      await compileTesting();
      writeLoaders('testing');
      writeTypes('testing');
      await toJavaScript('testing');
    },
  },
};

/** Nobody but tests and the bench asks for the core with doors to its single functions; it is half of the work. */
const ASKED_FOR = ['testing'];

function packageFolder(name: string): string {
  const from = name === 'binaryen' ? [packageFolder('assemblyscript')] : undefined;
  // Binaryen exports no package.json: its folder is where its main file lies.
  if (from) return dirname(require.resolve(name, { paths: from }));
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

function save(stamp: Stamp): void {
  mkdirSync(dirname(stampPath), { recursive: true });
  writeFileSync(stampPath, `${JSON.stringify(stamp, null, 2)}\n`);
}

/** Does the step unless it is done. The stamp is shared by all steps of a build, which take turns on one thread. */
async function take(name: string, step: Step, stamp: Stamp): Promise<void> {
  const began = performance.now();
  const versions = step.tools.map((tool) => readFileSync(join(packageFolder(tool), 'package.json'), 'utf8'));
  const inputs = digest(step.inputs.flatMap(files), process.version, ...versions);
  const done = stamp[name];
  const outputs = step.outputs();
  const fresh = done?.inputs === inputs && outputs.length > 0 && done.outputs === digest(outputs);
  if (!fresh) {
    // A step that fails must not pass for done, and a file that is no longer made must not be published.
    delete stamp[name];
    save(stamp);
    for (const file of outputs) rmSync(join(root, file));
    await step.run();
    stamp[name] = { inputs, outputs: digest(step.outputs()) };
    save(stamp);
  }
  console.log(`build: ${name} ${fresh ? 'unchanged' : 'built'}, ${Math.round(performance.now() - began)} ms`);
}

async function build(asked: readonly string[], force: boolean): Promise<void> {
  const stamp = force ? {} : readStamp();
  const wanted = Object.keys(STEPS).filter((name) => !ASKED_FOR.includes(name) || asked.includes(name));
  const begun = new Map<string, Promise<void>>();
  for (const name of wanted) {
    const step = STEPS[name]!;
    const before = Promise.all((step.needs ?? []).map((need) => begun.get(need)));
    begun.set(
      name,
      before.then(() => take(name, step, stamp)),
    );
  }
  const ends = await Promise.allSettled(begun.values());
  const failed = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as Error] : []));
  for (const { message } of new Set(failed)) console.error(message);
  if (failed.length > 0) process.exitCode = 1;
}

const asked = process.argv.slice(2).filter((argument) => argument !== '--force');
const unknown = asked.filter((name) => !ASKED_FOR.includes(name));
if (unknown.length > 0) throw new RangeError(`build: unknown step, expected ${ASKED_FOR.join()} or none`);
await build(asked, process.argv.includes('--force'));
