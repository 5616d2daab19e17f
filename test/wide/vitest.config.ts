/** The wide tier: what a release is looked at with beside the engines, one after the other. */
import { defineConfig } from 'vitest/config';
import { Tally } from '../../tools/tally.ts';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    reporters: ['default', new Tally()],
    globalSetup: ['../engines/setup.ts'],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
  },
});
