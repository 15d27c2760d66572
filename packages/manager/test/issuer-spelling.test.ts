import { fileClientStore } from '@oa/client-store';
import { tokenKey } from '@oa/token-cache';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, onTestFinished } from 'vitest';
import { agreeingBrowser, bearer, managerAt, storedTokens, temporaryDirectory } from './setup.ts';

const CREDENTIALS = { client_id: 'c', client_secret: 's' };
const CALLBACK_ISSUER = 'authorization_response_iss_parameter_supported';

/** A server that publishes the issuer `<origin><path>`. */
async function startServerOf(path: string, more: Record<string, unknown> = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer();
  onTestFinished(() => server.close());
  const { origin } = server;
  let tokens = 0;
  const json = {
    issuer: `${origin}${path}`,
    token_endpoint: `${origin}/token`,
    authorization_endpoint: `${origin}/authorize`,
    registration_endpoint: `${origin}/register`,
    revocation_endpoint: `${origin}/revoke`,
    ...more,
  };
  const bare = path.replace(/\/$/, '');
  server.script((request) => {
    if (request.path === `${bare}/.well-known/openid-configuration`) return { json };
    if (request.path === '/token') return bearer(`a${(tokens += 1)}`, { refresh_token: `r${tokens}` });
    if (request.path === '/register') return { status: 201, json: { client_id: 'registered' } };
    if (request.path === '/revoke') return {};
    return undefined;
  });
  return server;
}

it.each(['', '/'])(
  'stores one token for both spellings of an issuer without a path, which the server writes as "%s" (RFC 3986 section 6.2.3)',
  async (published) => {
    for (const spellings of [
      ['', '/'],
      ['/', ''],
    ]) {
      const server = await startServerOf(published);
      const directory = temporaryDirectory();
      for (const spelling of [...spellings, ...spellings])
        expect(await managerAt(directory).manager.get(`${server.origin}${spelling}`, CREDENTIALS)).toMatchObject({
          value: { access_token: 'a1' },
        });
      expect(server.requestsTo('/token')).toHaveLength(1);
      expect(storedTokens(directory)).toHaveLength(1);
    }
  },
);

it('uses and renews a token that an earlier version stored under the issuer with a slash, and logs it out', async () => {
  const server = await startServerOf('/');
  const cache = new Map();
  const issuer = `${server.origin}/`;
  const key = tokenKey({ issuer, grant_type: 'authorization_code', client_id: 'c' });
  const expired = { token_type: 'Bearer', refresh_token: 'old', expires_in: 3600, expires_at: 1 };
  cache.set(key, { ...expired, access_token: 'before' });
  const { manager } = managerAt(temporaryDirectory(), { cache, interaction: 'never' });
  for (const spelling of ['', '/'])
    expect(await manager.get(`${server.origin}${spelling}`, { client_id: 'c' })).toMatchObject({
      value: { access_token: 'a1' },
    });
  expect(server.requestsTo('/token').map(({ form }) => form.get('refresh_token'))).toEqual(['old']);
  expect([...cache.keys()]).toEqual([key]);

  expect(await manager.logout(server.origin, { client_id: 'c' })).toMatchObject({ ok: true });
  expect(cache.size).toBe(0);
  expect(server.requestsTo('/revoke')).not.toEqual([]);
});

it('registers once for both spellings, under the issuer as the server writes it, and checks iss against that (RFC 9207 section 2.4)', async () => {
  const server = await startServerOf('/', { [CALLBACK_ISSUER]: true });
  const directory = temporaryDirectory();
  const agent = agreeingBrowser({ iss: `${server.origin}/` });
  for (const [spelling, scope] of [
    ['', 'one'],
    ['/', 'two'],
  ]) {
    const { manager } = managerAt(directory, { interaction: 'always', login: { openBrowser: agent.openBrowser } });
    expect(await manager.get(`${server.origin}${spelling}`, { scope })).toMatchObject({ ok: true });
  }
  expect(server.requestsTo('/register')).toHaveLength(1);
  const stored = await fileClientStore({ app: 'test' }).list();
  expect(stored.map(({ issuer }) => issuer)).toEqual([`${server.origin}/`]);

  await managerAt(directory).manager.forgetClient(server.origin);
  expect(await fileClientStore({ app: 'test' }).list()).toEqual([]);
});

it.each(['/tenant', '/tenant/', ''])(
  'takes the address of the metadata document as a target, for the issuer "%s"',
  async (path) => {
    const server = await startServerOf(path);
    const directory = temporaryDirectory();
    const bare = `${server.origin}${path.replace(/\/$/, '')}`;
    const address = `${bare}/.well-known/openid-configuration`;
    expect(await managerAt(directory).manager.get(address, CREDENTIALS)).toMatchObject({ ok: true });
    expect(await managerAt(directory).manager.get(address, CREDENTIALS)).toMatchObject({ ok: true });
    expect(server.requests.map(({ url }) => `${server.origin}${url}`)).toEqual([address, `${server.origin}/token`]);
    if (!path.endsWith('/')) await managerAt(directory).manager.get(bare, CREDENTIALS);
    expect(server.requestsTo('/token')).toHaveLength(1);
  },
);

it('sends no secret after the address of a document that does not exist', async () => {
  const server = await startServerOf('');
  const address = `${server.origin}/wrong/.well-known/openid-configuration`;
  const result = await managerAt(temporaryDirectory()).manager.get(address, CREDENTIALS);
  expect(result).toMatchObject({ ok: false, error: { code: 'metadata_not_found' } });
  expect(server.requestsTo('/token')).toEqual([]);
});

it('accepts a resource that names the pinned issuer in the other spelling', async () => {
  const server = await startServerOf('/');
  const api = await startScriptedServer();
  onTestFinished(() => api.close());
  const resource = `${api.origin}/api`;
  api.script({
    '/.well-known/oauth-protected-resource/api': { json: { resource, authorization_servers: [`${server.origin}/`] } },
  });
  const { manager } = managerAt(temporaryDirectory());
  expect(await manager.get({ resource, issuer: server.origin }, CREDENTIALS)).toMatchObject({ ok: true });
});

it.each(['{tenantid}', ':tenant', '<tenant>', '${TENANT}'])(
  'says what belongs in place of %s in the issuer, where no user can be asked too',
  async (placeholder) => {
    const server = await startServerOf('');
    const { manager } = managerAt(temporaryDirectory(), { interaction: 'never' });
    for (const credentials of [CREDENTIALS, { client_id: 'c' }]) {
      const result = await manager.get(`${server.origin}/${placeholder}/v2.0`, credentials);
      expect(result).toMatchObject({ ok: false, error: { code: 'metadata_not_found' } });
      expect(!result.ok && result.error.message).toContain(`the placeholder ${placeholder}. Put the value`);
    }
    expect(server.requests).toEqual([]);
  },
);

it('names the issuer as the way out, if a resource names an authorization server with a placeholder', async () => {
  const server = await startServerOf('/t1');
  const api = await startScriptedServer();
  onTestFinished(() => api.close());
  const resource = `${api.origin}/api`;
  api.script({
    '/.well-known/oauth-protected-resource/api': {
      json: { resource, authorization_servers: [`${server.origin}/{tenant}`] },
    },
  });
  const { manager } = managerAt(temporaryDirectory());
  const result = await manager.get({ resource, issuer: `${server.origin}/t1` }, CREDENTIALS);
  expect(result).toMatchObject({ ok: false, error: { code: 'invalid_response' } });
  expect(!result.ok && result.error.message).toMatch(
    /the placeholder \{tenant\}\. Pass the issuer of your own account/,
  );
  // What the message says.
  expect(await manager.get(`${server.origin}/t1`, { ...CREDENTIALS, resource })).toMatchObject({ ok: true });
});
