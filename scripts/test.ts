// Runs all checks, in the order in which they find a mistake soonest. `.ci/run` runs this script after a frozen install.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';

/** The results of the tests with the sources of the packages, and of those with the built packages. */
const RESULTS = ['coverage/tests.json', 'coverage/built.json'];
const [ofSources, ofBuilt] = RESULTS.map((path) => `--reporter=default --reporter=json --outputFile.json=${path}`);

type Counts = Record<'numPassedTests' | 'numFailedTests' | 'numPendingTests', number>;

/** Scripts of package.json. Each can also be run alone. */
const steps = [
  'build',
  'types',
  'format --check .',
  'lint',
  'boundaries',
  'unused',
  'packaging',
  `unit --coverage ${ofSources}`,
  `built ${ofBuilt}`,
];

for (const path of RESULTS) rmSync(path, { force: true });
const failed: string[] = [];
for (const step of steps) {
  console.log(`\n── ${step}`);
  const { status } = spawnSync('pnpm', ['run', '--silent', ...step.split(' ')], {
    stdio: 'inherit',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
  });
  if (status !== 0) failed.push(step);
}

if (failed.length > 0) console.log(`\nfailed: ${failed.join(', ')}`);
console.log(`\n${counts()}`);
process.exitCode = failed.length === 0 ? 0 : 1;

/** The tests of all runs together. A run without results counts as one failed test. */
function counts(): string {
  const runs = RESULTS.map(readCounts);
  const sum = (name: keyof Counts): number => runs.reduce((total, run) => total + run[name], 0);
  return `${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed, ${sum('numPendingTests')} skipped`;
}

function readCounts(path: string): Counts {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Counts;
  } catch {
    failed.push(`no results in ${path}`);
    return { numPassedTests: 0, numFailedTests: 1, numPendingTests: 0 };
  }
}
