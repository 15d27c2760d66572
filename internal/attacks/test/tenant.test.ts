import { startScriptedServer } from '@oa-internal/scripted-server';
import { createManager } from '@oa/manager';
import { expect, it } from 'vitest';
import { useTemporaryHome } from './home.ts';

useTemporaryHome();

it('a tenant that claims the resource of its whole host does not get the token that is cached for it (RFC 9728 section 3.3)', async () => {
  await using server = await startScriptedServer();
  await using host = await startScriptedServer();
  const issuer = server.origin;
  const root = `${host.origin}/`;
  server.script({
    '/.well-known/oauth-authorization-server': { json: { issuer, token_endpoint: `${issuer}/token` } },
    '/token': { json: { access_token: 'of-the-root', token_type: 'Bearer', expires_in: 3600 } },
  });
  host.script({
    '/tenant': { status: 401, headers: { 'www-authenticate': 'Bearer' } },
    '/.well-known/oauth-protected-resource/tenant': { json: { resource: root, authorization_servers: [issuer] } },
  });
  const manager = createManager({ app: 'tenants', cache: new Map() });
  const client = { client_id: 'job', client_secret: 'secret' };
  const cached = await manager.getToken(issuer, { ...client, resource: root });
  expect(cached.access_token).toBe('of-the-root');
  const result = await manager.get({ resource: `${host.origin}/tenant`, issuer }, client);
  expect(result).toMatchObject({ ok: false, error: { code: 'resource_mismatch' } });
});
