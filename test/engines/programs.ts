/**
 * Bundles a program as a user of each platform would: esbuild, the platform's export conditions, the platform's way to
 * take a `.wasm` file. The package inside is the packed one.
 *
 * Relies on: esbuild. Refuses: aliases into the sources; which core comes along is decided by the package's own map.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';

export type Target = 'script' | 'workerd' | 'edge-light' | 'fastly';

/** `tracehound/node` is the only ground there is today. Elsewhere its `node:` imports must be there, and must not be used. */
const nothingOfNode: Plugin = {
  name: 'nothing of node',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'absent' }));
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'module.exports = {};', loader: 'js' }));
  },
};

/** wrangler's way: the import stays, the file lies beside the bundle as a compiled module. */
const wasmBeside = (folder: string): Plugin => ({
  name: 'wasm beside',
  setup({ onResolve }) {
    onResolve({ filter: /\.wasm$/ }, ({ path, resolveDir }) => {
      writeFileSync(join(folder, 'core.wasm'), readFileSync(join(resolveDir, path)));
      return { path: './core.wasm', external: true };
    });
  },
});

/** Vercel's way: `x.wasm?module` becomes a global that the platform compiled. */
const wasmGlobal = (folder: string): Plugin => ({
  name: 'wasm global',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.wasm\?module$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace('?module', '')),
      namespace: 'wasm',
    }));
    onLoad({ filter: /.*/, namespace: 'wasm' }, ({ path }) => {
      writeFileSync(join(folder, 'core.wasm'), readFileSync(path));
      return { contents: 'export default globalThis.wasm_core;' };
    });
  },
});

const TARGETS: Readonly<
  Record<
    Target,
    { conditions: string[]; platform: 'node' | 'browser'; tail: string; plugins(folder: string): Plugin[] }
  >
> = {
  script: { conditions: [], platform: 'node', tail: 'main().then(console.log);', plugins: () => [] },
  workerd: {
    conditions: ['workerd', 'worker', 'browser'],
    platform: 'browser',
    tail: 'export default { fetch: async () => new Response(await main()) };',
    plugins: (folder) => [nothingOfNode, wasmBeside(folder)],
  },
  'edge-light': {
    conditions: ['edge-light', 'browser', 'module', 'import'],
    platform: 'browser',
    tail: "addEventListener('fetch', (event) => event.respondWith(main().then((text) => new Response(text))));",
    plugins: (folder) => [nothingOfNode, wasmGlobal(folder)],
  },
  // Top-level code runs in the engine while js-compute prepares the module; what it prints is the answer.
  fastly: {
    conditions: ['fastly'],
    platform: 'browser',
    tail: 'main().then(console.log, (error) => console.log(String(error), error.stack));',
    plugins: () => [nothingOfNode],
  },
};

/** Bundles `source`, which declares `main(): Promise<string>`, into `<consumer>/<name>/app.mjs`. Returns the folder. */
export async function bundle(consumer: string, name: string, target: Target, source: string): Promise<string> {
  const folder = join(consumer, name);
  mkdirSync(folder, { recursive: true });
  const { conditions, platform, tail, plugins } = TARGETS[target];
  await build({
    stdin: { contents: `${source}\n${tail}\n`, resolveDir: consumer, loader: 'ts' },
    outfile: join(folder, 'app.mjs'),
    bundle: true,
    format: target === 'edge-light' ? 'iife' : 'esm',
    target: 'es2022',
    platform,
    conditions,
    plugins: plugins(folder),
    logLevel: 'error',
  });
  return folder;
}
