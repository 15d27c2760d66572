// A real authorization server for the tests of one file, and a user who logs in there.
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import type { Credentials } from '@oa/manager';
import type { Token } from '@oa/types';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { managerAt } from './setup.ts';

export let server: AuthorizationServerHandle;

beforeAll(async () => {
  server = await startAuthorizationServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.requests.length = 0;
});

/** A browser whose user logs in at once. */
export const login = { openBrowser: (url: string): Promise<Response> => server.logIn(url), print: (): void => {} };

export function user(): Credentials {
  return { client_id: server.public.client_id, scope: 'openid offline_access' };
}

/** Logs the user in, and forgets the requests of that login. */
export async function loggedIn(directory: string): Promise<Token> {
  const token = await managerAt(directory, { login }).manager.getToken(server.issuer, user());
  server.requests.length = 0;
  return token;
}
