import type { Credentials, Manager } from '@oa/manager';
import type { Result } from '@oa/types';
import { expect, it } from 'vitest';
import { agreeingBrowser, bearer, changeStored, aged, managerAt, startScripted, temporaryDirectory } from '../setup.ts';

const client_id = 'p';
const device: Credentials = { client_id, grant_type: 'urn:ietf:params:oauth:grant-type:device_code' };
const code = {
  device_code: 'd',
  user_code: 'u',
  verification_uri: 'https://as.example/d',
  expires_in: 60,
  interval: 1,
};
const metadataPath = '/.well-known/oauth-authorization-server';

/** A manager with a timeout of half a second at a server that never answers at `path`. */
async function startHanging(path: string, prepare?: (manager: Manager, issuer: string) => Promise<unknown>) {
  const { server, metadata } = await startScripted();
  const { origin } = server;
  const published = {
    ...metadata,
    device_authorization_endpoint: `${origin}/device`,
    revocation_endpoint: `${origin}/revoke`,
  };
  const replies = {
    [metadataPath]: { json: published },
    '/register': {
      status: 201,
      json: { client_id: 'r', registration_access_token: 't', registration_client_uri: `${origin}/registered` },
    },
    '/registered': { json: { client_id: 'r' } },
    '/device': { json: code },
    '/token': bearer('a', { refresh_token: 'r' }),
  };
  server.script(replies);
  const directory = temporaryDirectory();
  const login = { openBrowser: agreeingBrowser().openBrowser };
  const options = { timeout: 500, interaction: 'always', login } as const;
  if (prepare !== undefined) await prepare(managerAt(directory, options).manager, origin);
  server.script({ ...replies, [path]: { drop: 'never' } });
  return { manager: managerAt(directory, options).manager, origin, server, directory };
}

const logIn = (manager: Manager, issuer: string): Promise<unknown> => manager.getToken(issuer, { client_id });

it.each<[string, string, (manager: Manager, origin: string) => Promise<Result<unknown>>]>([
  ['the metadata of a server', metadataPath, (manager, origin) => manager.get(origin, { client_id })],
  ['a registration', '/register', (manager, origin) => manager.get(origin, {})],
  ['client credentials', '/token', (manager, origin) => manager.get(origin, { client_id, client_secret: 's' })],
  ['a device authorization', '/device', (manager, origin) => manager.get(origin, device)],
  ['a code exchange', '/token', (manager, origin) => manager.get(origin, { client_id })],
  [
    'the metadata of a resource',
    '/.well-known/oauth-protected-resource/api',
    (manager, origin) => manager.get({ resource: `${origin}/api` }, { client_id }),
  ],
])('the request for %s has the timeout of the manager', async (_, path, call) => {
  const { manager, origin, server } = await startHanging(path);
  const result = await call(manager, origin);
  expect(result).toMatchObject({
    ok: false,
    error: { code: 'timeout', message: expect.stringContaining('within 0.5 seconds') },
  });
  expect(server.requestsTo(path)).not.toEqual([]);
});

it('a revocation has the timeout of the manager', async () => {
  const { manager, origin } = await startHanging('/revoke', logIn);
  expect(await manager.logout(origin, { client_id })).toMatchObject({
    ok: false,
    error: { code: 'timeout', message: expect.stringContaining('within 0.5 seconds') },
  });
});

it('a refresh has the timeout of the manager for the calls that wait for it', async () => {
  const { manager, origin, directory } = await startHanging('/token', logIn);
  await changeStored(directory, (token) => aged(token, -1));
  const result = await manager.get(origin, { client_id });
  expect(result).toMatchObject({ ok: false, error: { code: 'timeout' } });
});

// Shorter than the time that such a request has otherwise.
const MAX_TEST_MS = 8000;

it(
  'the question for a registered client has the timeout of the manager, and the login goes on',
  async () => {
    const { manager, origin, server } = await startHanging('/registered', (first, issuer) =>
      first.getToken(issuer, { scope: 'one' }),
    );
    expect(await manager.get(origin, { scope: 'two' })).toMatchObject({ ok: true });
    expect(server.requestsTo('/registered').length).toBeGreaterThan(0);
  },
  MAX_TEST_MS,
);

it(
  'the request for the challenge of a resource has the timeout of the manager, and its metadata is read all the same',
  async () => {
    const { manager, origin, server } = await startHanging('/api');
    const result = await manager.get({ resource: `${origin}/api` }, { client_id });
    expect(result).toMatchObject({ ok: false, error: { code: 'metadata_not_found' } });
    expect(server.requestsTo('/api')).toHaveLength(1);
  },
  MAX_TEST_MS,
);
