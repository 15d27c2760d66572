import { type ScriptedServer, startScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf } from '@oa-internal/testing';
import { startDeviceLogin } from '@oa/device-code';
import type { AuthorizationServer, Client } from '@oa/types';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerPolls, authorization, client, GRANTED, metadataOf, refusal } from './setup.ts';

let scripted: ScriptedServer;
let server: AuthorizationServer;
beforeEach(async () => {
  scripted = await startScriptedServer();
  server = metadataOf(scripted);
});
afterEach(() => scripted.close());

describe('startDeviceLogin', () => {
  it('sends the parameters and the client_id, and adds expires_at to the response (RFC 8628 section 3.1)', async () => {
    scripted.script({ '/device': { json: { ...authorization, interval: 7, extra: [1] } } });
    const started = await startDeviceLogin(
      server,
      client,
      { scope: 'read', resource: ['https://a.example', 'https://b.example'] },
      { now: () => 1_000_500 },
    );
    expect(started).toEqual({ ...authorization, interval: 7, extra: [1], expires_at: 1600, scope: 'read' });
    expect(scripted.requests[0]?.body).toBe(
      'scope=read&resource=https%3A%2F%2Fa.example&resource=https%3A%2F%2Fb.example&client_id=oa-test',
    );
    expect(scripted.requests[0]?.headers.authorization).toBeUndefined();
  });

  it('goes to the address that the authentication of the client names (RFC 8705 section 5)', async () => {
    scripted.script({ '/mtls': { json: authorization } });
    const authentication = (): object => ({ url: `${scripted.origin}/mtls`, parameters: { client_id: 'oa-test' } });
    await startDeviceLogin(server, client, {}, { authentication });
    expect(scripted.requests.map(({ path }) => path)).toEqual(['/mtls']);
  });

  it('leaves out a parameter without a value (RFC 6749 section 3.1)', async () => {
    scripted.script({ '/device': { json: authorization } });
    await startDeviceLogin(server, client, { scope: 'read', acr_values: '', max_age: '' });
    expect(scripted.requests[0]?.body).toBe('scope=read&client_id=oa-test');
  });

  it('keeps the requested scope for the token, and none of the server', async () => {
    scripted.script({ '/device': { json: { ...authorization, scope: 'planted' } } });
    expect(await startDeviceLogin(server, client)).not.toHaveProperty('scope');
    expect(await startDeviceLogin(server, client, { scope: 'a b' })).toHaveProperty('scope', 'a b');
  });

  it('reads an answer that is a form, as GitHub sends it by default', async () => {
    const form = new URLSearchParams({
      device_code: 'dc',
      user_code: 'WDJB-MJHT',
      verification_uri: 'https://as.example/device',
      expires_in: '900',
      interval: '7',
    });
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    scripted.script({ '/device': { body: form.toString(), headers } });
    expect(await startDeviceLogin(server, client)).toMatchObject({ device_code: 'dc', expires_in: 900, interval: 7 });
  });

  it('authenticates a confidential client as at the token endpoint (RFC 8628 section 3.1)', async () => {
    answerPolls(scripted, GRANTED);
    const confidential = { client_id: 'id', client_secret: 's+e&=%/~: x' };
    await startDeviceLogin(server, confidential);
    expect(scripted.requests[0]?.headers.authorization).toBe(`Basic ${btoa('id:s%2Be%26%3D%25%2F%7E%3A+x')}`);
    await startDeviceLogin(server, confidential, {}, { authentication: 'client_secret_post' });
    expect(scripted.requests[1]?.form.get('client_secret')).toBe('s+e&=%/~: x');
  });

  it.each([
    ['oauth_error', refusal('unauthorized_client')],
    ['http_error', { status: 404 }],
    ['invalid_response', { json: [] }],
    ['unexpected_content_type', { body: '<html>', headers: { 'content-type': 'text/html' } }],
  ])('rejects with %s', async (code, reply) => {
    scripted.script({ '/device': reply });
    expect(await rejectionOf(startDeviceLogin(server, client))).toMatchObject({ code });
  });

  it('repeats the request after a 503', async () => {
    scripted.script((_, index) =>
      index === 0 ? { status: 503, headers: { 'retry-after': '0' } } : { json: authorization },
    );
    expect(await startDeviceLogin(server, client)).toMatchObject({ user_code: authorization.user_code });
  });

  it('needs an endpoint and a client, and refuses reserved parameters', async () => {
    const { device_authorization_endpoint: _, ...none } = server;
    expect(await rejectionOf(startDeviceLogin(none as AuthorizationServer, client))).toMatchObject({
      code: 'endpoint_missing',
    });
    await expect(startDeviceLogin(server, {} as Client)).rejects.toThrow(TypeError);
    for (const name of ['client_id', 'client_secret', 'grant_type', 'device_code'])
      await expect(startDeviceLogin(server, client, { [name]: 'x' })).rejects.toThrow(
        `The parameter ${name} is reserved`,
      );
    expect(scripted.requests).toEqual([]);
  });
});
