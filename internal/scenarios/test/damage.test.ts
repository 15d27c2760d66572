import { damageEachByte } from '@oa-internal/scenarios';
import { expect, it } from 'vitest';

it('a damaged registration never sends a refresh token as another client, and costs no session', async () => {
  const { runs, refreshed, problems } = await damageEachByte('registered.json', 61);
  expect(problems).toEqual([]);
  expect(runs).toBeGreaterThan(10);
  // An intact entry is used, and so is one whose damage is where the refresh does not look.
  expect(refreshed).toBeGreaterThan(0);
});

it('a damaged token file hands out no altered token, and costs no session once it is restored', async () => {
  const { runs, problems } = await damageEachByte('token', 61);
  expect(problems).toEqual([]);
  expect(runs).toBeGreaterThan(10);
});
