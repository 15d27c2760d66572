import { chmodSync, readdirSync, renameSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { OAuthError, type Store, type Token } from '@oa/types';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { loggedIn, server, user } from './real-server.ts';
import { bearer, managerAt, startScripted, temporaryDirectory, tokensDirectory, typesOf } from './setup.ts';

it('revokes the refresh token and deletes the copy here, also where the server fails (RFC 7009 section 2)', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  const { manager } = managerAt(directory, { interaction: 'never' });
  expect(await manager.logout(server.issuer, user())).toEqual({ ok: true, value: true });
  expect(server.count('/revoke')).toBeGreaterThan(0);
  expect(readdirSync(tokensDirectory(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
  expect(await manager.get(server.issuer, user())).toMatchObject({ ok: false, error: { code: 'login_required' } });

  await loggedIn(directory);
  const scripted = await startScriptedServer(() => ({ status: 503 }));
  onTestFinished(() => scripted.close());
  const down = {
    issuer: server.issuer,
    token_endpoint: `${scripted.origin}/token`,
    revocation_endpoint: `${scripted.origin}/revoke`,
  };
  expect(await manager.logout(down, user())).toMatchObject({ ok: false, error: { code: 'http_error', status: 503 } });
  expect(readdirSync(tokensDirectory(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
});

it('succeeds where nothing is stored, and makes no request to a server without revocation', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('a') });
  const { manager, events } = managerAt(temporaryDirectory());
  const credentials = { client_id: 'c', client_secret: 's' };
  const { signal } = new AbortController();
  expect(await manager.logout(metadata, credentials)).toEqual({ ok: true, value: false });
  await manager.getToken(metadata, credentials);
  expect(await manager.logout(metadata, credentials, { signal })).toEqual({ ok: true, value: true });
  expect(typesOf(events)).toContain('logged_out');
  expect(server.requests).toHaveLength(1);
});

it('returns the error of a resource that can not be reached as a result', async () => {
  const { server } = await startScripted({});
  const { manager } = managerAt(temporaryDirectory());
  expect(await manager.logout({ resource: server.origin }, { client_id: 'c' })).toMatchObject({
    ok: false,
    error: { code: 'metadata_not_found' },
  });
});

it('ends the wait for the server after an abort; the copy here is deleted (RFC 7009 section 2.2)', async () => {
  const { server, metadata } = await startScripted({ '/token': bearer('a'), '/revoke': { drop: 'never' } });
  const { manager } = managerAt(temporaryDirectory());
  const credentials = { client_id: 'c', client_secret: 's' };
  const target = { ...metadata, revocation_endpoint: `${metadata.issuer}/revoke` };
  await manager.getToken(target, credentials);
  const controller = new AbortController();
  const reason = new Error('no more');
  const result = manager.logout(target, credentials, { signal: controller.signal });
  await expect.poll(() => server.requestsTo('/revoke').length, { timeout: 20_000 }).toBe(1);
  controller.abort(reason);
  await expect(result).rejects.toBe(reason);
  await manager.getToken(target, credentials);
  expect(server.requestsTo('/token')).toHaveLength(2);
});

it.each([
  ['is open to other users', (path: string): void => chmodSync(path, 0o640)],
  [
    'is a symbolic link',
    (path: string): void => {
      renameSync(path, `${path}.elsewhere`);
      symlinkSync(`${path}.elsewhere`, path);
    },
  ],
])('deletes a token file that %s, and says that the token is not revoked', async (_, change) => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  const path = (): string =>
    join(
      tokensDirectory(directory),
      readdirSync(tokensDirectory(directory)).find((name) => name.endsWith('.json')) ?? '',
    );
  change(path());
  const { manager } = managerAt(directory);
  const result = await manager.logout(server.issuer, user());
  expect(result).toMatchObject({ ok: false, error: { code: 'insecure_token_cache_permissions' } });
  expect(result.ok || result.error.message).toContain('not revoked');
  expect(readdirSync(tokensDirectory(directory)).filter((name) => name.endsWith('.json'))).toEqual([]);
  expect(await manager.logout(server.issuer, user())).toEqual({ ok: true, value: false });
});

it.each<[string, (path: string) => void]>([
  ['cut', (path): void => truncateSync(path, 300)],
  ['empty', (path): void => truncateSync(path, 0)],
])('deletes a token file that is %s: a refresh token may still be in it', async (_, damage) => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  const name = readdirSync(tokensDirectory(directory)).find((each) => each.endsWith('.json'));
  damage(join(tokensDirectory(directory), name ?? ''));
  const { manager, events } = managerAt(directory);
  expect(await manager.logout(server.issuer, user())).toEqual({ ok: true, value: false });
  expect(typesOf(events)).toEqual(['file_damaged']);
  expect(readdirSync(tokensDirectory(directory)).filter((each) => each.endsWith('.json'))).toEqual([]);
});

it('revokes a token that can not be deleted, and returns the error', async () => {
  const { server: scripted, metadata } = await startScripted({ '/token': bearer('a'), '/revoke': {} });
  const failure = new OAuthError('storage_unavailable', 'EROFS: read-only file system');
  const cache: Store<Token> = new Map();
  const { manager, events } = managerAt(temporaryDirectory(), {
    cache: {
      get: (key) => cache.get(key),
      set: (key, token) => cache.set(key, token),
      delete: () => {
        throw failure;
      },
    },
  });
  const credentials = { client_id: 'c', client_secret: 's' };
  const target = { ...metadata, revocation_endpoint: `${metadata.issuer}/revoke` };
  await manager.getToken(target, credentials);
  expect(await manager.logout(target, credentials)).toEqual({ ok: false, error: failure });
  expect(scripted.requestsTo('/revoke').map(({ form }) => form.get('token'))).toEqual(['a']);
  expect(typesOf(events)).not.toContain('logged_out');
});

it('does not say that the user is logged out where the token can be neither read nor deleted', async () => {
  const failure = new OAuthError('storage_unavailable', 'EIO: i/o error', { retryable: true });
  const fail = (): never => {
    throw failure;
  };
  const cache = { get: fail, set: fail, delete: fail };
  const { manager, events } = managerAt(temporaryDirectory(), { cache });
  expect(await manager.logout(server.issuer, user())).toMatchObject({
    ok: false,
    error: { code: 'storage_unavailable' },
  });
  expect(typesOf(events)).not.toContain('logged_out');
});
