import { blockHolder } from '@oa-internal/scenarios';
import { expect, it } from 'vitest';

it('a holder whose event loop is blocked keeps the lock', async () => {
  expect(await blockHolder(1500)).toBe(true);
});
