import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // Labs start servers and namespaces; two cores do not need more at once.
    maxWorkers: 2,
  },
});
