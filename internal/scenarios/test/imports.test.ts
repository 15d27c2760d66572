import { failEachImport, storyNames } from '@oa-internal/scenarios';
import { expect, it } from 'vitest';

it.each(storyNames)('%s ends with a typed error when a module can not be opened', async (story) => {
  const { runs, problems } = await failEachImport(story, 4);
  expect(problems).toEqual([]);
  expect(runs).toBeGreaterThan(4);
});
