import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/sim/**/*.test.ts'], pool: 'threads', testTimeout: 120_000, reporters: ['verbose'] },
});
