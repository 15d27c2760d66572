// What a log, a debugger or a crash report can show: no key, secret, assertion, proof or token may be in it.
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { idJag, keptIdToken } from '@oa/assertion-grants';
import {
  clientAssertion,
  clientSecretJwt,
  privateKeyJwt,
  signJwt,
  tlsClientAuth,
  type AuthenticationOption,
} from '@oa/client-authentication';
import { createDpop, createDpopKey } from '@oa/dpop';
import { createFetch } from '@oa/fetch';
import { createManager, type Credentials, type ManagerOptions } from '@oa/manager';
import { attempt, type AssertionSource, type OAuthEvent } from '@oa/types';
import { JWT_BEARER_GRANT_TYPE, TOKEN_EXCHANGE_GRANT_TYPE } from '@oa/types/rfc';
import {
  azureManagedIdentity,
  azurePipelines,
  envToken,
  execToken,
  fileToken,
  gcpMetadata,
  githubActions,
  serviceAccount,
  workload,
} from '@oa/workload-identity';
import type { RecordedRequest, Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { agreeingBrowser, bearer, inTurn, startScripted, temporaryDirectory } from '../setup.ts';

const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const rsaJwk = rsa.export({ format: 'jwk' });
const ecJwk = ec.export({ format: 'jwk' });
const pem = ec.export({ format: 'pem', type: 'pkcs8' }).toString();
const dpopKey = await createDpopKey();
const clientSecret = 'PLANTED-client-secret-0123456789-0123456789';
const assertion = jwtOf('PLANTED-assertion');
const otherAssertion = jwtOf('PLANTED-other-assertion');
const subjectToken = jwtOf('PLANTED-subject-token');

/** The secrets that a program has before its first request, by what they are. */
const planted: [name: string, secret: string][] = [
  ...(['d', 'p', 'q', 'dp', 'dq', 'qi'] as const).map((name): [string, string] => [`RSA ${name}`, rsaJwk[name] ?? '']),
  ['EC d', ecJwk.d ?? ''],
  ['DPoP d', dpopKey.d],
  ...pem
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('-----'))
    .map((line): [string, string] => ['PEM', line]),
  ['client secret', clientSecret],
  ['assertion', assertion],
  ['other assertion', otherAssertion],
  ['subject token', subjectToken],
];

function jwtOf(sub: string): string {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'ES256', kid: sub })}.${part({ sub, exp })}.${Buffer.from(`signature of ${sub}`).toString('base64url')}`;
}

/** The secrets that the program has sent. */
function sentIn({ headers, form }: RecordedRequest): [string, string][] {
  const names = [
    'client_secret',
    'client_assertion',
    'assertion',
    'subject_token',
    'refresh_token',
    'token',
    'code_verifier',
  ];
  const sent = names.flatMap((name): [string, string][] => (form.has(name) ? [[name, form.get(name) ?? '']] : []));
  if (typeof headers['dpop'] === 'string') sent.push(['proof', headers['dpop']]);
  if (headers.authorization !== undefined) sent.push(['authorization', headers.authorization.replace(/^\w+ /, '')]);
  return sent;
}

/** The names of the secrets that are in `shown`, as they are, in parts, and as a URL or base64 would have them. */
function foundIn(shown: string, secrets: readonly [string, string][]): string[] {
  const found = new Set<string>();
  for (const [name, secret] of secrets) {
    const parts = [secret, ...secret.split('.').filter((part) => part.length > 15)];
    const forms = parts.flatMap((part) => [part, encodeURIComponent(part), btoa(part), btoa(part).slice(0, 20)]);
    if (forms.some((form) => form !== '' && shown.includes(form))) found.add(name);
  }
  return [...found];
}

/** Everything that can be shown of a value. */
function show(value: unknown): string {
  const deep = inspect(value, {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    maxArrayLength: null,
    maxStringLength: null,
  });
  const texts = [deep, JSON.stringify(value), String(value)];
  if (value instanceof Error) texts.push(value.message, value.stack ?? '', show(value.cause));
  return texts.join('\n');
}

/** What a call shows where it fails. Its value is the secret that it is for. */
async function showFailure(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return '';
  } catch (error) {
    return show(error);
  }
}

/** A fetch as a caller with a certificate has it. Its key is in a closure, as that of undici. */
const ownFetch: typeof fetch = (url, init) => fetch(url, init);

const authentications: Record<string, () => AuthenticationOption | undefined> = {
  'a secret': () => undefined,
  'privateKeyJwt with a JWK': () => privateKeyJwt(ecJwk, { kid: 'k' }),
  'privateKeyJwt with an RSA key': () => privateKeyJwt(rsaJwk, { alg: 'RS256' }),
  'privateKeyJwt with a PEM text': () => privateKeyJwt(pem),
  'privateKeyJwt with a function': () => privateKeyJwt(async () => new Uint8Array(64), { alg: 'ES256' }),
  clientSecretJwt: () => clientSecretJwt(),
  'clientAssertion with a text': () => clientAssertion(assertion),
  'clientAssertion with a function': () =>
    clientAssertion(async ({ rejected }) => (rejected === undefined ? assertion : otherAssertion)),
  tlsClientAuth: () => tlsClientAuth({ fetch: ownFetch }),
};

const grants: Record<string, Credentials> = {
  client_credentials: { grant_type: 'client_credentials' },
  authorization_code: { grant_type: 'authorization_code' },
  'jwt-bearer': {
    grant_type: JWT_BEARER_GRANT_TYPE,
    assertion: async ({ rejected }) => (rejected === undefined ? assertion : otherAssertion),
  },
  'token-exchange': {
    grant_type: TOKEN_EXCHANGE_GRANT_TYPE,
    subject_token: subjectToken,
    subject_token_type: JWT_TYPE,
  },
};

/** All that a request had, as a hostile or careless server repeats it. */
function echoOf(request: RecordedRequest): string {
  return sentIn(request)
    .map(([name, secret]) => `${name} ${secret}`)
    .join(' ');
}

const failures: Record<string, (request: RecordedRequest) => Reply> = {
  'refuses the grant and repeats it': (request) => ({
    status: 400,
    json: {
      error: 'invalid_grant',
      error_description: echoOf(request),
      error_uri: `https://x.example/?${echoOf(request)}`,
    },
  }),
  'refuses the client and repeats the request': (request) => ({
    status: 401,
    headers: { 'www-authenticate': `Basic realm="${echoOf(request)}"`, 'dpop-nonce': 'n' },
    json: { error: 'invalid_client', error_description: echoOf(request) },
  }),
  'refuses the proof and repeats it': (request) => ({
    status: 400,
    headers: { 'dpop-nonce': 'nonce' },
    json: { error: 'use_dpop_nonce', error_description: echoOf(request) },
  }),
  'answers with a page that repeats it': (request) => ({
    // A 5xx would be tried again, which takes long.
    status: 400,
    headers: { 'content-type': 'text/html' },
    body: `<p>${echoOf(request)} ${request.body}</p>`,
  }),
  'issues another type of token, which repeats it': (request) =>
    bearer('PLANTED-access-token-1', { token_type: echoOf(request) }),
};

/** A server whose tokens are secrets too. */
async function startServer(...replies: ((request: RecordedRequest) => Reply)[]) {
  const started = await startScripted();
  const { server, metadata } = started;
  const turn = inTurn(...replies.map((_, index) => ({ status: index })));
  server.script({
    '/token': (request) => replies[turn().status ?? 0]?.(request) ?? {},
    '/revoke': failures['refuses the client and repeats the request'] ?? {},
  });
  const target = {
    ...metadata,
    revocation_endpoint: `${server.origin}/revoke`,
  };
  return { server, target };
}

const issued: [string, string][] = ['access-token-1', 'access-token-2', 'refresh-token-1', 'refresh-token-2'].map(
  (name) => [name, `PLANTED-${name}`],
);

function good(number: number): () => Reply {
  return () =>
    bearer(`PLANTED-access-token-${number}`, {
      token_type: 'DPoP',
      refresh_token: `PLANTED-refresh-token-${number}`,
      issued_token_type: ACCESS_TOKEN,
      id_token: jwtOf('PLANTED-id-token'),
    });
}

function optionsFor(events: OAuthEvent[]): ManagerOptions {
  return {
    cache: new Map(),
    dpop: true,
    interaction: 'always',
    login: { openBrowser: agreeingBrowser().openBrowser, print: () => undefined },
    onEvent: (event) => events.push(event),
  };
}

function secretsOf(server: ScriptedServer, keys: readonly (string | undefined)[]): [string, string][] {
  const made = keys.flatMap((d): [string, string][] => (d === undefined ? [] : [['d of a made key', d]]));
  return [...planted, ...issued, ...server.requests.flatMap(sentIn), ...made];
}

const rows = Object.keys(grants).flatMap((grant) => Object.keys(authentications).map((name) => ({ grant, name })));

describe.each(rows)('$grant with $name', ({ grant, name }) => {
  const credentialsWith = (): Credentials => ({
    ...grants[grant],
    client_id: 'c',
    client_secret: clientSecret,
    authentication: authentications[name]?.(),
  });

  it('shows no secret of a token, its renewal, its use and its end', async () => {
    const { server, target } = await startServer(good(1), good(2));
    const events: OAuthEvent[] = [];
    const manager = createManager(optionsFor(events));
    const credentials = credentialsWith();
    const source = manager.source(target, credentials);
    const first = await manager.getToken(target, credentials);
    const second = await manager.getToken(target, credentials, { rejected: first.access_token });
    const { server: api } = await startScripted({ '/': (request) => ({ status: 401, body: echoOf(request) }) });
    const fetched = await attempt(createFetch(source, { origins: [api.origin] })(api.origin));
    const sessions = await manager.sessions();
    const ended = await manager.logout(target, credentials);
    expect(server.requestsTo('/revoke').length).toBeGreaterThan(0);
    expect(first.dpop_key?.d).toEqual(expect.any(String));
    const secrets = [...secretsOf(server, [first.dpop_key?.d, second.dpop_key?.d]), ...api.requests.flatMap(sentIn)];
    const shown = [
      manager,
      source,
      createFetch(source),
      events,
      sessions,
      ended,
      fetched.ok ? '' : fetched.error,
      credentials.authentication,
    ];
    // The search finds what is there: a token is a secret, with all that it holds.
    expect(foundIn(show([first]), secrets)).toEqual(expect.arrayContaining(['access-token-1', 'd of a made key']));
    expect(foundIn(shown.map(show).join('\n'), secrets)).toEqual([]);
  });

  it.each(Object.keys(failures))('shows no secret where the server %s', async (failure) => {
    const reply = failures[failure];
    if (reply === undefined) throw new Error('There is no such failure.');
    const { server, target } = await startServer(reply);
    const events: OAuthEvent[] = [];
    const manager = createManager({ ...optionsFor(events), timeout: 1000 });
    const result = await manager.get(target, credentialsWith());
    expect(result.ok).toBe(false);
    expect(server.requestsTo('/token').length).toBeGreaterThan(0);
    const shown = [result, result.ok ? '' : result.error, events, manager, await manager.sessions()];
    expect(foundIn(shown.map(show).join('\n'), secretsOf(server, []))).toEqual([]);
  });
});

describe('what makes assertions and proofs shows no secret, before and after it was used', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('createDpop', async () => {
    const dpop = await createDpop(dpopKey);
    const authentication = dpop.authentication(privateKeyJwt(ecJwk));
    const proof = await dpop.proof({
      method: 'GET',
      url: 'https://api.example/',
      accessToken: 'PLANTED-access-token-1',
    });
    const secrets: [string, string][] = [...planted, ...issued, ['proof', proof]];
    const failed = [
      await showFailure(createDpop({ ...dpopKey, x: 'AA' })),
      await showFailure(createDpop({ ...dpopKey, kty: 'RSA' } as never)),
      await showFailure(createDpop({ ...ecJwk, d: rsaJwk.d } as never)),
      await showFailure(dpop.proof({ method: 'GET', url: assertion })),
      await showFailure((async () => dpop.learnFrom(`${proof}x.y`, { headers: new Headers() }))()),
      await showFailure((async () => dpop.learnFrom(assertion.slice(0, 40), { headers: new Headers() }))()),
    ];
    expect(failed.slice(0, 3).filter((text) => text === '')).toEqual([]);
    const shown = [dpop, authentication, ...Object.values(dpop)].map(show);
    expect(foundIn([...shown, ...failed].join('\n'), secrets)).toEqual([]);
  });

  it('keys that can not sign', async () => {
    const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
    const request = { server, client: { client_id: 'c' }, url: server.token_endpoint, now: Date.now };
    const damaged: unknown[] = [
      pem.replace(/[A-Z]/, '!'),
      pem.replace('PRIVATE KEY', 'EC PRIVATE KEY').replace('PRIVATE KEY-----\n', 'PRIVATE KEY-----\n\n'),
      pem.split('\n')[1],
      { ...ecJwk, crv: 'P-384' },
      { ...ecJwk, d: rsaJwk.d },
      { ...rsaJwk, n: 'AA' },
      clientSecret,
    ];
    const shown: string[] = [];
    for (const key of damaged) {
      const use = async (): Promise<unknown> => privateKeyJwt(key as never)(request);
      shown.push(await showFailure(use()), await showFailure(signJwt({}, {}, key as never)));
    }
    expect(shown.filter((text) => text === '')).toEqual([]);
    expect(foundIn(shown.join('\n'), planted)).toEqual([]);
  });

  it('sources of assertions', async () => {
    const { server } = await startScripted({
      '/github': { json: { value: assertion } },
      '/azure': { json: { oidcToken: assertion } },
      '/broken': ({ headers }) => ({
        status: 403,
        body: `${headers.authorization} ${assertion}`,
        headers: { 'content-type': 'text/plain' },
      }),
      '/token': (request) => ({ status: 400, json: { error: 'invalid_grant', error_description: echoOf(request) } }),
    });
    const file = join(temporaryDirectory(), 'token');
    writeFileSync(file, assertion, { mode: 0o600 });
    const platformToken = 'PLANTED-platform-token-0123456789';
    const secrets: [string, string][] = [...planted, ['platform token', platformToken]];
    vi.stubEnv('OA_PLANTED', assertion);
    vi.stubEnv(
      'OA_EXPIRED',
      assertion.replace(/\.[^.]+\./, `.${Buffer.from('{"exp":1,"sub":"PLANTED"}').toString('base64url')}.`),
    );
    vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_URL', `${server.origin}/github?x=1`);
    vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_TOKEN', platformToken);
    vi.stubEnv('SYSTEM_OIDCREQUESTURI', `${server.origin}/azure`);
    vi.stubEnv('SYSTEM_ACCESSTOKEN', platformToken);
    const print = (text: string, code: number): string[] => [
      process.execPath,
      '-e',
      `console.log(process.env.OA_PLANTED + ${JSON.stringify(text)}); console.error(process.env.OA_PLANTED); process.exitCode = ${code}`,
    ];
    const events: OAuthEvent[] = [];
    const options = { onEvent: (event: OAuthEvent) => events.push(event) };
    const idp = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
    const working: Record<string, AssertionSource> = {
      fileToken: fileToken(file),
      envToken: envToken('OA_PLANTED'),
      execToken: execToken(print('', 0)),
      githubActions: githubActions(options),
      azurePipelines: azurePipelines({ ...options, serviceConnectionId: 'id' }),
      workload: workload(options),
      serviceAccount: serviceAccount({ iss: 'me', key: pem }),
      'serviceAccount with an RSA key': serviceAccount({ iss: 'me', key: rsaJwk }),
    };
    const unused = { gcpMetadata: gcpMetadata(), azureManagedIdentity: azureManagedIdentity() };
    const failing: Record<string, AssertionSource> = {
      'envToken that has expired': envToken('OA_EXPIRED'),
      'execToken that fails': execToken(print('', 1)),
      'execToken with more than one line': execToken(print('\n\u0000 x', 0)),
      'execToken in another format': execToken(print('', 0), { format: 'google' }),
      'fileToken without a file': fileToken(`${file}.missing`),
      'serviceAccount with a damaged key': serviceAccount({ iss: 'me', key: pem.replace(/[A-Z]{2}/, '!!') }),
      idJag: idJag({ idp, client: { client_id: 'c', client_secret: clientSecret }, subject: subjectToken }, options),
      'idJag with a key': idJag(
        { idp, client: { client_id: 'c' }, subject: async () => subjectToken },
        { ...options, authentication: privateKeyJwt(ecJwk) },
      ),
      keptIdToken: keptIdToken(async () => ({ access_token: assertion, token_type: 'Bearer' })),
    };
    const request = { audience: 'https://as.example' };
    const shown = [working, unused, failing].flatMap((each) => Object.values(each).map(show));
    for (const [name, source] of Object.entries(working)) {
      const made = await attempt(source(request));
      expect([name, made]).toMatchObject([name, { ok: true }]);
      if (made.ok && !secrets.some(([, secret]) => secret === made.value))
        secrets.push([`made by ${name}`, made.value]);
    }
    vi.stubEnv('ACTIONS_ID_TOKEN_REQUEST_URL', `${server.origin}/broken?x=1`);
    vi.stubEnv('SYSTEM_OIDCREQUESTURI', `${server.origin}/broken`);
    const { githubActions: github, azurePipelines: azure } = working;
    const again = { ...failing, ...(github && { github }), ...(azure && { azure }) };
    for (const [name, source] of Object.entries(again)) {
      const text = await showFailure(source(request));
      expect([name, text]).not.toEqual([name, '']);
      shown.push(text);
    }
    shown.push(...[working, unused, failing].flatMap((each) => Object.values(each).map(show)), show(events));
    secrets.push(...server.requests.flatMap(sentIn));
    expect(foundIn(shown.join('\n'), secrets)).toEqual([]);
  });
});
