import type { ClientStore } from '@oa/client-store';
import { OAuthError, type Client } from '@oa/types';
import { expect, it } from 'vitest';
import { createContext } from '../src/context.ts';
import { moveRegistration } from '../src/move-registration.ts';
import { openSession } from '../src/session.ts';
import { startScripted } from './setup.ts';

/** Moves a registration in a store whose `update` does what the test says. */
async function move(update: Required<ClientStore>['update'], isUsable: boolean) {
  const { server, metadata } = await startScripted();
  const session = await openSession(createContext({ cache: new Map() }), metadata, {});
  const client: Client = {
    client_id: 'c',
    registration_client_uri: `${server.origin}/register/c`,
    registration_access_token: 't',
  };
  const moved = moveRegistration(session, { update } as ClientStore, client, {
    isUsable: () => isUsable,
    scope: undefined,
  });
  return { server, moved, client };
}

it('changes nothing at the server where another process has moved the registration', async () => {
  let kept: Client | undefined;
  const stored: Client = { client_id: 'c' };
  const { server, moved } = await move(async (_issuer, _id, revise) => (kept = await revise(stored)), true);
  await moved;
  expect(kept).toBe(stored);
  expect(server.requests).toEqual([]);
});

it('goes on where the store can not be written, and fails where it may be written later', async () => {
  const failing = (retryable: boolean) => async () => {
    throw new OAuthError('storage_unavailable', 'The store can not be written.', { retryable });
  };
  await expect((await move(failing(false), false)).moved).resolves.toBeUndefined();
  await expect((await move(failing(true), false)).moved).rejects.toMatchObject({ code: 'storage_unavailable' });
});

it('keeps the registration where the server refuses the change', async () => {
  let kept: Client | undefined;
  const { server, moved } = await move(
    async (_issuer, _id, revise) =>
      (kept = await revise({
        client_id: 'c',
        registration_client_uri: 'http://127.0.0.1:1/c',
        registration_access_token: 't',
      })),
    false,
  );
  await moved;
  expect(kept).toMatchObject({ client_id: 'c' });
  expect(server.requests).toEqual([]);
});
