import { starve, starveTogether, storyNames } from '@oa-internal/scenarios';
import { expect, it } from 'vitest';

// Windows has no limit of descriptors for a process (`ulimit`).
it.skipIf(process.platform === 'win32').each(storyNames)(
  '%s ends with a token or a typed error in a process that may open few files',
  async (story) => {
    expect((await starve(story, 4)).problems).toEqual([]);
  },
);

it.skipIf(process.platform === 'win32')(
  'processes with few descriptors share a session: one refresh, typed errors, and the session goes on',
  async () => {
    const { began, succeeded, refreshes, problems } = await starveTogether(16);
    expect({ refreshes, problems }).toEqual({ refreshes: 1, problems: [] });
    expect(began).toBeGreaterThan(5);
    expect(succeeded).toBeGreaterThan(0);
  },
);
