import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileClientStore } from '@oa/client-store';
import { fileTokenCache } from '@oa/token-cache';
import { expect, it } from 'vitest';
import { createContext, type Context } from '../src/context.ts';
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

/** Remembers the issuer of a client and a refused document. */
async function rememberBoth({ clientIssuers, refusedDocuments }: Context): Promise<void> {
  await (await clientIssuers()).add('c', 'https://as.example');
  await (await refusedDocuments()).add('https://as.example', 'https://app.example/client.json');
}

it('remembers in the directory of the token cache, and reads it there', async () => {
  const directory = temporaryDirectory();
  managerAt(join(directory, 'home'));
  const options = { cache: fileTokenCache({ directory: join(directory, 'volume') }) };
  await rememberBoth(createContext(options));
  const next = createContext(options);
  expect(await (await next.clientIssuers()).get('c')).toBe('https://as.example');
  expect(await (await next.refusedDocuments()).has('https://as.example', 'https://app.example/client.json')).toBe(true);
  expect(readdirSync(directory)).toEqual(['volume']);
});

it('remembers the issuers of clients with the settings of the user, and the rest in their cache directory', async () => {
  const directory = temporaryDirectory();
  managerAt(directory);
  await rememberBoth(createContext({ app: 'test' }));
  const names = (folder: string): string[] =>
    readdirSync(join(directory, folder, 'test')).filter((name) => name.endsWith('.json'));
  expect([names('config'), names('cache')]).toEqual([['issuers.json'], ['refused-documents.json']]);
});
