/**
 * The thing that is measured: the published JavaScript, as `npm run build` leaves it in `dist`.
 *
 * Relies on: a build. Refuses: to measure the sources, which nobody runs.
 */
import type * as Package from '../runtimes/node/index';

/** `dist/runtimes/node`. */
export async function subject(): Promise<typeof Package> {
  return (await import(new URL('../dist/runtimes/node/index.js', import.meta.url).href)) as typeof Package;
}

// biome-ignore lint/suspicious/noExplicitAny: what a linked core exports is typed nowhere
export type CoreExports = Record<string, any>;

/** The testing build of the core: every inner function has a door there. */
export async function testingCore(): Promise<CoreExports> {
  const { instantiate } = (await import(new URL('../build/testing.inline.js', import.meta.url).href)) as {
    instantiate(): { exports: CoreExports };
  };
  return instantiate().exports;
}
