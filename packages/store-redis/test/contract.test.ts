import { runNodeTests } from '@oa-internal/testing';
import { describe, expect, it } from 'vitest';
import { program } from './setup.ts';

/** A holder whose lease is renewed keeps its lock over a restart of Redis. */
const SKIPPED = ['refuses the write of a holder whose lock was lost'];

describe.skipIf(program === '')('over Redis', () => {
  it.each(['node-redis', 'ioredis'])(
    'keeps the contract of @oa/store-contract, with the client of %s',
    async (library) => {
      const report = await runNodeTests(new URL(`contract-${library}.ts`, import.meta.url));
      expect({ code: report.code, failed: report.failed }).toEqual({ code: 0, failed: [] });
      expect(report.passed.length).toBeGreaterThan(50);
      expect(Object.keys(report.skipped)).toEqual(SKIPPED);
    },
    900_000,
  );
});
