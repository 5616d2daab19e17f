/**
 * How TypeScript becomes the JavaScript that is published: ES modules on web standards, one file for each subpath.
 *
 * Relies on: `exports` and `bin` in package.json, the only lists of what is public — every `dist/….js` named there is an entry.
 * Refuses: to bundle the core or the platform. `#core` stays an import of the package's own, so that the
 * consumer's bundler, which knows its platform, chooses the loader. Declarations come from tsc (see tools/build.ts).
 */
import { readFileSync } from 'node:fs';
import { defineConfig } from 'tsup';

type Target = string | null | { readonly [condition: string]: Target };

/** Every path that an `exports` value can lead to. */
function paths(target: Target): string[] {
  if (target === null) return [];
  return typeof target === 'string' ? [target] : Object.values(target).flatMap(paths);
}

const { exports, bin } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Target; bin: Target };
const entries = [...paths(exports), ...paths(bin).map((path) => `./${path}`)].flatMap(
  (path) => /^\.\/dist\/(.+)\.js$/.exec(path)?.[1] ?? [],
);

export default defineConfig({
  entry: Object.fromEntries(entries.map((entry) => [entry, `${entry}.ts`])),
  outDir: 'dist',
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  // What two subpaths share is one chunk: `tracehound` and `tracehound/hono` must agree on `instanceof TracehoundError`.
  splitting: true,
  external: ['#core', /^[a-z-]+:/],
  // `node:crypto` stays `node:crypto`: Deno and workerd know it by no other name.
  removeNodeProtocol: false,
  // tools/build.ts clears what each of its steps writes; tsup would clear the declarations too.
  clean: false,
  dts: false,
  // The published code is readable as it is, and stack traces should name its lines.
  minify: false,
  sourcemap: false,
});
