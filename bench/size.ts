/**
 * What has to be shipped: the core, the core's other forms, and bundles with a framework.
 *
 * Relies on: esbuild, zlib at its best level. Refuses: to count what tree-shaking removes.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Figure, Task } from './measure.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const kib = (bytes: Uint8Array): number => gzipSync(bytes, { level: 9 }).length / 1_024;

interface Bundle {
  /** KiB gzip of everything that is sent to the platform. */
  readonly size: number;
  readonly builtins: readonly string[];
}

async function bundle(contents: string, conditions: readonly string[]): Promise<Bundle> {
  const result = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    mainFields: ['module', 'main'],
    conditions: ['import', ...conditions],
    external: ['node:*', 'cloudflare:*'],
    loader: { '.wasm': 'copy' },
    outdir: 'out',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const imported = Object.values(result.metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
  return {
    size: result.outputFiles.reduce((sum, file) => sum + kib(file.contents), 0),
    builtins: imported.filter((path) => path.startsWith('node:')),
  };
}

const app = (runtime: string, made = 'createTracehound()'): string => `
  import { Hono } from 'hono';
  import { createTracehound, ${runtime} } from './runtimes/${runtime}/index';
  import { tracehound } from './src/adapters/hono';
  import { createLean } from './src/lean';
  import { heldLog, storedLog } from './src/log/index';
  const app = new Hono();
  app.use(tracehound(${made}, { detect: () => undefined }));
  export default app;`;

/** What an application can have besides what is there by default, and what it can do without. */
const APPS = {
  storedLog: 'createTracehound({ audit: { log: storedLog({}) } })',
  lean: 'createLean(cloudflare)',
  'lean.heldLog': 'createLean(cloudflare, { audit: { log: heldLog() } })',
  'lean.storedLog': 'createLean(cloudflare, { audit: { log: storedLog({}) } })',
} as const;

export async function size(_task: Task): Promise<Figure[]> {
  const figures: Figure[] = [];
  const add = (id: string, what: string, value: number, unit = 'KiB gzip', note?: string): void => {
    figures.push({ id: `size.${id}`, what: `size: ${what}`, value, unit, ...(note === undefined ? {} : { note }) });
  };
  const file = (name: string): number => kib(readFileSync(new URL(`../build/${name}`, import.meta.url)));
  add('core', 'core.wasm', file('core.wasm'));
  add('inline', 'core.inline.js (base64)', file('core.inline.js'));
  add('js', 'core.js.js (for platforms without WebAssembly)', file('core.js.js'));
  const host = await bundle("export * from './src/index'; export * from './src/tracehound';", []);
  add('host', 'everything but core and runtime, minified', host.size);
  const adapters = readdirSync(new URL('../src/adapters', import.meta.url)).filter((name) => name.endsWith('.ts'));
  const everything = ['index', 'tracehound', ...adapters.map((name) => `adapters/${name.slice(0, -3)}`)];
  const standard = await bundle(everything.map((name) => `export * from './src/${name}';`).join('\n'), []);
  add('builtins', 'Node builtins that src/ imports', standard.builtins.length, 'imports', standard.builtins.join(' '));
  const alone = await bundle("export { Hono } from 'hono';", []);
  add('hono', 'Hono alone, minified', alone.size);
  const node = await bundle(app('node'), []);
  add('bundle.node', 'Hono + Tracehound + core, one ES module for Node', node.size);
  const nodeLean = await bundle(app('node', 'createLean(node)'), []);
  add('bundle.node.lean', 'the same with createLean(node)', nodeLean.size);
  if (existsSync(new URL('../runtimes/cloudflare/index.ts', import.meta.url))) {
    const edge = await bundle(app('cloudflare'), ['workerd']);
    add('bundle.cloudflare', 'Hono + Tracehound + core.wasm for Cloudflare', edge.size);
    for (const [name, made] of Object.entries(APPS)) {
      add(
        `bundle.cloudflare.${name}`,
        `the same with ${made}`,
        (await bundle(app('cloudflare', made), ['workerd'])).size,
      );
    }
    add('bundle.builtins', 'Node builtins in the Cloudflare bundle', edge.builtins.length, 'imports');
  }
  return figures;
}
