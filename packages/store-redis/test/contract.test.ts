import { startProcess } from '@oa-internal/testing';
import { describe, expect, it } from 'vitest';
import { program } from './setup.ts';

describe.skipIf(program === '')('over Redis', () => {
  it.each(['node-redis', 'ioredis'])('keeps the contract of a shared store, with the client of %s', async (library) => {
    const file = new URL(`contract-${library}.ts`, import.meta.url);
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const run = startProcess(file, { nodeOptions: ['--test', '--test-reporter=tap'], env });
    const { code, stdout } = await run.ended;
    const count = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1]);
    const failed = stdout.split('\n').filter((line) => /^\s+not ok/.test(line));
    expect(failed).toEqual([]);
    expect(count('fail')).toBe(0);
    expect(count('pass')).toBeGreaterThanOrEqual(55);
    expect(code).toBe(0);
  });
});
