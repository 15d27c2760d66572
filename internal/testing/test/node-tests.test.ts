import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNodeTests, temporaryDirectory } from '@oa-internal/testing';
import { expect, it, onTestFinished } from 'vitest';

function writeTests(text: string): string {
  const directory = temporaryDirectory();
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'some.test.mjs');
  writeFileSync(file, `import { describe as d, it as i } from 'node:test';\n${text}`);
  return file;
}

it('reads which tests of a file passed, failed and were skipped, and why, without the suites', async () => {
  const file = writeTests(`d('suite', () => {
    i('works: 1e400, and more', (t) => t.diagnostic('ok 9 - no test'));
    i('fails', () => { throw new Error('for a reason'); });
    i('has no engine', { skip: 'The engine is missing.' }, () => {});
    i('ends early', (t) => t.skip('Seen late.'));
  });`);
  const { output, ...report } = await runNodeTests(file);
  expect(report).toEqual({
    code: 1,
    passed: ['works: 1e400, and more'],
    failed: ['fails'],
    skipped: { 'has no engine': 'The engine is missing.', 'ends early': 'Seen late.' },
  });
  expect(output).toContain('for a reason');
});

it('passes options to Node.js and the environment to the tests', async () => {
  const file = writeTests(`i(process.env.OA_TITLE, () => {}); i('another', () => {});`);
  const env = { ...process.env, OA_TITLE: 'chosen' };
  const report = await runNodeTests(file, { env, nodeOptions: ['--test-name-pattern=chosen'] });
  expect([report.code, report.passed, report.failed]).toEqual([0, ['chosen'], []]);
});

it('reports a file that can not be loaded as failed', async () => {
  const { code, passed } = await runNodeTests(writeTests("throw new Error('broken');"));
  expect([code, passed]).toEqual([1, []]);
});
