import { chmodSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Credentials } from '@oa/manager';
import { fileTokenCache, tokenKey } from '@oa/token-cache';
import type { Store, Token } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { agreeingBrowser, bearer, managerAt, startScripted, temporaryDirectory, tokensDirectory } from './setup.ts';

const SECRETS = { access_token: 'S3CRET-access', refresh_token: 'S3CRET-refresh', id_token: 'S3CRET-id' };

it('lists what is stored, and no secret', async () => {
  const { metadata } = await startScripted({ '/token': bearer(SECRETS.access_token, { ...SECRETS, scope: 'read' }) });
  const { manager } = managerAt(temporaryDirectory(), { login: { openBrowser: agreeingBrowser().openBrowser } });
  const { issuer } = metadata;
  await manager.login(metadata, { client_id: 'tool', scope: 'read write', profile: 'work' });
  await manager.login(metadata, { client_id: 'tool', profile: 'home', resource: 'https://api.example/' });
  await manager.getToken(metadata, { client_id: 'job', client_secret: 'S3CRET-client', audience: 'api' });
  const result = await manager.sessions();
  const expires_at: unknown = expect.any(Number);
  expect(result).toEqual({
    ok: true,
    value: [
      {
        issuer,
        client_id: 'job',
        grant_type: 'client_credentials',
        scope: 'read',
        audience: ['api'],
        expires_at,
        has_refresh_token: true,
        kept: 'file',
      },
      {
        issuer,
        client_id: 'tool',
        grant_type: 'authorization_code',
        scope: 'read',
        resource: ['https://api.example/'],
        profile: 'home',
        expires_at,
        has_refresh_token: true,
        kept: 'file',
      },
      {
        issuer,
        client_id: 'tool',
        grant_type: 'authorization_code',
        scope: 'read',
        profile: 'work',
        expires_at,
        has_refresh_token: true,
        kept: 'file',
      },
    ],
  });
  expect(inspect(result, { depth: 9 })).not.toContain('S3CRET');
});

it('is empty where nothing was stored yet', async () => {
  expect(await managerAt(temporaryDirectory()).manager.sessions()).toEqual({ ok: true, value: [] });
});

it('lists the sessions of a Map, and ignores what the program keeps there besides', async () => {
  const key = tokenKey({ issuer: 'https://as.example', grant_type: 'authorization_code', client_id: 'p' });
  const token: Token = { access_token: 'a', token_type: 'Bearer' };
  const cache = new Map([
    ['other', token],
    [key, token],
  ]);
  const { manager } = managerAt(temporaryDirectory(), { cache });
  expect(await manager.sessions()).toEqual({
    ok: true,
    value: [
      {
        issuer: 'https://as.example',
        client_id: 'p',
        grant_type: 'authorization_code',
        has_refresh_token: false,
        kept: 'memory',
      },
    ],
  });
});

it('rejects with a TypeError where the store can not list its keys', async () => {
  const cache = { get: () => undefined, set: () => undefined, delete: () => true };
  const { manager } = managerAt(temporaryDirectory(), { cache });
  await expect(manager.sessions()).rejects.toThrow(/options.cache has no method keys/);
  await expect(manager.logoutAll()).rejects.toThrow(/options.cache has no method keys/);
});

it('names a file that other users may read, instead of leaving it out', async () => {
  const directory = temporaryDirectory();
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const { manager } = managerAt(directory);
  await manager.getToken(metadata, { client_id: 'c', client_secret: 's' });
  const name = readdirSync(tokensDirectory(directory)).find((each) => each.endsWith('.json')) ?? '';
  chmodSync(join(tokensDirectory(directory), name), 0o644);
  const result = await managerAt(directory).manager.sessions();
  expect(result).toMatchObject({ ok: false, error: { code: 'insecure_token_cache_permissions' } });
  expect(result.ok || result.error.message).toContain(name);
});

it('leaves out a damaged file', async () => {
  const directory = temporaryDirectory();
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const credentials: Credentials = { client_id: 'c', client_secret: 's' };
  await managerAt(directory).manager.getToken(metadata, credentials);
  const name = readdirSync(tokensDirectory(directory)).find((each) => each.endsWith('.json')) ?? '';
  writeFileSync(join(tokensDirectory(directory), name), '{');
  expect(await managerAt(directory).manager.sessions()).toEqual({ ok: true, value: [] });
});

describe('says how a session is kept', () => {
  const identity = { issuer: 'https://as.example', client_id: 'p', grant_type: 'authorization_code' };
  const token: Token = { access_token: 'a', token_type: 'Bearer' };
  const tokens = new Map([[tokenKey(identity), token]]);
  const store: Store<Token> = {
    get: (key) => tokens.get(key),
    set: (key, value) => tokens.set(key, value),
    delete: (key) => tokens.delete(key),
    keys: () => tokens.keys(),
  };

  async function keptIn(cache: Store<Token> & { list?: unknown }): Promise<unknown> {
    const result = await managerAt(temporaryDirectory(), { cache }).manager.sessions();
    return result.ok && result.value.map(({ kept, encryption_key }) => [kept, encryption_key]);
  }

  it('in a store of the program, which does not say it', async () => {
    expect(await keptIn(store)).toEqual([['store', undefined]]);
  });

  it('in a store whose list says it, without reading a value', async () => {
    const listed = { key: tokenKey(identity), ...identity, has_refresh_token: false };
    const get = (): never => {
      throw new Error('read');
    };
    const shared = (encryption_key?: string): object => ({ ...listed, ...(encryption_key && { encryption_key }) });
    expect(await keptIn({ ...store, get, list: () => [shared('kms/1')] })).toEqual([['encrypted', 'kms/1']]);
    expect(await keptIn({ ...store, get, list: () => [shared()] })).toEqual([['store', undefined]]);
  });

  it.each([
    ['nothing', undefined],
    ['a number', 7],
    ['other values', [{ name: 'x' }, 'y', null]],
  ])('in a store whose method list returns %s', async (_, listed) => {
    expect(await keptIn({ ...store, list: () => listed })).toEqual([['store', undefined]]);
  });

  it('in encrypted files, also without the key', async () => {
    const directory = temporaryDirectory();
    const key = new Uint8Array(32);
    await fileTokenCache({ directory, encryption: { id: 'kms/1', key: async () => key } }).set(
      tokenKey(identity),
      token,
    );
    const locked = (): Promise<never> => Promise.reject(new Error('locked'));
    expect(await keptIn(fileTokenCache({ directory, encryption: { id: 'kms/1', key: locked } }))).toEqual([
      ['encrypted', 'kms/1'],
    ]);
    expect(await keptIn(fileTokenCache({ directory }))).toEqual([['encrypted', 'kms/1']]);
  });

  it('in memory, where the file of a session could not be written, or must not be', async () => {
    const { metadata } = await startScripted({ '/token': bearer('a') });
    const directory = temporaryDirectory();
    const { manager } = managerAt(directory);
    await manager.getToken(metadata, { client_id: 'c', client_secret: 's' });
    const exchange = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    await manager.getToken(metadata, { grant_type: exchange, assertion: 'x', subject: 'me' });
    const result = await manager.sessions();
    expect(result.ok && result.value.map(({ kept }) => kept).toSorted()).toEqual(['file', 'memory']);
  });
});
