import { defineConfig } from 'vitest/config';
import { Tally } from './tools/tally.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/engines/**', 'test/wide/**', 'test/sim/**', 'test/deep/**'],
    reporters: ['default', new Tally()],
    pool: 'threads',
    // Vitest leaves one core alone; of two that is half of the machine.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: { provider: 'v8', include: ['src/**', 'runtimes/**'], reporter: ['text', 'json-summary'] },
  },
});
