// Runs all checks, in the order in which they find a mistake soonest. `.ci/run` runs this script after a frozen install.
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';

const RESULTS = 'coverage/tests.json';

/** Scripts of package.json. Each can also be run alone. */
const steps = [
  'build',
  'types',
  'format --check .',
  'lint',
  'boundaries',
  'unused',
  'packaging',
  `unit --coverage --reporter=default --reporter=json --outputFile.json=${RESULTS}`,
];

rmSync(RESULTS, { force: true });
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

function counts(): string {
  try {
    const results = JSON.parse(readFileSync(RESULTS, 'utf8')) as Record<
      'numPassedTests' | 'numFailedTests' | 'numPendingTests',
      number
    >;
    return `${results.numPassedTests} passed, ${results.numFailedTests} failed, ${results.numPendingTests} skipped`;
  } catch {
    failed.push('no test results');
    return '0 passed, 1 failed, 0 skipped';
  }
}
