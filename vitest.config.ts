import { defineConfig } from 'vitest/config';

// `@oa/source` lets the tests read sibling packages' sources without a build.
const conditions = ['@oa/source', 'module', 'node', 'development|production'];

export default defineConfig({
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'internal/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    // On a busy machine the threads of the garbage collector wait for a processor, and the test waits for them.
    execArgv: ['--single-threaded-gc'],
    // Generous, because the suite must also hold on a machine that is busy with other work.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text', 'json-summary'],
      thresholds: { perFile: true, lines: 95, branches: 90 },
    },
  },
});
