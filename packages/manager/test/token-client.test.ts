import { chmodSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthorizationServer } from '@oa/types';
import type { ScriptedServer } from '@oa-internal/scripted-server';
import { expect, it } from 'vitest';
import {
  aged,
  agreeingBrowser,
  bearer,
  changeStored,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
} from './setup.ts';

/** A user who has logged in with a registered client, and whose access token has expired. */
async function loggedInRegistered(
  registration: object,
): Promise<{ directory: string; file: string; server: ScriptedServer; metadata: AuthorizationServer }> {
  const { server, metadata } = await startScripted();
  let registrations = 0;
  server.script({
    '/register': () => ({ status: 201, json: { client_id: `client-${(registrations += 1)}`, ...registration } }),
    '/token': ({ form }) => bearer(`for-${form.get('grant_type')}`, { refresh_token: 'r' }),
  });
  const directory = temporaryDirectory();
  const { openBrowser } = agreeingBrowser();
  await managerAt(directory, { login: { openBrowser } }).manager.getToken(metadata, {});
  await changeStored(directory, (token) => aged(token, -1));
  return { directory, file: join(directory, 'config', 'test', 'registered.json'), server, metadata };
}

const spoilers: Record<string, (file: string) => void> = {
  'is open to other users': (file) => chmodSync(file, 0o644),
  'was deleted': (file) => rmSync(file),
  'is a symbolic link': (file) => {
    renameSync(file, `${file}.moved`);
    symlinkSync(`${file}.moved`, file);
  },
  'was cut': (file) => writeFileSync(file, readFileSync(file, 'utf8').slice(0, 20), { mode: 0o600 }),
  'has another client': (file) => {
    const clients = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
    const [issuer = ''] = Object.keys(clients);
    writeFileSync(file, JSON.stringify({ [issuer]: { client_id: 'another' } }), { mode: 0o600 });
  },
};

it.each(Object.entries(spoilers))(
  'refreshes with the public client that obtained the token, and registers none, where registered.json %s (RFC 6749 section 6)',
  async (_, spoil) => {
    const { directory, file, server, metadata } = await loggedInRegistered({});
    spoil(file);
    for (let run = 0; run < 2; run += 1) {
      const token = await managerAt(directory, { interaction: 'never' }).manager.getToken(metadata, {});
      expect(token.access_token).toBe('for-refresh_token');
      await changeStored(directory, (stored) => aged(stored, -1));
    }
    expect(server.requestsTo('/register')).toHaveLength(1);
    const refreshes = server.requestsTo('/token').filter(({ form }) => form.get('grant_type') === 'refresh_token');
    expect(refreshes.map(({ form }) => form.get('client_id'))).toEqual(['client-1', 'client-1']);
  },
);

it.each([
  ['is open to other users', 'insecure_file_permissions'],
  ['is a symbolic link', 'insecure_file_permissions'],
  ['was cut', 'corrupt_file'],
])(
  'returns the storage error, and keeps the refresh token, where the secret of the client is in a file that %s',
  async (name, code) => {
    const { directory, file, server, metadata } = await loggedInRegistered({ client_secret: 's' });
    spoilers[name]?.(file);
    const requests = server.requests.length;
    const { manager } = managerAt(directory, { interaction: 'never' });
    expect(await manager.get(metadata, {})).toMatchObject({ ok: false, error: { code } });
    expect(server.requests).toHaveLength(requests);
    expect(storedTokens(directory)[0]?.refresh_token).toBe('r');
  },
);

it('asks the user where the registration with the secret was deleted, and keeps the refresh token until then', async () => {
  const { directory, file, server, metadata } = await loggedInRegistered({ client_secret: 's' });
  rmSync(file);
  const requests = server.requests.length;
  const { manager } = managerAt(directory, { interaction: 'never' });
  expect(await manager.get(metadata, {})).toMatchObject({ ok: false, error: { code: 'login_required' } });
  expect(server.requests).toHaveLength(requests);
  expect(storedTokens(directory)[0]?.refresh_token).toBe('r');

  const { openBrowser } = agreeingBrowser();
  const asked = managerAt(directory, { login: { openBrowser } }).manager;
  expect((await asked.getToken(metadata, {})).issued_to).toEqual({
    client_id: 'client-2',
    source: 'registration',
    has_secret: true,
  });
});

it('uses a registered secret that is about to expire for a refresh', async () => {
  const expires = Math.floor(Date.now() / 1000) + 30;
  const { directory, server, metadata } = await loggedInRegistered({
    client_secret: 's',
    client_secret_expires_at: expires,
  });
  await managerAt(directory, { interaction: 'never' }).manager.getToken(metadata, {});
  expect(server.requestsTo('/register')).toHaveLength(1);
});

it('refreshes a token that an earlier version stored, which does not name its client', async () => {
  const { directory, server, metadata } = await loggedInRegistered({});
  await changeStored(directory, ({ issued_to: _client, ...token }) => token);
  const token = await managerAt(directory, { interaction: 'never' }).manager.getToken(metadata, {});
  expect(token.issued_to).toEqual({ client_id: 'client-1', source: 'registration', has_secret: false });
  expect(server.requestsTo('/register')).toHaveLength(1);
});

it('revokes with the client that obtained the token, and registers none for a logout', async () => {
  const { directory, file, server, metadata } = await loggedInRegistered({});
  rmSync(file);
  const target = { ...metadata, revocation_endpoint: `${server.origin}/revoke` };
  server.script({ '/revoke': {} });
  expect(await managerAt(directory).manager.logout(target, {})).toEqual({ ok: true, value: true });
  expect(server.requestsTo('/revoke').map(({ form }) => form.get('client_id'))).toEqual(['client-1', 'client-1']);
  expect(server.requestsTo('/register')).toHaveLength(1);
});

it('deletes the token without a revocation where its client with a secret is not remembered any more', async () => {
  const { directory, file, server, metadata } = await loggedInRegistered({ client_secret: 's' });
  rmSync(file);
  const target = { ...metadata, revocation_endpoint: `${server.origin}/revoke` };
  expect(await managerAt(directory).manager.logout(target, {})).toEqual({ ok: true, value: true });
  expect(storedTokens(directory)).toEqual([]);
  expect(server.requestsTo('/revoke')).toEqual([]);
});
