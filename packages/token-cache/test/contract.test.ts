import { runNodeTests } from '@oa-internal/testing';
import { expect, it } from 'vitest';

/** Files have no engine that could be away: a directory that is gone has no tokens. */
const OUTAGE_REASON = 'The option kill is missing.';
const OUTAGE_CASES = 6;

it('the file store keeps the contract of @oa/store-contract', async () => {
  const report = await runNodeTests(new URL('contract.ts', import.meta.url));
  expect({ code: report.code, failed: report.failed }).toEqual({ code: 0, failed: [] });
  expect(report.passed.length).toBeGreaterThan(50);
  expect(Object.values(report.skipped)).toEqual(Array.from({ length: OUTAGE_CASES }, () => OUTAGE_REASON));
});
