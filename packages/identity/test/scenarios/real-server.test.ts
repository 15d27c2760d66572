import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { rejectionOf } from '@oa-internal/testing';
import { introspect, readIdToken, userInfo } from '@oa/identity';
import { authorizationUrl, createPkce, exchangeCode } from '@oa/pkce';
import type { AuthorizationServer, Token } from '@oa/types';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';

let real: AuthorizationServerHandle;
let server: AuthorizationServer;
beforeAll(async () => {
  real = await startAuthorizationServer();
  const response = await fetch(`${real.issuer}/.well-known/openid-configuration`);
  server = (await response.json()) as AuthorizationServer;
});
afterAll(() => real.close());

/** Logs in at the real server, as a program with its own redirect does. */
async function logIn(nonce: string): Promise<Token> {
  const codes: (string | null)[] = [];
  const receiver = createServer((request, response) => {
    codes.push(new URL(request.url ?? '/', 'http://127.0.0.1').searchParams.get('code'));
    response.end();
  });
  await new Promise<void>((resolve) => {
    receiver.listen(0, '127.0.0.1', resolve);
  });
  try {
    const { code_verifier, code_challenge } = await createPkce();
    const redirect_uri = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/callback`;
    const parameters = { redirect_uri, state: 's', code_challenge, scope: 'openid', nonce };
    await real.logIn(authorizationUrl(server, real.public, parameters).href);
    return await exchangeCode(server, real.public, { code: codes[0] ?? '', code_verifier, redirect_uri });
  } finally {
    receiver.closeAllConnections();
    receiver.close();
  }
}

it('reads the ID token of a real server, with its signature, and asks it who the user is', async () => {
  const token = await logIn('n-1');
  const options = { server, client_id: real.public.client_id, verify: 'signature' as const };
  expect(await readIdToken(token, { ...options, nonce: 'n-1' })).toMatchObject({ sub: 'ada', iss: real.issuer });
  expect(await rejectionOf(readIdToken(token, { ...options, nonce: 'n-2' }))).toMatchObject({
    code: 'invalid_id_token',
  });
  expect(await userInfo(server, token)).toMatchObject({ sub: 'ada' });
});

it('introspects a token of a real server (RFC 7662 section 2)', async () => {
  const token = await logIn('n-1');
  expect(await introspect(server, real.public, token)).toMatchObject({ active: true, sub: 'ada' });
  expect(await introspect(server, real.confidential, 'never-issued')).toEqual({ active: false });
});
