// The table of faults with encrypted stores: every file call fails, or is where a process is killed, and no file has a secret in it.
import { damageEachByte, ENCRYPTION_VARIABLE, failEachCall, killAtEachCall } from '@oa-internal/scenarios';
import { beforeEach, describe, expect, it, vi } from 'vitest';

beforeEach(() => {
  vi.stubEnv(ENCRYPTION_VARIABLE, '1');
  return () => vi.unstubAllEnvs();
});

describe.each(['refresh', 'registration'] as const)('%s, encrypted', (story) => {
  it('ends with a token or a typed error when any one file call fails, and no file has a secret in it', async () => {
    const { calls, runs, window, problems } = await failEachCall(story, 1);
    expect(problems.slice(0, 20)).toEqual([]);
    expect(runs).toBeGreaterThanOrEqual(calls);
    expect(window.length).toBeLessThanOrEqual(story === 'refresh' ? 4 : 0);
  });

  it('loses nothing but what is explained when its process is killed at a file call', async () => {
    expect((await killAtEachCall(story, 6)).problems.slice(0, 20)).toEqual([]);
  });
});

it('a damaged file of an encrypted store hands out no altered token, and costs no session once it is restored', async () => {
  for (const name of ['token', 'registered.json'] as const) {
    const { runs, problems } = await damageEachByte(name, 97);
    expect(problems).toEqual([]);
    expect(runs).toBeGreaterThan(10);
  }
});
