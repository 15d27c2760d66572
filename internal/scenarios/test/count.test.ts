import { countTogether } from '@oa-internal/scenarios';
import { expect, it, vi } from 'vitest';

vi.setConfig({ testTimeout: 300_000 });

it('8 processes add 25 times each to one file, some are killed while they hold the lock, and no update is lost', async () => {
  const counted = await countTogether({ processes: 8, rounds: 25, files: 1, kills: 0.04 });
  expect(counted).toMatchObject({ lost: 0, finished: true });
  expect(counted.expected).toBeGreaterThan(150);
});

it('8 processes add 15 times each to one of 8 files, some are killed, and no update is lost', async () => {
  const counted = await countTogether({ processes: 8, rounds: 15, files: 8, kills: 0.02 });
  expect(counted).toMatchObject({ lost: 0, finished: true });
});

it('without a lock updates are lost, so the other counts prove something', async () => {
  const counted = await countTogether({ processes: 6, rounds: 25, files: 1, kills: 0, lock: 'none' });
  expect(counted.lost).toBeGreaterThan(0);
});
