import { killWriters } from '@oa-internal/scenarios';
import { expect, it } from 'vitest';

it('after 40 kills of 4 writers no reader saw a torn or empty version, and the orphans are removed', async () => {
  const seen = await killWriters({ writers: 4, kills: 40 });
  expect(seen).toMatchObject({ kills: 40, torn: 0, empty: 0, unswept: 0 });
  expect(seen.reads).toBeGreaterThan(40);
});
