import { registerTogether } from '@oa-internal/scenarios';
import { expect, it } from 'vitest';

it('8 processes that need a client register once', async () => {
  const { answers, registrations } = await registerTogether(8);
  expect(answers).toEqual(Array.from({ length: 8 }, () => 'client c1'));
  expect(registrations).toBe(1);
});
