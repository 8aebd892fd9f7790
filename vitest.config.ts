import { defineConfig } from 'vitest/config';

/** Fast suites: everything `npm test` runs. Slow suites live in `*.soak.ts` (see vitest.soak.config.ts). */
export default defineConfig({
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'apps/*/test/**/*.test.ts',
      'conformance/test/**/*.test.ts',
      'scripts/test/**/*.test.ts',
    ],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
