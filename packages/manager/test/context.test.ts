import { join } from 'node:path';
import { fileClientStore } from '@oa/client-store';
import { expect, it } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory } from './setup.ts';

it('uses the fetch, now, timeout and clients of the options', async () => {
  const { server, metadata } = await startScripted({
    '/token': bearer('a'),
    '/register': { status: 201, json: { client_id: 'registered' } },
  });
  const requested: string[] = [];
  const directory = temporaryDirectory();
  const options = {
    fetch: (async (url: string, init) => {
      requested.push(url);
      return fetch(url, init);
    }) as typeof fetch,
    now: () => 5_000_000,
    timeout: 5000,
    clients: fileClientStore({ path: join(directory, 'own', 'clients.json') }),
    login: { openBrowser: agreeingBrowser().openBrowser },
  };
  const token = await managerAt(directory, options).manager.getToken(metadata, {});
  expect(token.expires_at).toBe(5000 + 3600);
  expect(requested).toEqual([`${server.origin}/register`, `${server.origin}/token`]);
  expect((await options.clients.lookup(metadata.issuer))?.client_id).toBe('registered');
});
