import { createManager, type Credentials, type Grant } from '@oa/manager';
import { requestToken } from '@oa/token-endpoint';
import { OAuthError, type Token } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { bearer, changeStored, managerAt, startScripted, storedTokens, temporaryDirectory, typesOf } from './setup.ts';

const GRANT_TYPE = 'urn:example:grant:badge';

/** A grant as a program writes it. */
const badgeGrant: Grant = ({ server, client, parameters, options }) =>
  requestToken(server, client, { ...parameters, grant_type: GRANT_TYPE, badge: 'planted-badge' }, options);
const credentials: Credentials = { grant_type: GRANT_TYPE, grant: badgeGrant, client_id: 'c', scope: 'read' };

it('makes the grant once for all calls and processes, and stores the token under its name', async () => {
  const directory = temporaryDirectory();
  const { server, metadata } = await startScripted({ '/token': bearer('a') });
  const { manager, events } = managerAt(directory);
  const results = await Promise.all(
    Array.from({ length: 20 }, () => manager.get(metadata, { ...credentials, client_secret: 's' })),
  );
  expect(results.map((result) => result.ok && result.value.access_token)).toEqual(Array.from(results, () => 'a'));
  const other = managerAt(directory).manager;
  expect(await other.get(metadata, credentials)).toMatchObject({ ok: true, value: { access_token: 'a' } });
  expect(server.requestsTo('/token')).toHaveLength(1);
  const [request] = server.requestsTo('/token');
  expect(Object.fromEntries(request?.form ?? [])).toEqual({
    grant_type: GRANT_TYPE,
    badge: 'planted-badge',
    scope: 'read',
  });
  expect(request?.headers['authorization']).toBe(`Basic ${btoa('c:s')}`);
  expect(typesOf(events)).toContain('obtained');
  expect(await other.sessions()).toMatchObject({ ok: true, value: [{ grant_type: GRANT_TYPE, client_id: 'c' }] });
  expect(JSON.stringify([events, storedTokens(directory)])).not.toContain('planted-badge');
});

it('uses the refresh token of its answer, and makes the grant again where the server refuses that', async () => {
  const directory = temporaryDirectory();
  const { server, metadata } = await startScripted({
    '/token': ({ form }) =>
      form.get('grant_type') === 'refresh_token'
        ? form.get('refresh_token') === 'r1'
          ? bearer('b', { refresh_token: 'r2' })
          : { status: 400, json: { error: 'invalid_grant' } }
        : bearer('a', { refresh_token: 'r1' }),
  });
  const { manager } = managerAt(directory, { interaction: 'never' });
  const next = async (): Promise<string> => {
    await changeStored(directory, (token) => ({ ...token, expires_at: 1_700_000_000 }));
    return (await manager.getToken(metadata, credentials)).access_token;
  };
  await manager.getToken(metadata, credentials);
  expect([await next(), await next()]).toEqual(['b', 'a']);
  expect(server.requestsTo('/token').map(({ form }) => form.get('grant_type'))).toEqual([
    GRANT_TYPE,
    'refresh_token',
    'refresh_token',
    GRANT_TYPE,
  ]);
});

it('returns the error of the grant as a value, and throws its bug', async () => {
  const { metadata } = await startScripted();
  const manager = createManager({ cache: new Map() });
  async function failing(error: Error) {
    const grant: Grant = async () => {
      throw error;
    };
    return manager.get(metadata, { ...credentials, grant });
  }
  const error = new OAuthError('assertion_unavailable', 'No badge is in the reader. Insert one.');
  expect(await failing(error)).toEqual({ ok: false, error });
  const bug = new RangeError('a bug');
  await expect(failing(bug)).rejects.toBe(bug);
});

describe('is refused with a TypeError that names the cure', () => {
  it.each<[string, Credentials, RegExp]>([
    ['without a name', { client_id: 'c', grant: badgeGrant }, /grant needs a grant_type/],
    ['with a built-in name', { ...credentials, grant_type: 'client_credentials' }, /not that of a built-in one/],
    ['that is no function', { ...credentials, grant: 'badge' as never }, /must be a function/],
    ['without a client', { grant_type: GRANT_TYPE, grant: badgeGrant }, /client_id is missing/],
    ['with a name alone', { grant_type: GRANT_TYPE, client_id: 'c' }, /Another grant needs credentials\.grant/],
  ])('%s', async (_name, wrong, message) => {
    const { metadata } = await startScripted();
    const call = createManager({ cache: new Map() }).get(metadata, wrong);
    await expect(call).rejects.toThrow(TypeError);
    await expect(call).rejects.toThrow(message);
  });
});

it.each<[unknown, RegExp]>([
  [undefined, /must resolve with a token\./],
  ['planted', /must resolve with a token\./],
  [{}, /whose access_token is a non-empty string/],
  [{ access_token: '', token_type: 'Bearer' }, /whose access_token is/],
  [{ access_token: 'planted' }, /whose token_type is/],
  [{ access_token: 'planted', token_type: 'Bearer', expires_in: '3600' }, /whose expires_in is a number/],
  [{ access_token: 'planted', token_type: 'Bearer', expires_at: null }, /whose expires_at is a number/],
  [{ access_token: 'planted', token_type: 'Bearer', expires_in: 3600 }, /expires_in and no expires_at/],
])('stores nothing that is no token, and makes the grant once: %j', async (value, message) => {
  const { metadata } = await startScripted();
  const tokens = new Map<string, Token>();
  let grants = 0;
  const grant = (async () => ((grants += 1), value)) as Grant;
  const error: unknown = await createManager({ cache: tokens })
    .get(metadata, { ...credentials, grant })
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(TypeError);
  expect(String(error)).toMatch(message);
  expect(String(error)).not.toContain('planted');
  expect([grants, tokens.size]).toEqual([1, 0]);
});
