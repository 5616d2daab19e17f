/**
 * Bundles a program as a user of each platform would: esbuild, the platform's export conditions, the platform's way to
 * take a `.wasm` file. The package inside is the packed one.
 *
 * Relies on: esbuild. Refuses: aliases into the sources; which core comes along is decided by the package's own map.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

export type Target = 'script' | 'workerd' | 'edge-light' | 'fastly' | 'lambda-edge' | 'worker';

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

interface Recipe {
  readonly conditions: readonly string[];
  /** `browser`: an import of `node:` is an error. */
  readonly platform: 'node' | 'browser';
  readonly format: 'esm' | 'iife' | 'cjs';
  readonly file: string;
  /** How the platform calls a program. */
  readonly tail: string;
  plugins(folder: string): Plugin[];
}

const ANSWER = '(event) => event.respondWith(main().then((text) => new Response(text)))';

const TARGETS: Readonly<Record<Target, Recipe>> = {
  script: {
    ...{ conditions: [], platform: 'node', format: 'esm', file: 'app.mjs' },
    tail: 'main().then(console.log);',
    plugins: () => [],
  },
  workerd: {
    ...{ conditions: ['workerd', 'worker', 'browser'], platform: 'browser', format: 'esm', file: 'app.mjs' },
    tail: 'export default { fetch: async () => new Response(await main()) };',
    plugins: (folder) => [wasmBeside(folder)],
  },
  'edge-light': {
    ...{ conditions: ['edge-light', 'browser', 'module', 'import'], platform: 'browser' },
    ...{ format: 'iife', file: 'app.mjs' },
    tail: `addEventListener('fetch', ${ANSWER});`,
    plugins: (folder) => [wasmGlobal(folder)],
  },
  fastly: {
    ...{ conditions: ['fastly'], platform: 'browser', format: 'esm', file: 'app.mjs' },
    tail: `addEventListener('fetch', ${ANSWER});`,
    plugins: () => [],
  },
  worker: {
    ...{ conditions: ['browser'], platform: 'browser', format: 'esm', file: 'app.mjs' },
    tail: `addEventListener('fetch', ${ANSWER});`,
    plugins: () => [],
  },
  'lambda-edge': {
    ...{ conditions: [], platform: 'node', format: 'cjs', file: 'app.cjs' },
    tail: 'export const handler = async () => ({ status: "200", body: await main() });',
    plugins: () => [],
  },
};

/** Bundles `source`, which declares `main(): Promise<string>`, into `<consumer>/<name>`. Returns the folder. */
export async function bundle(
  consumer: string,
  name: string,
  target: Target,
  source: string,
  minify = false,
): Promise<string> {
  const folder = join(consumer, name);
  await bundleText(`${source}\n${TARGETS[target].tail}\n`, folder, target, consumer, minify);
  return folder;
}

/** Bundles a text whose last word is its own, into `folder`. */
export async function bundleText(
  contents: string,
  folder: string,
  target: Target,
  resolveDir: string,
  minify = false,
): Promise<void> {
  await build({ ...optionsOf(folder, target), stdin: { contents, resolveDir, loader: 'ts' }, minify });
}

/** Bundles a whole application, whose last word is its own. Packages are those that `resolveFrom` sees, or the project's. */
export async function bundleFile(file: string, folder: string, target: Target, resolveFrom: string): Promise<void> {
  const own: Plugin = {
    name: 'the package of the consumer',
    setup({ onResolve, resolve }) {
      onResolve({ filter: /^tracehound(\/|$)/ }, ({ path, kind, pluginData }) =>
        pluginData === own ? undefined : resolve(path, { kind, resolveDir: resolveFrom, pluginData: own }),
      );
    },
  };
  const options = optionsOf(folder, target);
  await build({ ...options, entryPoints: [file], plugins: [own, ...(options.plugins ?? [])], globalName: 'example' });
}

function optionsOf(folder: string, target: Target): BuildOptions {
  mkdirSync(folder, { recursive: true });
  const { conditions, platform, format, file, plugins } = TARGETS[target];
  return {
    outfile: join(folder, file),
    bundle: true,
    format,
    target: 'es2022',
    platform,
    conditions: [...conditions],
    plugins: plugins(folder),
    // Built into their engines.
    external: ['cloudflare:*', 'fastly:*'],
    logLevel: 'error',
  };
}
