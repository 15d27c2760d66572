import { type RecordedRequest, type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import type { ClientAuthentication, ClientAuthenticationMethod } from '@oa/client-authentication';
import { awaitDeviceLogin, startDeviceLogin, type DeviceLoginOptions } from '@oa/device-code';
import type { Client, Token } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import { expect, it } from 'vitest';
import { authorization, metadataOf } from '../setup.ts';

const CLIENT_ID = 'the-client';
const SECRET = 'the-secret';
const CONFIDENTIAL: Client = { client_id: CLIENT_ID, client_secret: SECRET };
const BASIC = `Basic ${btoa(`${CLIENT_ID}:${SECRET}`)}`;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const START_FORM = { scope: 'read' };
const POLL_FORM = { grant_type: DEVICE_CODE_GRANT_TYPE, device_code: authorization.device_code };

/** What a server sees of a request. */
interface Seen {
  authorization?: string;
  dpop?: string;
  form: Record<string, string>;
}

/** Logs in at a server that answers the device authorization request and the poll by `answer`, if that answers. */
async function logIn(
  client: Client,
  authentication: DeviceLoginOptions['authentication'],
  answer: (request: RecordedRequest) => Reply | undefined = () => undefined,
): Promise<{ token: Token; origin: string; seen: (Seen & { path: string })[] }> {
  await using scripted = await startScriptedServer((request) => {
    const token_type = request.headers['dpop'] === undefined ? 'Bearer' : 'DPoP';
    const json = request.path === '/device' ? authorization : { access_token: 'at', token_type };
    return answer(request) ?? { json };
  });
  const server = metadataOf(scripted);
  const options = { authentication, print: () => undefined };
  const started = await startDeviceLogin(server, client, START_FORM, options);
  const token = await awaitDeviceLogin(server, client, { ...started, interval: 0.01 }, options);
  const seen = scripted.requests.map(({ path, headers, form }) => ({
    path,
    ...(headers.authorization !== undefined && { authorization: headers.authorization }),
    ...(typeof headers['dpop'] === 'string' && { dpop: headers['dpop'] }),
    form: Object.fromEntries(form),
  }));
  return { token, origin: scripted.origin, seen };
}

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

function createAssertion(): ClientAuthentication {
  let count = 0;
  return ({ client, url }) => {
    const client_assertion = `assertion ${++count} for ${url}`;
    return { parameters: { client_id: client.client_id, client_assertion_type: ASSERTION_TYPE, client_assertion } };
  };
}

it.each<
  [
    string,
    Client,
    () => ClientAuthenticationMethod | ClientAuthentication | undefined,
    (count: number, url: string) => Seen,
  ]
>([
  ['none', { client_id: CLIENT_ID }, () => undefined, () => ({ form: { client_id: CLIENT_ID } })],
  ['client_secret_basic', CONFIDENTIAL, () => undefined, () => ({ authorization: BASIC, form: {} })],
  [
    'client_secret_post',
    CONFIDENTIAL,
    () => 'client_secret_post',
    () => ({ form: { client_id: CLIENT_ID, client_secret: SECRET } }),
  ],
  [
    'a function that replaces',
    CONFIDENTIAL,
    createAssertion,
    (count, url) => ({
      form: {
        client_id: CLIENT_ID,
        client_assertion_type: ASSERTION_TYPE,
        client_assertion: `assertion ${count} for ${url}`,
      },
    }),
  ],
  [
    'a function that adds',
    CONFIDENTIAL,
    createProver,
    (count, url) => ({ authorization: BASIC, dpop: `proof ${count} for ${url}`, form: {} }),
  ],
])('authenticates the start and the poll with %s (RFC 8628 sections 3.1 and 3.4)', async (_, client, create, adds) => {
  const { origin, seen } = await logIn(client, create());
  const start = adds(1, `${origin}/device`);
  const poll = adds(2, `${origin}/token`);
  expect(seen).toEqual([
    { path: '/device', ...start, form: { ...START_FORM, ...start.form } },
    { path: '/token', ...poll, form: { ...POLL_FORM, ...poll.form } },
  ]);
});

it('repeats the start and the poll with the nonce of the server (RFC 9449 section 8)', async () => {
  const nonceNeeded = { status: 400, json: { error: 'use_dpop_nonce' }, headers: { 'dpop-nonce': 'n1' } };
  const { token, origin, seen } = await logIn(CONFIDENTIAL, createProver(), ({ headers }) =>
    headers['dpop']?.includes('with n1') === true ? undefined : nonceNeeded,
  );
  expect(token.token_type).toBe('DPoP');
  const authorization = BASIC;
  expect(seen).toEqual([
    { path: '/device', authorization, dpop: `proof 1 for ${origin}/device`, form: START_FORM },
    { path: '/device', authorization, dpop: `proof 2 for ${origin}/device with n1`, form: START_FORM },
    { path: '/token', authorization, dpop: `proof 3 for ${origin}/token`, form: POLL_FORM },
    { path: '/token', authorization, dpop: `proof 4 for ${origin}/token with n1`, form: POLL_FORM },
  ]);
});

it('finds the method of a server that reads the secret unencoded, and polls by it (RFC 6749 section 2.3.1)', async () => {
  const client = { client_id: CLIENT_ID, client_secret: 's+e/c' };
  const unencoded = `Basic ${btoa(`${CLIENT_ID}:s+e/c`)}`;
  const encoded = `Basic ${btoa(`${CLIENT_ID}:s%2Be%2Fc`)}`;
  const { origin, seen } = await logIn(client, createProver(), ({ headers }) =>
    headers.authorization === unencoded ? undefined : { status: 401, json: { error: 'invalid_client' } },
  );
  expect(seen).toEqual([
    { path: '/device', authorization: encoded, dpop: `proof 1 for ${origin}/device`, form: START_FORM },
    { path: '/device', authorization: unencoded, dpop: `proof 2 for ${origin}/device`, form: START_FORM },
    { path: '/token', authorization: unencoded, dpop: `proof 3 for ${origin}/token`, form: POLL_FORM },
  ]);
});
