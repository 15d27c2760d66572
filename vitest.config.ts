import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => {
  // `@oa/source` lets the tests read the sources of the packages without a build. `pnpm built` runs them against the built packages instead.
  const isBuilt = mode === 'built';
  const conditions = [...(isBuilt ? [] : ['@oa/source']), 'module', 'node', 'development|production'];
  const users = ['packages/*/test/**/*.test.ts', 'internal/*/test/**/*.test.ts', 'examples/*/test/**/*.test.ts'];
  return {
    ssr: { resolve: { conditions, externalConditions: conditions } },
    test: {
      include: isBuilt ? users : [...users, 'test/**/*.test.ts'],
      exclude: ['**/node_modules/**', ...(isBuilt ? testsOfSources() : [])],
      env: isBuilt ? { OA_TEST_BUILT: '1' } : {},
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
        exclude: [
          ...['screen', 'screen-rows', 'stop', 'paste'].map((name) => `packages/loopback/src/${name}.ts`),
          // These are tests themselves, for `node --test`. packages/store-contract/test/contract.test.ts runs each, and sees each fail.
          'packages/store-contract/src/**',
        ],
        reporter: ['text', 'json-summary'],
        thresholds: { perFile: true, lines: 95, branches: 90 },
      },
    },
  };
});

/** The tests that name a source file of their package, and so run it whatever the mode, and those of the helpers. */
function testsOfSources(): string[] {
  return globSync('{packages,internal}/*/test/**/*.test.ts', { cwd: import.meta.dirname }).filter((path) =>
    /'(?:\.\.\/)+src\//.test(readFileSync(join(import.meta.dirname, path), 'utf8')),
  );
}
