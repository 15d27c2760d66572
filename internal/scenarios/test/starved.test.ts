// Processes that can open few files, or not one of their modules.
import { failEachImport, starveTogether, storyNames } from '@oa-internal/scenarios';
import { expect, it } from 'vitest';

it.each(storyNames)('%s ends with a typed error when a module can not be opened', async (story) => {
  const { runs, problems } = await failEachImport(story, 4);
  expect(problems).toEqual([]);
  expect(runs).toBeGreaterThan(4);
});

it.skipIf(process.platform === 'win32')(
  'processes with few descriptors share a session: one refresh, typed errors, and the session goes on',
  async () => {
    const { began, succeeded, refreshes, problems } = await starveTogether(16);
    expect({ refreshes, problems }).toEqual({ refreshes: 1, problems: [] });
    expect(began).toBeGreaterThan(5);
    expect(succeeded).toBeGreaterThan(0);
  },
);
