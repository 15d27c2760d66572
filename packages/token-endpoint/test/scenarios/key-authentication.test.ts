// Each method that needs a key or a certificate, at oidc-provider: a token, a refresh, a revocation and an introspection.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { rejectionOf, temporaryDirectory } from '@oa-internal/testing';
import {
  clientAssertion,
  clientSecretJwt,
  privateKeyJwt,
  signJwt,
  tlsClientAuth,
  type ClientAuthentication,
} from '@oa/client-authentication';
import { readError, type HttpResponse } from '@oa/http';
import { postAuthenticated, refreshToken, requestToken, revokeToken } from '@oa/token-endpoint';
import type { AuthorizationServer, Client, Token } from '@oa/types';
import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

let handle: AuthorizationServerHandle;
let server: AuthorizationServer;
const folder = temporaryDirectory();

beforeAll(async () => {
  issueCertificates();
  const certificate = { key: read('server.key'), cert: read('server.pem'), ca: read('ca.pem') };
  handle = await startAuthorizationServer({ certificate });
  const answer = await fetch(`${handle.issuer}/.well-known/openid-configuration`);
  server = (await answer.json()) as AuthorizationServer;
});
afterAll(() => handle.close());

/** Registers a client for this method. */
async function registerFor(method: string, metadata: object = {}): Promise<Client> {
  const response = await fetch(`${handle.issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      token_endpoint_auth_method: method,
      grant_types: ['client_credentials', DEVICE_CODE, 'refresh_token'],
      redirect_uris: [],
      response_types: [],
      ...metadata,
    }),
  });
  const client = (await response.json()) as Client;
  expect(client.token_endpoint_auth_method).toBe(method);
  return client;
}

/** Gets a token for the client and one for a user, refreshes that, and asks about it before and after it is revoked. */
async function useEverywhere(client: Client, authentication: ClientAuthentication): Promise<unknown> {
  const options = { authentication };
  const job = await requestToken(server, client, { grant_type: 'client_credentials', scope: 'read' }, options);
  const login = await logInOnDevice(client, authentication);
  const refreshed = await refreshToken(server, client, login, {}, options);
  const before = await isActive(client, refreshed, authentication);
  await revokeToken(server, client, refreshed, options);
  const after = await isActive(client, refreshed, authentication);
  return { job: job.scope, isNew: refreshed.access_token !== login.access_token, before, after };
}
const WORKS = { job: 'read', isNew: true, before: true, after: false };

async function logInOnDevice(client: Client, authentication: ClientAuthentication): Promise<Token> {
  const options = { authentication };
  const parameters = { scope: 'openid offline_access', prompt: 'consent' };
  const url = server.device_authorization_endpoint ?? '';
  const { device_code = '', verification_uri_complete = '' } = await postAuthenticated(
    server,
    client,
    { url, parameters, idempotent: true },
    readObject,
    options,
  );
  // The server builds it with the address of the request.
  const { pathname, search } = new URL(verification_uri_complete);
  await handle.approveDevice(`${handle.issuer}${pathname}${search}`);
  return requestToken(server, client, { grant_type: DEVICE_CODE, device_code }, options);
}

async function isActive(client: Client, token: Token, authentication: ClientAuthentication): Promise<unknown> {
  const form = {
    url: server.introspection_endpoint ?? '',
    parameters: { token: token.access_token },
    idempotent: true,
  };
  return (await postAuthenticated(server, client, form, readObject, { authentication }))['active'];
}

function readObject(response: HttpResponse): Record<string, string> {
  const error = readError(response);
  if (error !== undefined) throw error;
  return JSON.parse(response.text) as Record<string, string>;
}

describe.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('private_key_jwt with %s', (alg) => {
  it.each(['CryptoKey', 'JWK', 'PEM'])('and a key that is a %s (RFC 7523 section 2.2)', async (kind) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg, use: 'sig' }] };
    const client = await registerFor('private_key_jwt', { jwks, token_endpoint_auth_signing_alg: alg });
    const key =
      kind === 'PEM' ? await exportPKCS8(privateKey) : kind === 'JWK' ? await exportJWK(privateKey) : privateKey;
    expect(await useEverywhere(client, privateKeyJwt(key, { kid: 'k1', alg }))).toEqual(WORKS);
  });
});

it('private_key_jwt with another key is refused, and the error says what to check', async () => {
  const { publicKey } = await generateKeyPair('ES256');
  const { privateKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' }] };
  const client = await registerFor('private_key_jwt', { jwks });
  const options = { authentication: privateKeyJwt(privateKey) };
  const error = await rejectionOf(requestToken(server, client, { grant_type: 'client_credentials' }, options));
  expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_client', status: 401 });
  expect(error.message).toContain('Check that the server has the public key of this client for ES256');
});

it('client_secret_jwt (OpenID Connect Core section 9)', async () => {
  const client = await registerFor('client_secret_jwt');
  expect(client.client_secret).toEqual(expect.any(String));
  expect(await useEverywhere(client, clientSecretJwt())).toEqual(WORKS);
});

it('an assertion of another program, which asks for a new one after a refusal (RFC 7521 section 4.2)', async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), alg: 'ES256', use: 'sig' }] };
  const client = await registerFor('private_key_jwt', { jwks });
  const { client_id } = client;
  let kept: string | undefined;
  let signed = 0;
  // It keeps what it has made, and oidc-provider takes each once.
  const source = async ({
    audience,
    rejected,
  }: {
    audience: string;
    rejected?: string | undefined;
  }): Promise<string> => {
    if (kept !== undefined && rejected === undefined) return kept;
    signed += 1;
    const exp = Math.floor(Date.now() / 1000) + 60;
    return (kept = await signJwt(
      {},
      { iss: client_id, sub: client_id, aud: audience, jti: String(signed), exp },
      privateKey,
    ));
  };
  expect(await useEverywhere(client, clientAssertion(source))).toEqual(WORKS);
  expect(signed).toBeGreaterThan(5);
});

describe('a certificate, at the endpoints for clients that have one (RFC 8705)', () => {
  const fetchWith = (name: string): typeof fetch => {
    const connect = { key: read(`${name}.key`), cert: read(`${name}.pem`), ca: read('ca.pem') };
    const dispatcher = new Agent({ connect });
    return (url, init) =>
      undiciFetch(url as string, { ...(init as object), dispatcher }) as unknown as ReturnType<typeof fetch>;
  };

  it('of an authority: tls_client_auth', async () => {
    const client = await registerFor('tls_client_auth', { tls_client_auth_subject_dn: 'CN=good' });
    expect(await useEverywhere(client, tlsClientAuth({ fetch: fetchWith('good') }))).toEqual(WORKS);
  });

  it('of its own: self_signed_tls_client_auth', async () => {
    const x5c = [
      read('self.pem')
        .toString()
        .replaceAll(/-----.*-----|\s/g, ''),
    ];
    const publicKey = execFileSync('openssl', ['x509', '-in', join(folder, 'self.pem'), '-pubkey', '-noout']);
    const { createPublicKey } = await import('node:crypto');
    const jwks = { keys: [{ ...createPublicKey(publicKey).export({ format: 'jwk' }), x5c }] };
    const client = await registerFor('self_signed_tls_client_auth', { jwks });
    expect(await useEverywhere(client, tlsClientAuth({ fetch: fetchWith('self') }))).toEqual(WORKS);
  });

  it('of another client is refused, and so is none', async () => {
    const client = await registerFor('tls_client_auth', { tls_client_auth_subject_dn: 'CN=good' });
    const { mtls_endpoint_aliases: _, ...withoutAliases } = server;
    const grant = { grant_type: 'client_credentials' };
    for (const [metadata, send] of [
      [server, fetchWith('self')],
      [withoutAliases as AuthorizationServer, fetch],
    ] as const) {
      const authentication = tlsClientAuth({ fetch: send });
      const error = await rejectionOf(requestToken(metadata, client, grant, { authentication }));
      expect(error).toMatchObject({ code: 'oauth_error', error: 'invalid_client', status: 401 });
      expect(error.message).toContain('presents the certificate that is registered for the client');
    }
    // Without the option, the error names the function.
    const error = await rejectionOf(requestToken(server, client, grant));
    expect(error.message).toContain('pass the option `authentication`: tlsClientAuth({ fetch })');
  });
});

function read(name: string): Buffer {
  return readFileSync(join(folder, name));
}

function issueCertificates(): void {
  const openssl = (line: string): unknown => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' });
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2';
  openssl(`req -x509 ${newKey} -keyout ca.key -out ca.pem -subj /CN=authority`);
  openssl(`req -x509 ${newKey} -keyout self.key -out self.pem -subj /CN=self`);
  for (const [name, names] of [
    ['server', '-addext subjectAltName=IP:127.0.0.1'],
    ['good', '-addext subjectAltName=DNS:good'],
  ] as const) {
    openssl(`req ${newKey} -keyout ${name}.key -out ${name}.csr -subj /CN=${name} ${names}`.replace(' -days 2', ''));
    openssl(
      `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out ${name}.pem`,
    );
  }
}
