/** The wide tier: real engines, one after the other, because each may take the whole machine. */
import { defineConfig } from 'vitest/config';
import { Tally } from '../../tools/tally.ts';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    reporters: ['default', new Tally()],
    globalSetup: ['./setup.ts'],
    fileParallelism: false,
    // Fastly's engine interprets the core, and its first build on a machine compiles the engine.
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
