import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { managerAt, nearExpiry, startScripted, temporaryDirectory, typesOf } from './setup.ts';

it('asks a server that is down once, not with every call, and again after a pause', async () => {
  const { server, metadata } = await startScripted({ '/token': { status: 500 } });
  const cache = new Map([nearExpiry(metadata.issuer, { refresh_token: 'r' })]);
  let later = 0;
  const now = (): number => Date.now() + later;
  const { manager, events } = managerAt(temporaryDirectory(), { cache, now });
  const failures = (): number => typesOf(events).filter((type) => type === 'early_refresh_failed').length;
  for (let call = 0; call < 5; call += 1) {
    expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('old');
    // Long enough for a request that must not be sent.
    await sleep(50);
  }
  await expect.poll(failures, { timeout: 20_000 }).toBe(1);
  expect(server.requests).toHaveLength(1);
  later = 31_000;
  await manager.getToken(metadata, { client_id: 'p' });
  await expect.poll(failures, { timeout: 20_000 }).toBe(2);
  expect(server.requests).toHaveLength(2);
});
