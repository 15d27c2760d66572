// Every file call of a manager fails, or is where its process is killed: the short form of the matrix of `pnpm torture`.
import { failEachCall, killAtEachCall, storyNames } from '@oa-internal/scenarios';
import { describe, expect, it } from 'vitest';

describe.each(storyNames)('%s', (story) => {
  it('ends with a token or a typed error when any one file call fails, and the next process goes on with the session', async () => {
    const { calls, runs, window, problems } = await failEachCall(story, 1);
    expect(problems.slice(0, 20)).toEqual([]);
    expect(runs).toBeGreaterThanOrEqual(calls);
    // The length of the successor, its text, its size, its sync.
    expect(window.length).toBeLessThanOrEqual(story === 'refresh' ? 4 : 0);
  });

  it('loses nothing but what is explained when its process is killed at a file call', async () => {
    expect((await killAtEachCall(story, 6)).problems.slice(0, 20)).toEqual([]);
  });
});

it('a refresh ends with a token or a typed error when a file call and all later ones fail, and goes on later', async () => {
  expect((await failEachCall('refresh', 1, true)).problems.slice(0, 20)).toEqual([]);
});
