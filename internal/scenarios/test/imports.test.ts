import { failEachImport, storyNames } from '@oa-internal/scenarios';
import { expect, it } from 'vitest';

it.each(storyNames)('%s ends with a typed error when a module can not be opened', async (story) => {
  const { runs, problems } = await failEachImport(story, 4);
  expect(problems.slice(0, 20)).toEqual([]);
  expect(runs).toBeGreaterThan(4);
});
