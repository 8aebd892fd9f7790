import { defineConfig } from 'vitest/config';

/**
 * Slow suites: crash, fuzz and load at full length. `SOAK=short` (what `.ci/run` uses) bounds each suite
 * to the runs that its file names as the short form.
 */
export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.soak.ts', 'apps/*/test/**/*.soak.ts', 'conformance/test/**/*.soak.ts'],
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 1_200_000,
    hookTimeout: 120_000,
  },
});
