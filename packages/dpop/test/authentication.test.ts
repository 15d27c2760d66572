import {
  privateKeyJwt,
  type AuthenticatedRequest,
  type AuthenticationOption,
  type ClientAuthentication,
} from '@oa/client-authentication';
import {
  startScriptedServer,
  type RecordedRequest,
  type Reply,
  type Script,
  type ScriptedServer,
} from '@oa-internal/scripted-server';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { createDpop, createDpopKey, type Dpop } from '@oa/dpop';
import { requestToken, revokeToken } from '@oa/token-endpoint';
import type { AuthorizationServer, Client } from '@oa/types';
import { decodeJwt, generateKeyPair, jwtVerify } from 'jose';
import { inspect } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';

const GRANTED: Reply = { json: { access_token: 'at', token_type: 'DPoP', expires_in: 60 } };
const BASIC = `Basic ${btoa('c:s')}`;
const CLIENT: Client = { client_id: 'c', client_secret: 's' };
const GRANT = { grant_type: 'client_credentials' };

const refuse = (error: string, headers: Record<string, string> = {}): Reply => ({
  status: 400,
  json: { error },
  headers,
});

async function startServer(script: Script): Promise<ScriptedServer & { metadata: AuthorizationServer }> {
  const server = await startScriptedServer(script);
  onTestFinished(() => server.close());
  const { origin } = server;
  const metadata = { issuer: origin, token_endpoint: `${origin}/token`, revocation_endpoint: `${origin}/revoke` };
  return Object.assign(server, { metadata });
}

const newDpop = async (now?: () => number): Promise<Dpop> => createDpop(await createDpopKey(), { now });

const proofOf = ({ headers }: RecordedRequest): string => String(headers['dpop']);
const claimsOf = (request: RecordedRequest): Record<string, unknown> => decodeJwt(proofOf(request));
const noncesOf = ({ requests }: ScriptedServer): unknown[] => requests.map((request) => claimsOf(request)['nonce']);

it('sends a proof with the first request, beside the method of the client, and accepts a token of type DPoP', async () => {
  const server = await startServer(() => GRANTED);
  const dpop = await newDpop();
  const token = await requestToken(server.metadata, CLIENT, GRANT, { authentication: dpop.authentication() });
  expect(token.token_type).toBe('DPoP');
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([BASIC]);
  expect(server.requests.map(claimsOf)).toMatchObject([{ htm: 'POST', htu: `${server.origin}/token` }]);
});

it('answers use_dpop_nonce once, with a fresh jti, and knows the nonce the next time (RFC 9449 section 8)', async () => {
  const server = await startServer((request) =>
    claimsOf(request)['nonce'] === 'n1' ? GRANTED : refuse('use_dpop_nonce', { 'dpop-nonce': 'n1' }),
  );
  const dpop = await newDpop();
  const options = { authentication: dpop.authentication() };
  await requestToken(server.metadata, CLIENT, GRANT, options);
  await requestToken(server.metadata, CLIENT, GRANT, options);
  await revokeToken(server.metadata, CLIENT, { access_token: 'at', token_type: 'DPoP' }, options);
  expect(noncesOf(server)).toEqual([undefined, 'n1', 'n1', 'n1']);
  expect(new Set(server.requests.map((request) => claimsOf(request)['jti'])).size).toBe(4);
  expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([BASIC]));
});

it('takes the nonce of a success for the next request (RFC 9449 section 8.2)', async () => {
  const server = await startServer((_, index) => ({ ...GRANTED, headers: { 'dpop-nonce': `n${index}` } }));
  const options = { authentication: (await newDpop()).authentication() };
  for (let count = 0; count < 3; count += 1) await requestToken(server.metadata, CLIENT, GRANT, options);
  expect(noncesOf(server)).toEqual([undefined, 'n0', 'n1']);
});

it.each<[string, Script, number]>([
  ['a nonce with each refusal', (_, index) => refuse('use_dpop_nonce', { 'dpop-nonce': `n${index}` }), 2],
  ['no nonce', () => refuse('use_dpop_nonce'), 1],
  ['another error', () => refuse('invalid_scope', { 'dpop-nonce': 'n' }), 1],
  ['invalid_dpop_proof', () => refuse('invalid_dpop_proof'), 1],
])('rejects with the error of a server that has %s', async (_, script, count) => {
  const server = await startServer(script);
  const dpop = await newDpop();
  const code = { grant_type: 'authorization_code', code: 'the-code' };
  const failure = rejectionOf(requestToken(server.metadata, CLIENT, code, { authentication: dpop.authentication() }));
  const error = await failure;
  expect(error.code).toBe('oauth_error');
  expect(server.requests).toHaveLength(count);
  for (const request of server.requests) expect(inspectAll(error)).not.toContain(proofOf(request).slice(-20));
});

it('sends a second proof by the clock of the server, after invalid_dpop_proof', async () => {
  const hour = 3600_000;
  const server = await startServer((request) =>
    Math.abs(Number(claimsOf(request)['iat']) * 1000 - Date.now()) < 60_000 ? GRANTED : refuse('invalid_dpop_proof'),
  );
  const dpop = await newDpop(() => Date.now() - hour);
  const options = { authentication: dpop.authentication() };
  await requestToken(server.metadata, CLIENT, GRANT, options);
  await requestToken(server.metadata, CLIENT, GRANT, options);
  expect(server.requests).toHaveLength(3);
});

it.each<[AuthenticationOption, (request: RecordedRequest) => unknown]>([
  ['client_secret_post', ({ form }) => [form.get('client_id'), form.get('client_secret')]],
  ['none', ({ form, headers }) => [form.get('client_id'), headers.authorization ?? 's']],
])('goes with the built-in method %s', async (inner, seen) => {
  const server = await startServer(() => GRANTED);
  const dpop = await newDpop();
  await requestToken(server.metadata, CLIENT, GRANT, { authentication: dpop.authentication(inner) });
  expect(server.requests.map(seen)).toEqual([['c', 's']]);
  expect(server.requests.map(claimsOf)).toMatchObject([{ htm: 'POST' }]);
});

it('goes with the built-in method client_secret_basic, and its unencoded form (RFC 6749 section 2.3.1)', async () => {
  const client = { client_id: 'c', client_secret: 's/+' };
  const unencoded = `Basic ${btoa('c:s/+')}`;
  const server = await startServer(({ headers }) =>
    headers.authorization === unencoded ? GRANTED : { status: 401, json: { error: 'invalid_client' } },
  );
  const authentication = (await newDpop()).authentication('client_secret_basic');
  await requestToken(server.metadata, client, GRANT, { authentication });
  expect(server.requests).toHaveLength(2);
  expect(new Set(server.requests.map(proofOf)).size).toBe(2);
});

it('goes with a function, which makes a new assertion for a new proof', async () => {
  const server = await startServer((request) =>
    claimsOf(request)['nonce'] === 'n1' ? GRANTED : refuse('use_dpop_nonce', { 'dpop-nonce': 'n1' }),
  );
  const refusals: unknown[] = [];
  let count = 0;
  let responses = 0;
  const inner: ClientAuthentication = ({ client, refusal }) => {
    refusals.push(refusal);
    return {
      headers: { 'x-more': '1' },
      parameters: { client_id: client.client_id, client_assertion: `a${(count += 1)}` },
      onResponse: () => (responses += 1),
    };
  };
  const authentication = (await newDpop()).authentication(inner);
  await requestToken(server.metadata, CLIENT, GRANT, { authentication });
  expect(server.requests.map(({ form }) => form.get('client_assertion'))).toEqual(['a1', 'a2']);
  expect(server.requests.map(({ headers }) => headers['x-more'])).toEqual(['1', '1']);
  expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  expect(refusals).toEqual([undefined, undefined]);
  expect(responses).toBe(2);
});

it('goes with private_key_jwt: another assertion and another proof for each request (RFC 7523 section 2.2)', async () => {
  const server = await startServer((request) =>
    claimsOf(request)['nonce'] === 'n1' ? GRANTED : refuse('use_dpop_nonce', { 'dpop-nonce': 'n1' }),
  );
  const { privateKey, publicKey } = await generateKeyPair('PS256');
  const authentication = (await newDpop()).authentication(privateKeyJwt(privateKey));
  await requestToken(server.metadata, { client_id: 'c' }, GRANT, { authentication });
  const assertions = await Promise.all(
    server.requests.map(async ({ form }) => {
      const options = { issuer: 'c', audience: server.origin };
      return (await jwtVerify(form.get('client_assertion') ?? '', publicKey, options)).payload.jti;
    }),
  );
  expect(new Set([...assertions, ...server.requests.map((request) => claimsOf(request)['jti'])]).size).toBe(4);
});

it('names the endpoint that a function sends the request to (RFC 8705 section 5)', async () => {
  const server = await startServer(() => GRANTED);
  const url = `${server.origin}/mtls/token`;
  const inner: ClientAuthentication = ({ client }) => ({ url, parameters: { client_id: client.client_id } });
  await requestToken(server.metadata, CLIENT, GRANT, { authentication: (await newDpop()).authentication(inner) });
  expect(server.requests.map((request) => [request.path, claimsOf(request)['htu']])).toEqual([['/mtls/token', url]]);
});

it('sends another proof with each attempt after a failure of the network', async () => {
  const server = await startServer((_, index) => (index === 0 ? { status: 503 } : GRANTED));
  const authentication = (await newDpop()).authentication();
  await requestToken(server.metadata, CLIENT, GRANT, { authentication });
  expect(new Set(server.requests.map(proofOf)).size).toBe(2);
});

it.each<[string, AuthenticatedRequest | undefined, number]>([
  ['accepts it', undefined, 1],
  ['returns another assertion', { parameters: { client_assertion: 'a2' } }, 2],
])('asks the function about every other refusal, and it %s', async (_, second, count) => {
  const server = await startServer(() => ({ status: 401, json: { error: 'invalid_client' } }));
  const inner: ClientAuthentication = ({ refusal }) =>
    refusal === undefined ? { parameters: { client_assertion: 'a1' } } : second;
  const authentication = (await newDpop()).authentication(inner);
  await rejectionOf(requestToken(server.metadata, CLIENT, GRANT, { authentication }));
  expect(new Set(server.requests.map(proofOf)).size).toBe(count);
  expect(server.requests.map(({ form }) => form.get('client_assertion'))).toEqual(['a1', 'a2'].slice(0, count));
});

it('takes the nonce from a refusal of a sender that names nothing else', async () => {
  const dpop = await newDpop();
  const request = {
    server: { issuer: 'https://as', token_endpoint: 'https://as/t' },
    client: CLIENT,
    url: 'https://as/t',
  };
  const headers = new Headers({ 'dpop-nonce': 'n' });
  const authenticate = dpop.authentication();
  const refusal = { status: 400, error: 'use_dpop_nonce', headers };
  expect(await authenticate({ ...request, refusal })).toMatchObject({ builtIn: true, token_type: 'DPoP' });
  expect(await authenticate({ ...request, refusal: { ...refusal, headers: new Headers() } })).toBeUndefined();
});

it('refuses another value than a method or a function', async () => {
  const dpop = await newDpop();
  expect(() => dpop.authentication('private_key_jwt' as 'none')).toThrow(TypeError);
  await expect(createDpop(await createDpopKey(), { now: 1 as unknown as () => number })).rejects.toThrow(
    new TypeError('options.now must be a function.'),
  );
});

it('shows neither the key nor a proof in itself, in an event or in an error', async () => {
  const key = await createDpopKey();
  const dpop = await createDpop(key);
  const server = await startServer((request, index) =>
    index === 0
      ? { status: 503, json: {} }
      : { status: 400, json: { error: 'invalid_request', error_description: `Your proof is ${proofOf(request)}.` } },
  );
  const events: unknown[] = [];
  const authentication = dpop.authentication();
  const options = { authentication, onEvent: (event: unknown) => events.push(event) };
  const error = await rejectionOf(requestToken(server.metadata, CLIENT, GRANT, options));
  const shown = [dpop, authentication, events].map((each) => inspect(each, { depth: 10, showHidden: true }));
  const all = [...shown, JSON.stringify([dpop, events]), inspectAll(error)].join('\n');
  expect(events).toHaveLength(1);
  for (const secret of [key.d, key.x, ...server.requests.flatMap((request) => proofOf(request).split('.'))])
    expect(all).not.toContain(secret);
});
