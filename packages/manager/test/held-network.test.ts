import { OAuthError, type Store, type StoreReservation, type Token } from '@oa/types';
import { expect, it } from 'vitest';
import { bearer, managerAt, nearExpiry, startScripted, temporaryDirectory } from './setup.ts';

const LOST = new OAuthError('lock_lost', 'The lock was lost.', { retryable: true });

/** A shared store with one expired token, whose lock is lost at the look of this number, and the number of signs that were removed. */
function storeLosingLock(
  issuer: string,
  lostAt: number,
): { cache: Store<Token>; looks: () => number; released: () => number } {
  const tokens = new Map([nearExpiry(issuer, { refresh_token: 'r', expires_at: 1 })]);
  let looks = 0;
  let released = 0;
  const reserve = async (): Promise<StoreReservation> => ({
    interrupted: false,
    release: () => (released += 1),
    assertHeld() {
      looks += 1;
      if (looks >= lostAt) throw LOST;
    },
  });
  const cache = {
    get: (key: string) => tokens.get(key),
    set: (key: string, token: Token) => tokens.set(key, token),
    delete: (key: string) => tokens.delete(key),
    reserve,
  };
  return { cache, looks: () => looks, released: () => released };
}

it('looks at the lock right before the refresh request is sent, and sends it while the lock is held', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const { cache, looks } = storeLosingLock(metadata.issuer, 2);
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect((await manager.getToken(metadata, { client_id: 'p' })).access_token).toBe('new');
  expect(looks()).toBe(1);
  expect(server.requests).toHaveLength(1);
});

it('does not send the refresh request of a lost lock, and removes the sign of the reservation', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const { cache, released } = storeLosingLock(metadata.issuer, 1);
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  const result = await manager.get(metadata, { client_id: 'p' });
  expect(result).toMatchObject({ ok: false, error: { code: 'lock_lost', retryable: true, sent: false } });
  expect(released()).toBe(1);
  expect(server.requests).toHaveLength(0);
});

it('looks after a slow signature of the client', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  let isSigned = false;
  const { cache } = storeLosingLock(metadata.issuer, 1);
  const authentication = async (): Promise<{ builtIn: true }> => {
    isSigned = true;
    return { builtIn: true };
  };
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never', authentication });
  expect(await manager.get(metadata, { client_id: 'p' })).toMatchObject({ ok: false, error: { code: 'lock_lost' } });
  expect(isSigned).toBe(true);
  expect(server.requests).toHaveLength(0);
});

it('looks before each attempt, and keeps the sign where the first one may have reached the server', async () => {
  const { server, metadata } = await startScripted({ '/token': { drop: 'request' } });
  const { cache, looks, released } = storeLosingLock(metadata.issuer, 2);
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  const result = await manager.get(metadata, { client_id: 'p' });
  expect(result).toMatchObject({ ok: false, error: { code: 'lock_lost', sent: true } });
  expect([looks(), released(), server.requests.length]).toEqual([2, 0, 1]);
});

it('looks before the request of a client with a certificate, which has a fetch of its own (RFC 8705 section 2)', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const { cache } = storeLosingLock(metadata.issuer, 1);
  const authentication = (): { fetch: typeof fetch; builtIn: true } => ({ fetch, builtIn: true });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never', authentication });
  expect(await manager.get(metadata, { client_id: 'p' })).toMatchObject({ ok: false, error: { code: 'lock_lost' } });
  expect(server.requests).toHaveLength(0);
});

it('does not send the request either where the look fails because of a bug of the store', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('new') });
  const { cache } = storeLosingLock(metadata.issuer, 9);
  const assertHeld = (): never => {
    throw new RangeError('A bug of the store.');
  };
  cache.reserve = async () => ({ interrupted: false, assertHeld });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  expect(await manager.get(metadata, { client_id: 'p' })).toMatchObject({
    ok: false,
    error: { code: 'network_error' },
  });
  expect(server.requests).toHaveLength(0);
});
