/** Guards nothing itself: runs the simulated worlds, apart from the tests, because they take a minute (`npm run sim`). */
import { defineConfig } from 'vitest/config';
import { Tally } from '../../tools/tally.ts';

export default defineConfig({
  test: {
    include: ['test/sim/**/*.test.ts'],
    pool: 'threads',
    testTimeout: 120_000,
    reporters: ['verbose', new Tally()],
  },
});
