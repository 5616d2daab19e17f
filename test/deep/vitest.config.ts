/** The deep tier: what takes too long to be run for each commit (`npm run test:deep`). */
import { defineConfig } from 'vitest/config';
import { Tally } from '../../tools/tally.ts';

export default defineConfig({
  test: {
    include: ['test/deep/**/*.test.ts'],
    pool: 'threads',
    testTimeout: 3_600_000,
    hookTimeout: 600_000,
    reporters: ['verbose', new Tally()],
  },
});
