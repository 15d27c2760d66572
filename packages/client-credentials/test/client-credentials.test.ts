import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { startScriptedServer } from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { AuthorizationServer } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { clientCredentials } from '@oa/client-credentials';

const client = { client_id: 'c', client_secret: 'planted-secret' };
const json = { access_token: 'at', token_type: 'bearer', expires_in: 60 };

describe('clientCredentials', () => {
  it('sends scope, resources (RFC 8707), audience, and any other parameter', async () => {
    await using server = await startScriptedServer(() => ({ json }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const resource = ['https://a.example/', 'https://b.example/'];
    const parameters = { scope: 'a b', resource, audience: 'x', tenant: 't', nothing: undefined };
    const token = await clientCredentials(metadata, client, parameters, { now: () => 1000 });
    expect(token).toEqual({ ...json, token_type: 'Bearer', scope: 'a b', expires_at: 61 });
    expect([...(server.requests[0]?.form ?? [])]).toEqual([
      ['scope', 'a b'],
      ['resource', 'https://a.example/'],
      ['resource', 'https://b.example/'],
      ['audience', 'x'],
      ['tenant', 't'],
      ['grant_type', 'client_credentials'],
    ]);
  });

  it('adds no scope of its own', async () => {
    await using server = await startScriptedServer(() => ({ json }));
    await clientCredentials({ issuer: server.origin, token_endpoint: `${server.origin}/token` }, client);
    expect(server.requests[0]?.body).toBe('grant_type=client_credentials');
  });

  it.each([
    'grant_type',
    'client_id',
    'client_secret',
    'client_assertion',
    'client_assertion_type',
    'code',
    'code_verifier',
    'redirect_uri',
    'refresh_token',
    'username',
    'password',
  ])('refuses the parameter %s before it sends anything', async (name) => {
    await using server = await startScriptedServer(() => ({ json }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const promise = clientCredentials(metadata, client, { [name]: 'planted-value' });
    await expect(promise).rejects.toThrow(
      new TypeError(`The parameter ${name} is reserved: the call sets it, or forbids it. Leave it out.`),
    );
    expect(server.requests).toHaveLength(0);
  });

  it('asks whether the environment variable of the secret is set, and does not advise to leave it out', async () => {
    const metadata = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
    for (const client_secret of ['', process.env['OA_NOT_SET']]) {
      const promise = clientCredentials(metadata, { client_id: 'c', client_secret } as { client_id: string });
      await expect(promise).rejects.toThrow(
        /^client\.client_secret is missing or empty\. If it comes from an environment variable, is the variable set\? /,
      );
    }
    const nameless = { client_id: process.env['OA_NOT_SET'], client_secret: 's' } as unknown as { client_id: string };
    await expect(clientCredentials(metadata, nameless)).rejects.toThrow(
      'client.client_id must be a non-empty string. If it comes from an environment variable, is the variable set?',
    );
  });

  it('needs a client that can authenticate (RFC 6749 section 4.4)', async () => {
    await using server = await startScriptedServer(() => ({ json }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    for (const publicClient of [
      { client_id: 'c' },
      { client_id: 'c', client_secret: '' },
      { client_id: 'c', token_endpoint_auth_method: 'none' },
    ])
      await expect(clientCredentials(metadata, publicClient)).rejects.toBeInstanceOf(TypeError);
    expect(server.requests).toHaveLength(0);
    await clientCredentials(metadata, { client_id: 'c', token_endpoint_auth_method: 'tls_client_auth' });
    await clientCredentials(metadata, { client_id: 'c' }, {}, { authentication: 'none' });
    const authentication = (): object => ({ parameters: { client_id: 'c', client_assertion: 'signed' } });
    await clientCredentials(metadata, { client_id: 'c' }, {}, { authentication });
    expect(server.requests).toHaveLength(3);
  });

  it('repeats the request after an error that may pass', async () => {
    await using server = await startScriptedServer((_, index) => (index === 0 ? { drop: 'request' } : { json }));
    await clientCredentials({ issuer: server.origin, token_endpoint: `${server.origin}/token` }, client);
    expect(server.requests).toHaveLength(2);
  });

  it('keeps the secret out of errors', async () => {
    await using server = await startScriptedServer(() => ({
      status: 401,
      json: { error: 'invalid_client', error_description: `${btoa('c:planted-secret')} planted-secret` },
    }));
    const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const error = await rejectionOf(clientCredentials(metadata, client));
    expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_client' });
    expect(inspectAll(error)).not.toMatch(new RegExp(`planted-secret|${btoa('c:planted-secret')}`));
  });

  it('gets a token from a real server for a secret with special characters (RFC 6749 section 2.3.1)', async () => {
    await using handle = await startAuthorizationServer({ accessTokenTtl: 120 });
    const answer = await fetch(`${handle.issuer}/.well-known/openid-configuration`);
    const server = (await answer.json()) as AuthorizationServer;
    const token = await clientCredentials(server, handle.confidential, { scope: 'read', resource: handle.resource });
    expect(token).toMatchObject({ token_type: 'Bearer', scope: 'read', expires_in: 120 });
    expect(handle.count('/token', 'client_credentials')).toBe(1);
  });
});
