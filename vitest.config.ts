import { defineConfig } from 'vitest/config';

// `@oa/source` lets the tests read the sources of the packages without a build. `pnpm built` runs them against the built packages.
const built = process.env['OA_TEST_BUILT'] === '1';
const conditions = [...(built ? [] : ['@oa/source']), 'module', 'node', 'development|production'];

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
      // What these do needs a terminal, so their tests run them in processes inside of tmux or a pseudo-terminal, which v8 does not see:
      // test/screen.test.ts, stop.test.ts and paste.test.ts of the package.
      exclude: ['screen', 'screen-rows', 'stop', 'paste'].map((name) => `packages/loopback/src/${name}.ts`),
      reporter: ['text', 'json-summary'],
      thresholds: { perFile: true, lines: 95, branches: 90 },
    },
  },
});
