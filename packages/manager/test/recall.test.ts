import { createManager, type Credentials, type Manager, type ManagerOptions } from '@oa/manager';
import { tokenKey } from '@oa/token-cache';
import type { Store, Token } from '@oa/types';
import { expect, it } from 'vitest';

const ISSUER = 'https://as.example';
const CREDENTIALS = { client_id: 'c', client_secret: 's' };
const EXPIRY_SECONDS = 1_900_000_000;

function tokenFor(scope: string, more: Partial<Token> = {}): Token {
  return { access_token: `for ${scope}`, token_type: 'Bearer', expires_in: 3600, expires_at: EXPIRY_SECONDS, ...more };
}

/** A manager whose store says how it was asked. No server can be reached. */
function startManager(tokens: Record<string, Token>, more: ManagerOptions = {}) {
  const identity = { issuer: ISSUER, client_id: 'c', grant_type: 'client_credentials' };
  const held = new Map(
    Object.entries(tokens).map(([scope, token]) => [
      tokenKey({ ...identity, scope: scope === 'none' ? undefined : scope }),
      token,
    ]),
  );
  const calls: string[] = [];
  const cache: Store<Token> = {
    get: async (key) => (calls.push('get'), held.get(key)),
    peek: (key) => (calls.push('peek'), held.get(key)),
    set: async (key, token) => void held.set(key, token),
    delete: async (key) => void held.delete(key),
  };
  const fetch = () => Promise.reject(new TypeError('No network.'));
  const now = () => (EXPIRY_SECONDS - 3600) * 1000;
  const manager = createManager({ cache, fetch, now, interaction: 'never', ...more });
  return { manager, calls, held };
}

const accessToken = async (
  manager: Manager,
  credentials: Credentials,
  wanted?: object,
): Promise<string | undefined> => {
  const result = await manager.get(ISSUER, credentials, wanted);
  return result.ok ? result.value.access_token : result.error.code;
};

it('opens a session once for calls with the same credentials, also in another object, and with a source', async () => {
  const { manager, calls } = startManager({ none: tokenFor('none') });
  const source = manager.source(ISSUER, CREDENTIALS, { interaction: 'never' });
  await source();
  await source();
  await manager.source(ISSUER, { ...CREDENTIALS })();
  const { signal } = new AbortController();
  for (const wanted of [undefined, {}, { signal }, { interaction: 'never' }])
    expect(await accessToken(manager, { ...CREDENTIALS }, wanted)).toBe('for none');
  expect(calls).toEqual(['get', ...Array.from({ length: 6 }, () => 'peek')]);
});

it('opens a session once for each of several credentials that take turns', async () => {
  const { manager, calls } = startManager({ none: tokenFor('none'), read: tokenFor('read') });
  for (let turn = 0; turn < 3; turn += 1) {
    expect(await accessToken(manager, CREDENTIALS)).toBe('for none');
    expect(await accessToken(manager, { ...CREDENTIALS, scope: 'read' })).toBe('for read');
  }
  expect(calls).toEqual(['get', 'get', 'peek', 'peek', 'peek', 'peek']);
});

it('keeps apart what differs in any member, wherever an object has it', async () => {
  const { manager } = startManager({ none: tokenFor('none'), read: tokenFor('read'), admin: tokenFor('admin') });
  class Own {
    client_id = 'c';
    client_secret = 's';
    #scope: string;
    constructor(scope: string) {
      this.#scope = scope;
    }
    get scope(): string {
      return this.#scope;
    }
  }
  const changing: Credentials = { ...CREDENTIALS };
  expect(await accessToken(manager, changing)).toBe('for none');
  expect(await accessToken(manager, new Own('read'))).toBe('for read');
  expect(await accessToken(manager, new Own('admin'))).toBe('for admin');
  changing.scope = 'read';
  expect(await accessToken(manager, changing)).toBe('for read');
  expect(await accessToken(manager, { ...CREDENTIALS, profile: 'p' })).toBe('network_error');
  expect(await accessToken(manager, { ...CREDENTIALS, parameters: { tenant: 'a' } })).toBe('network_error');
  expect(await accessToken(manager, { ...CREDENTIALS, resource: ['https://api.example'] })).toBe('network_error');
});

it('refuses wrong credentials and options after a call with right ones', async () => {
  const { manager } = startManager({ none: tokenFor('none') });
  await manager.get(ISSUER, CREDENTIALS);
  const wrong: [object | null, object | null | undefined][] = [
    [{ ...CREDENTIALS, scopes: 'read' }, undefined],
    [{ ...CREDENTIALS, client_secret: '' }, undefined],
    [null, undefined],
    [CREDENTIALS, { interaction: 'sometimes' }],
    [CREDENTIALS, null],
  ];
  for (const [credentials, wanted] of wrong)
    await expect(manager.getToken(ISSUER, credentials as Credentials, wanted as object)).rejects.toThrow(TypeError);
  const source = manager.source(ISSUER, CREDENTIALS, { interaction: 'sometimes' as 'never' });
  await expect(source()).rejects.toThrow(TypeError);
});

it.each<[string, object]>([
  ['a token that was refused', { rejected: 'for none' }],
  ['more time than the token has', { minimumValidity: 3_599_999_999 }],
  ['more scopes', { scope: 'write' }],
  ['a user who logs in', { acr_values: 'mfa' }],
])('goes the whole way for %s', async (_name, wanted) => {
  const { manager, calls } = startManager({ none: tokenFor('none') });
  await manager.get(ISSUER, CREDENTIALS);
  calls.length = 0;
  await manager.get(ISSUER, CREDENTIALS, wanted);
  expect(calls).not.toContain('peek');
});

it('rejects with the reason of a signal that has aborted', async () => {
  const { manager } = startManager({ none: tokenFor('none') });
  await manager.get(ISSUER, CREDENTIALS);
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(manager.getToken(ISSUER, CREDENTIALS, { signal })).rejects.toThrow('enough');
});

it.each<[string, Partial<Token>]>([
  ['in less than five minutes', { expires_at: EXPIRY_SECONDS - 3600 + 299 }],
  ['at a time that the clock makes wrong', { expires_at: EXPIRY_SECONDS + 60 }],
  ['at once', { expires_in: 0 }],
])('goes the whole way for a token that expires %s', async (_name, more) => {
  const { manager, calls, held } = startManager({ none: tokenFor('none') });
  await manager.get(ISSUER, CREDENTIALS);
  for (const key of held.keys()) held.set(key, tokenFor('none', more));
  calls.length = 0;
  await manager.get(ISSUER, CREDENTIALS);
  expect(calls.slice(0, 2)).toEqual(['peek', 'get']);
});

it('returns no token after a logout', async () => {
  const { manager } = startManager({ none: tokenFor('none') });
  await manager.get(ISSUER, CREDENTIALS);
  await manager.logout(ISSUER, CREDENTIALS);
  expect(await accessToken(manager, CREDENTIALS)).toBe('network_error');
});

it('asks the client of the options anew, which the program may change', async () => {
  const clients = { [ISSUER]: { client_id: 'c', client_secret: 's' } };
  const { manager } = startManager({ none: tokenFor('none') }, { clients });
  const credentials = { grant_type: 'client_credentials' } as const;
  expect(await accessToken(manager, credentials)).toBe('for none');
  clients[ISSUER] = { client_id: 'other', client_secret: 's' };
  expect(await accessToken(manager, credentials)).toBe('network_error');
});

it('uses a Map as the store without a second lookup', async () => {
  const key = tokenKey({ issuer: ISSUER, client_id: 'c', grant_type: 'client_credentials' });
  const cache = new Map([[key, tokenFor('none')]]);
  const { manager } = startManager({}, { cache });
  await manager.get(ISSUER, CREDENTIALS);
  cache.set(key, tokenFor('newer'));
  expect(await accessToken(manager, CREDENTIALS)).toBe('for newer');
});
