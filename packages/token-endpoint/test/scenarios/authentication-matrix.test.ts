import {
  type RecordedRequest,
  type Reply,
  type ScriptedServer,
  startScriptedServer,
} from '@oa-internal/scripted-server';
import type { ClientAuthentication, ClientAuthenticationMethod } from '@oa/client-authentication';
import { refreshToken, requestToken, revokeToken, type TokenEndpointOptions } from '@oa/token-endpoint';
import type { AuthorizationServer, Client } from '@oa/types';
import { describe, expect, it } from 'vitest';

const CLIENT_ID = 'the-client';
const SECRET = 'the-secret';
const CONFIDENTIAL: Client = { client_id: CLIENT_ID, client_secret: SECRET };
const BASIC = `Basic ${btoa(`${CLIENT_ID}:${SECRET}`)}`;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** What a server sees of a request. */
interface Seen {
  authorization?: string;
  dpop?: string;
  form: Record<string, string>;
}

interface Method {
  client: Client;
  authentication: () => ClientAuthenticationMethod | ClientAuthentication | undefined;
  /** What the method adds to the request number `count` to `url`. */
  adds: (count: number, url: string) => Seen;
}

const methods: Record<string, Method> = {
  none: {
    client: { client_id: CLIENT_ID },
    authentication: () => undefined,
    adds: () => ({ form: { client_id: CLIENT_ID } }),
  },
  client_secret_basic: {
    client: CONFIDENTIAL,
    authentication: () => undefined,
    adds: () => ({ authorization: BASIC, form: {} }),
  },
  client_secret_post: {
    client: CONFIDENTIAL,
    authentication: () => 'client_secret_post',
    adds: () => ({ form: { client_id: CLIENT_ID, client_secret: SECRET } }),
  },
  'a function that replaces': {
    client: CONFIDENTIAL,
    authentication: () => {
      let count = 0;
      return ({ client, url }) => {
        const client_assertion = `assertion ${++count} for ${url}`;
        return { parameters: { client_id: client.client_id, client_assertion_type: ASSERTION_TYPE, client_assertion } };
      };
    },
    adds: (count, url) => ({
      form: {
        client_id: CLIENT_ID,
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: `assertion ${count} for ${url}`,
      },
    }),
  },
  'a function that adds': {
    client: CONFIDENTIAL,
    authentication: createProver,
    adds: (count, url) => ({ authorization: BASIC, dpop: `proof ${count} for ${url}`, form: {} }),
  },
};

/** Adds a numbered proof, with the nonce of the server after a refusal that asks for one (RFC 9449 section 8). */
function createProver(): ClientAuthentication {
  let count = 0;
  return ({ url, refusal }) => {
    if (refusal !== undefined && refusal.error !== 'use_dpop_nonce') return undefined;
    const nonce = refusal?.headers.get('dpop-nonce');
    const dpop = `proof ${++count} for ${url}${typeof nonce === 'string' ? ` with ${nonce}` : ''}`;
    return { builtIn: true, headers: { dpop }, token_type: 'DPoP' };
  };
}

interface Grant {
  run: (server: AuthorizationServer, client: Client, options: TokenEndpointOptions) => Promise<unknown>;
  path: '/token' | '/revoke';
  /** The forms that the grant sends, without what authenticates the client. */
  forms: Record<string, string>[];
}

const stored = { access_token: 'old-at', token_type: 'Bearer', refresh_token: 'old-rt' };
const code = {
  grant_type: 'authorization_code',
  code: 'the-code',
  code_verifier: 'the-verifier',
  redirect_uri: 'http://127.0.0.1/cb',
};
const grants: Record<string, Grant> = {
  'client credentials': {
    run: (server, client, options) =>
      requestToken(server, client, { grant_type: 'client_credentials', scope: 'a' }, options),
    path: '/token',
    forms: [{ grant_type: 'client_credentials', scope: 'a' }],
  },
  'authorization code': {
    run: (server, client, options) => requestToken(server, client, code, options),
    path: '/token',
    forms: [code],
  },
  refresh: {
    run: (server, client, options) => refreshToken(server, client, stored, {}, options),
    path: '/token',
    forms: [{ grant_type: 'refresh_token', refresh_token: 'old-rt' }],
  },
  revocation: {
    run: (server, client, options) => revokeToken(server, client, stored, options),
    path: '/revoke',
    forms: [
      { token: 'old-rt', token_type_hint: 'refresh_token' },
      { token: 'old-at', token_type_hint: 'access_token' },
    ],
  },
};

const GRANTED: Reply = { json: { access_token: 'at', token_type: 'DPoP' } };
const BEARER: Reply = { json: { access_token: 'at', token_type: 'Bearer' } };
const REFUSED: Reply = { status: 401, json: { error: 'invalid_client' } };

/** Each server has its own port, and so an issuer of its own, for which no method is remembered. */
function metadataOf({ origin }: ScriptedServer): AuthorizationServer {
  return { issuer: origin, token_endpoint: `${origin}/token`, revocation_endpoint: `${origin}/revoke` };
}

function seen({ headers, form }: RecordedRequest): Seen {
  const { authorization, dpop } = headers;
  return {
    ...(authorization !== undefined && { authorization }),
    ...(typeof dpop === 'string' && { dpop }),
    form: Object.fromEntries(form),
  };
}

describe.each(Object.entries(grants))('%s', (_, { run, path, forms }) => {
  it.each(Object.entries(methods))('with %s', async (_, { client, authentication, adds }) => {
    await using server = await startScriptedServer(() => BEARER);
    await run(metadataOf(server), client, { authentication: authentication() });
    expect(server.requestsTo(path)).toEqual(server.requests);
    expect(server.requests.map(seen)).toEqual(
      forms.map((form, index) => {
        const added = adds(index + 1, `${server.origin}${path}`);
        return { ...added, form: { ...form, ...added.form } };
      }),
    );
  });

  it('with a function that adds, and a server that asks for a nonce (RFC 9449 section 8)', async () => {
    await using server = await startScriptedServer(({ headers }) =>
      headers['dpop']?.includes('with n1') === true
        ? GRANTED
        : { status: 400, json: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'n1' } },
    );
    await run(metadataOf(server), CONFIDENTIAL, { authentication: createProver() });
    const url = `${server.origin}${path}`;
    expect(server.requests.map(seen)).toEqual(
      forms.flatMap((form, index) => [
        { authorization: BASIC, dpop: `proof ${index * 2 + 1} for ${url}`, form },
        { authorization: BASIC, dpop: `proof ${index * 2 + 2} for ${url} with n1`, form },
      ]),
    );
  });

  it('with a function that adds, and a server that reads the secret unencoded (RFC 6749 section 2.3.1)', async () => {
    const secret = 's+e/c';
    const unencoded = `Basic ${btoa(`${CLIENT_ID}:${secret}`)}`;
    await using server = await startScriptedServer(({ headers }) =>
      headers.authorization === unencoded ? GRANTED : REFUSED,
    );
    const client = { client_id: CLIENT_ID, client_secret: secret };
    await run(metadataOf(server), client, { authentication: createProver() });
    const url = `${server.origin}${path}`;
    const encoded = `Basic ${btoa(`${CLIENT_ID}:s%2Be%2Fc`)}`;
    // The method is remembered: a second request of the same call starts with it.
    expect(server.requests.map(seen)).toEqual([
      { authorization: encoded, dpop: `proof 1 for ${url}`, form: forms[0] },
      ...forms.map((form, index) => ({ authorization: unencoded, dpop: `proof ${index + 2} for ${url}`, form })),
    ]);
  });
});
