import { runNodeTests } from '@oa-internal/testing';
import { describe, expect, it } from 'vitest';
import { isInstalled } from './setup.ts';

/** A holder takes its lock again after an outage, so this case has no holder that has lost its lock. */
const LOST_LOCK_CASE = 'refuses the write of a holder whose lock was lost';

describe.skipIf(!isInstalled)('postgresStore', () => {
  it('keeps the contract of @oa/store-contract', async () => {
    const report = await runNodeTests(new URL('contract.ts', import.meta.url));
    expect({ code: report.code, failed: report.failed }).toEqual({ code: 0, failed: [] });
    expect(report.passed.length).toBeGreaterThan(55);
    expect(Object.keys(report.skipped)).toEqual([LOST_LOCK_CASE]);
  });
});
