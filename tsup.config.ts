/**
 * How TypeScript becomes the JavaScript that is published: ES modules on web standards, one file for each source file, so
 * that a stack trace names the file in which the fault lies and a bundler takes no more than it uses.
 *
 * Relies on: `tools/specifiers.ts`, by which `tools/build.ts` completes the names in imports afterwards.
 * Refuses: to bundle. `#core` stays an import of the package's own, so that the consumer's bundler, which knows its
 * platform, chooses the loader. Declarations come from tsc (see tools/build.ts).
 */
import { defineConfig } from 'tsup';

export default defineConfig({
  // The folders of tsconfig.json's `include`: what is published, and the constants of the core that it reads.
  entry: ['src/**/*.ts', 'runtimes/**/*.ts', 'test/conformance/**/*.ts', 'assembly/abi.ts', '!**/*.d.ts'],
  outDir: 'dist',
  format: 'esm',
  platform: 'neutral',
  target: 'es2022',
  bundle: false,
  splitting: false,
  // `node:crypto` stays `node:crypto`: Deno and workerd know it by no other name.
  removeNodeProtocol: false,
  // tools/build.ts clears what each of its steps writes; tsup would clear the declarations too.
  clean: false,
  dts: false,
  // The published code is readable as it is, and stack traces should name its lines.
  minify: false,
  sourcemap: false,
});
