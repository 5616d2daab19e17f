/**
 * Makes the core: AssemblyScript → `core.wasm` → the same bytes as JavaScript → one small loader per kind of platform.
 *
 * Every loader exports the same two things: `instantiate()`, synchronous, a fresh core each time, and `digest`, the
 * SHA-256 of `core.wasm`, so that a log can say which core wrote it.
 *
 * Relies on: asc, and the binaryen that it ships with. Refuses: to know what is up to date; `tools/build.ts` calls.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const build = join(root, 'build');
const require = createRequire(import.meta.url);
const assemblyscript = dirname(require.resolve('assemblyscript/package.json'));

/** The binaryen that ships with assemblyscript: its `wasm-opt` and `wasm2js` match the compiler's output. */
const binaryen = join(dirname(require.resolve('binaryen', { paths: [assemblyscript] })), 'bin');

/**
 * Both compilers are themselves ten megabytes of WebAssembly that run for about a second each. V8's first compiler alone
 * is best for that: its second one would take more time than it saves, 13.2 against 5.9 s of CPU for the whole core
 * (Node 24, Xeon 2.6 GHz). It does not change what they write: `test/package/build.test.ts` compares.
 */
const FIRST_COMPILER_ONLY = '--liftoff-only';

/** asc starts itself a second time when this is missing. */
const SOURCE_MAPS = '--enable-source-maps';

/** Runs a script of a tool in a process of its own; rejects when it fails. Several may run side by side. */
export function run(script: string, args: readonly string[], flags: readonly string[] = []): Promise<void> {
  const child = spawn(process.execPath, [...flags, script, ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`build: ${script} ended, expected exit code 0, got ${code ?? signal}`));
    });
  });
}

const binary = (tool: 'wasm-opt' | 'wasm2js', args: readonly string[]): Promise<void> =>
  run(join(binaryen, tool), args, [FIRST_COMPILER_ONLY]);

/** What asc emits and every target engine runs; named one by one, because `-all` would turn on memory64 too. */
const features = [
  '--enable-bulk-memory',
  '--enable-bulk-memory-opt',
  '--enable-sign-ext',
  '--enable-nontrapping-float-to-int',
  '--enable-mutable-globals',
];

async function compile(entry: string, target: string): Promise<void> {
  mkdirSync(build, { recursive: true });
  const args = [entry, '--config', 'asconfig.json', '--target', target];
  await run(join(assemblyscript, 'bin', 'asc.js'), args, [FIRST_COMPILER_ONLY, SOURCE_MAPS]);
}

/**
 * `core.wasm`. asc optimises for speed; more passes for size, until none finds anything, save 0.3 KiB of gzip and no time
 * that could be measured. `--low-memory-unused` lets small additions move into a load's offset: it only asks that no sum of
 * a pointer and an offset below 1,024 wraps around, and no pointer of the core is negative.
 */
export async function compileCore(): Promise<void> {
  const wasm = join(build, 'core.wasm');
  await compile('assembly/index.ts', 'release');
  await binary('wasm-opt', [wasm, ...features, '-Os', '--low-memory-unused', '--converge', '-o', wasm]);
}

/** The same code with doors to its single functions, for tests and the bench. */
export const compileTesting = (): Promise<void> => compile('assembly/testing.ts', 'testing');

/**
 * A wasm as JavaScript, for platforms without WebAssembly. Saturating truncation and sign extension are lowered first,
 * because wasm2js would turn them into code that wraps. Bulk memory stays: interpreted, a loop over the bytes of a payload
 * takes a hundred times as long as the engine's own copy, measured on Fastly's.
 */
export async function toJavaScript(name: string): Promise<void> {
  const [wasm, out] = [join(build, `${name}.wasm`), join(build, `${name}.js.js`)];
  const low = `${out}.low.wasm`;
  const lowering = ['--llvm-nontrapping-fptoint-lowering', '--signext-lowering'];
  await binary('wasm-opt', [wasm, '--mvp-features', ...features, ...lowering, '-O3', '-o', low]);
  await binary('wasm2js', [low, '--enable-bulk-memory', '--enable-bulk-memory-opt', '-O3', '-o', out]);
  rmSync(low);
  const text = withOwnBulk(readFileSync(out, 'utf8'));
  const tail = text.indexOf('var retasmFunc');
  if (tail < 0) throw new Error('wasm2js: output has no tail to replace, expected `var retasmFunc`');
  const imports = text.slice(0, tail).match(/^import .*$/m);
  if (imports) throw new Error(`wasm2js: output imports something, expected none, got ${imports[0]}`);
  writeFileSync(
    out,
    `${head(readFileSync(wasm))}${text.slice(0, tail)}\nexport const instantiate = () => ({ exports: asmFunc({}) });\n`,
  );
}

/** Within the instance, over its own memory, and bounded as in wasm. */
const BULK = ` function wasm2js_memory_copy(to, from, bytes) {
  if ((to >>> 0) + (bytes >>> 0) > HEAPU8.length || (from >>> 0) + (bytes >>> 0) > HEAPU8.length) wasm2js_trap();
  HEAPU8.copyWithin(to >>> 0, from >>> 0, (from >>> 0) + (bytes >>> 0));
 }
 function wasm2js_memory_fill(at, value, bytes) {
  if ((at >>> 0) + (bytes >>> 0) > HEAPU8.length) wasm2js_trap();
  HEAPU8.fill(value, at >>> 0, (at >>> 0) + (bytes >>> 0));
 }
`;

/** wasm2js puts copy and fill beside the instances, over the buffer of the one that was made last: they move inside. */
function withOwnBulk(text: string): string {
  const shared = / *function wasm2js_memory_(copy|fill)\([^)]*\) \{[^}]*\}\n/g;
  const found = [...text.matchAll(shared)].map(([, name]) => name).sort();
  if (found.join() !== 'copy,fill') throw new Error(`wasm2js: expected a shared copy and fill, got ${found.join()}`);
  const moved = text.replaceAll(shared, '').replace(' var Math_imul = ', `${BULK} var Math_imul = `);
  if (!moved.includes(BULK))
    throw new Error('wasm2js: output has no place for copy and fill, expected `var Math_imul`');
  return moved;
}

/** How each loader begins. */
function head(wasm: Uint8Array): string {
  const digest = createHash('sha256').update(wasm).digest('hex');
  return `// Generated by tools/core.ts. One core, one way to get it: a synchronous instantiate().\nexport const digest = '${digest}';\n`;
}

/** The loaders that carry or import the wasm itself. */
export function writeLoaders(name: string): void {
  const bytes = readFileSync(join(build, `${name}.wasm`));
  const link = `export const instantiate = () => ({ exports: new WebAssembly.Instance(compiled()).exports });\n`;
  writeFileSync(
    join(build, `${name}.inline.js`),
    `${head(bytes)}const base64 = '${bytes.toString('base64')}';
let module_;
const compiled = () => {
  if (module_ === undefined) {
    const text = atob(base64);
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    module_ = new WebAssembly.Module(bytes);
  }
  return module_;
};
${link}`,
  );
  for (const [suffix, specifier] of [
    ['workerd', `./${name}.wasm`],
    ['edge-light', `./${name}.wasm?module`],
  ] as const) {
    writeFileSync(
      join(build, `${name}.${suffix}.js`),
      `import module_ from '${specifier}';\n${head(bytes)}const compiled = () => module_;\n${link}`,
    );
  }
}

/** What every loader looks like to TypeScript, whatever is in the core. */
export function writeTypes(name: string): void {
  mkdirSync(build, { recursive: true });
  writeFileSync(
    join(build, `${name}.d.ts`),
    `/** A linked core: its memory and its functions. The engine alone knows which. */
export declare const instantiate: () => { readonly exports: Readonly<Record<string, unknown>> };
/** Lowercase hex SHA-256 of core.wasm. */
export declare const digest: string;
`,
  );
}
