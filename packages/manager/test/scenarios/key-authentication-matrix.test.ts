// Each grant with each client authentication at oidc-provider. Each session is renewed and ended by another process.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  startAuthorizationServer,
  type AuthorizationServerHandle,
  type LoggedRequest,
} from '@oa-internal/authorization-server';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import type { SigningJwk } from '@oa/client-authentication';
import { createManager, type Credentials, type GrantType } from '@oa/manager';
import { fileTokenCache } from '@oa/token-cache';
import { attempt, type Client, type OAuthEvent, type Token } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE, JWT_BEARER_GRANT_TYPE, TOKEN_EXCHANGE_GRANT_TYPE } from '@oa/types/rfc';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toOption, type Authentication, type SessionEnd, type SessionJob } from '../authentications.ts';

const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token';
const GRANTS = [
  'client_credentials',
  'authorization_code',
  DEVICE_CODE_GRANT_TYPE,
  JWT_BEARER_GRANT_TYPE,
  TOKEN_EXCHANGE_GRANT_TYPE,
] as const;

/** How a client authenticates, and what the server sees of that. */
const METHODS = {
  none: { registered: 'none', seen: 'none' },
  client_secret_basic: { registered: 'client_secret_basic', seen: 'client_secret_basic' },
  client_secret_post: { registered: 'client_secret_post', seen: 'client_secret_post' },
  'private_key_jwt with RS256': { registered: 'private_key_jwt', seen: 'assertion RS256' },
  'private_key_jwt with ES256': { registered: 'private_key_jwt', seen: 'assertion ES256' },
  'private_key_jwt with EdDSA': { registered: 'private_key_jwt', seen: 'assertion EdDSA' },
  client_secret_jwt: { registered: 'client_secret_jwt', seen: 'assertion HS256' },
  clientAssertion: { registered: 'private_key_jwt', seen: 'assertion ES256' },
  'a certificate': { registered: 'tls_client_auth', seen: 'certificate' },
} as const;
type MethodName = keyof typeof METHODS;
const METHOD_NAMES = Object.keys(METHODS) as MethodName[];

interface Row {
  grant_type: GrantType;
  method: MethodName;
}
const rows: Row[] = GRANTS.flatMap((grant_type) => METHOD_NAMES.map((method) => ({ grant_type, method })))
  // It is refused, in a test of its own.
  .filter(({ grant_type, method }) => grant_type !== 'client_credentials' || method !== 'none');

/** Where clients authenticate. */
const PATHS = new Set(['/device_authorization', '/token', '/revoke']);

/** What became of a row. */
interface Outcome {
  client_id: string;
  first: Token;
  end: SessionEnd;
}

let handle: AuthorizationServerHandle;
const folder = temporaryDirectory();
const tokens = join(folder, 'tokens');
const outcomes = new Map<string, Outcome>();

beforeAll(async () => {
  issueCertificates();
  const certificate = { key: read('server.key'), cert: read('server.pem'), ca: read('ca.pem') };
  handle = await startAuthorizationServer({ certificate, trusts: [] });
  const begun = await Promise.all(rows.map(begin));
  await expireAll();
  const ends = await endInAnotherProcess(begun.map(({ job }) => job));
  for (const [index, { row, client_id, first }] of begun.entries())
    outcomes.set(nameOf(row), { client_id, first, end: ends[index] ?? { error: 'The process gave no answer.' } });
}, 60_000);

afterAll(async () => {
  await handle.close();
  rmSync(folder, { recursive: true });
});

it.each(rows)('$grant_type with $method', async (row) => {
  const { client_id, first, end } = outcomes.get(nameOf(row)) ?? {};
  expect(end).toMatchObject({ access_token: expect.any(String), loggedOut: true });
  if (end === undefined || 'error' in end) return;
  expect(first?.access_token).not.toBe(end.access_token);
  const hasUser = row.grant_type === 'authorization_code' || row.grant_type === DEVICE_CODE_GRANT_TYPE;
  expect(first?.refresh_token !== undefined).toBe(hasUser);
  expect(end.events).toContain(hasUser ? 'refreshed' : 'obtained');
  // The tokens are not valid any more, the old refresh token included.
  expect(await handle.introspect(end.access_token)).toBeUndefined();

  const requests = handle.requests.filter(({ path, client_id: known }) => known === client_id && PATHS.has(path));
  // RFC 8628 section 3.5: how often a device asks depends on when the user has answered.
  const isPending = (request: LoggedRequest): boolean =>
    request.status === 400 && request.grant_type === DEVICE_CODE_GRANT_TYPE;
  const answered = requests.filter((request) => !isPending(request));
  expect(answered.map(({ path, grant_type, status }) => [path, grant_type, status])).toEqual([
    ...(row.grant_type === DEVICE_CODE_GRANT_TYPE ? [['/device_authorization', undefined, 200]] : []),
    ['/token', row.grant_type, 200],
    ['/token', hasUser ? 'refresh_token' : row.grant_type, 200],
    ...Array.from({ length: hasUser ? 2 : 1 }, () => ['/revoke', undefined, 200]),
  ]);
  const { seen } = METHODS[row.method];
  expect(requests.map(({ authentication }) => authentication)).toEqual(requests.map(() => seen));
});

describe('client_credentials without authentication (RFC 6749 section 4.4)', () => {
  const grant_type = 'client_credentials';

  it('is a TypeError that names the cure, and no request', async () => {
    const { client_id } = await register({ grant_type, method: 'none' });
    const call = createManager({ cache: new Map() }).get(handle.issuer, { grant_type, client_id });
    await expect(call).rejects.toThrow(TypeError);
    await expect(call).rejects.toThrow(/client\.client_secret is missing.*needs the option `authentication`/s);
    expect(handle.requests.filter((request) => request.path === '/token' && request.client_id === client_id)).toEqual(
      [],
    );
  });

  it("is refused by the server where the caller insists on 'none'", async () => {
    const { client_id } = await register({ grant_type: 'authorization_code', method: 'none' });
    const credentials: Credentials = { grant_type, client_id, authentication: 'none' };
    const before = handle.count('/token', grant_type);
    const result = await createManager({ cache: new Map() }).get(handle.issuer, credentials);
    expect(result).toMatchObject({ ok: false, error: { code: 'oauth_error', status: 400 } });
    expect(result.ok ? '' : result.error.message).toContain('requested grant type is not allowed for this client');
    expect(handle.count('/token', grant_type) - before).toBe(1);
  });
});

describe.each(METHOD_NAMES.filter((name) => !['none', 'client_secret_post'].includes(name)))(
  'a client that is registered for %s',
  (method) => {
    it('is refused with a secret that is not its own', async () => {
      const row: Row = { grant_type: 'client_credentials', method };
      const { client_id } = await register(row);
      const credentials: Credentials = { grant_type: row.grant_type, client_id, client_secret: 'not the secret' };
      const before = handle.requests.length;
      const result = await createManager({ cache: new Map() }).get(handle.issuer, credentials);
      expect(result).toMatchObject({ ok: false, error: { code: 'oauth_error', error: 'invalid_client' } });
      const tried = handle.requests.slice(before).filter(({ path }) => path === '/token');
      expect(new Set(tried.map(({ authentication }) => authentication))).toContain('client_secret_basic');
      expect(tried.map(({ status }) => status)).toEqual(tried.map(() => 401));
    });
  },
);

function nameOf({ grant_type, method }: Row): string {
  return `${grant_type} ${method}`;
}

/** Gets the first token of a row, in this process. */
async function begin(row: Row): Promise<{ row: Row; client_id: string; first: Token; job: SessionJob }> {
  const { grant_type } = row;
  const { client_id, client_secret, authentication } = await register(row);
  const credentials: Credentials = {
    grant_type,
    client_id,
    client_secret,
    ...(await subjectFor(grant_type, client_id)),
  };
  if (grant_type === 'authorization_code' || grant_type === DEVICE_CODE_GRANT_TYPE) {
    credentials.scope = 'openid offline_access';
    credentials.parameters = { prompt: 'consent' };
  }
  const manager = createManager({
    app: 'test',
    cache: fileTokenCache({ directory: tokens }),
    authentication: toOption(authentication),
    interaction: 'always',
    login: { openBrowser: (url) => handle.logIn(url), print: () => undefined },
    onEvent: approve,
  });
  const first = await manager.getToken(handle.issuer, credentials);
  const next = { ...credentials, ...(await subjectFor(grant_type, client_id)) };
  return {
    row,
    client_id,
    first,
    job: { directory: tokens, issuer: handle.issuer, credentials: next, authentication },
  };
}

/** The server builds the address of the page with that of the request, which has a certificate. */
function approve(event: OAuthEvent): void {
  if (event.type !== 'device_waiting') return;
  const { pathname, search } = new URL(event.verification_uri_complete ?? '');
  void handle.approveDevice(`${handle.issuer}${pathname}${search}`);
}

/** The server takes a JWT once. */
async function subjectFor(grant_type: GrantType, client_id: string): Promise<Credentials> {
  const sign = (aud: string): Promise<string> => handle.sign({ typ: 'JWT' }, { sub: 'ada', aud });
  if (grant_type === JWT_BEARER_GRANT_TYPE) return { subject: 'ada', assertion: await sign(handle.issuer) };
  if (grant_type === TOKEN_EXCHANGE_GRANT_TYPE)
    return { subject: 'ada', subject_token: await sign(client_id), subject_token_type: ID_TOKEN };
  return {};
}

interface Registered {
  client_id: string;
  client_secret: string | undefined;
  authentication: Authentication;
}

/** Registers a client for one row, and makes its key. */
async function register({ grant_type, method }: Row): Promise<Registered> {
  const { registered } = METHODS[method];
  const keys = registered === 'private_key_jwt' ? await makeKeys(method) : undefined;
  const hasUser = grant_type === 'authorization_code' || grant_type === DEVICE_CODE_GRANT_TYPE;
  const usesBrowser = grant_type === 'authorization_code';
  const response = await fetch(`${handle.issuer}/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      application_type: 'native',
      token_endpoint_auth_method: registered,
      grant_types: hasUser ? [grant_type, 'refresh_token'] : [grant_type],
      redirect_uris: usesBrowser ? ['http://127.0.0.1/callback'] : [],
      response_types: usesBrowser ? ['code'] : [],
      ...(keys !== undefined && { jwks: { keys: [keys.publicJwk] }, token_endpoint_auth_signing_alg: keys.alg }),
      ...(registered === 'tls_client_auth' && { tls_client_auth_subject_dn: 'CN=good' }),
    }),
  });
  const client = (await response.json()) as Client;
  expect(client).toMatchObject({ token_endpoint_auth_method: registered });
  const { client_id, client_secret } = client;
  return { client_id, client_secret, authentication: authenticationOf(method, client_id, keys?.privateJwk) };
}

function authenticationOf(name: MethodName, client_id: string, key: SigningJwk | undefined): Authentication {
  if (name === 'a certificate') return { method: 'tls_client_auth', certificate: clientCertificate() };
  const { registered } = METHODS[name];
  if (registered !== 'private_key_jwt') return { method: registered };
  if (key === undefined) throw new Error('The client has no key.');
  if (name === 'clientAssertion') return { method: name, key, client_id };
  return { method: registered, key, alg: algorithmOf(name) };
}

function clientCertificate(): { key: string; cert: string; ca: string } {
  const textOf = (name: string): string => read(name).toString();
  return { key: textOf('good.key'), cert: textOf('good.pem'), ca: textOf('ca.pem') };
}

function algorithmOf(name: MethodName): 'RS256' | 'ES256' | 'EdDSA' {
  return (['RS256', 'EdDSA'] as const).find((alg) => name.endsWith(alg)) ?? 'ES256';
}

const madeKeys = new Map<string, ReturnType<typeof makeKeysFor>>();

/** One for each algorithm: an RSA key takes long. */
async function makeKeys(name: MethodName): ReturnType<typeof makeKeysFor> {
  const alg = algorithmOf(name);
  const made = madeKeys.get(alg) ?? makeKeysFor(alg);
  madeKeys.set(alg, made);
  return made;
}

async function makeKeysFor(alg: string): Promise<{ alg: string; publicJwk: JWK; privateJwk: SigningJwk }> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const publicJwk = { ...(await exportJWK(publicKey)), alg, use: 'sig' };
  return { alg, publicJwk, privateJwk: await exportJWK(privateKey) };
}

async function expireAll(): Promise<void> {
  const cache = fileTokenCache({ directory: tokens });
  for (const { key } of await cache.list()) {
    const token = await cache.get(key);
    if (token !== undefined) await cache.set(key, { ...token, expires_at: 1_700_000_000 });
  }
}

async function endInAnotherProcess(jobs: readonly SessionJob[]): Promise<SessionEnd[]> {
  const child = startProcess(join(import.meta.dirname, '../programs/end-sessions.ts'), { input: true });
  child.write(JSON.stringify(jobs));
  child.endInput();
  const { stdout, stderr } = await child.ended;
  const ends = await attempt(Promise.resolve(stdout).then((text) => JSON.parse(text) as SessionEnd[]));
  if (!ends.ok) throw new Error(stderr);
  return ends.value;
}

function read(name: string): Buffer {
  return readFileSync(join(folder, name));
}

function issueCertificates(): void {
  const openssl = (line: string): unknown => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' });
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  openssl(`req -x509 ${newKey} -days 2 -keyout ca.key -out ca.pem -subj /CN=authority`);
  for (const [name, names] of [
    ['server', 'IP:127.0.0.1'],
    ['good', 'DNS:good'],
  ]) {
    openssl(`req ${newKey} -keyout ${name}.key -out ${name}.csr -subj /CN=${name} -addext subjectAltName=${names}`);
    openssl(
      `x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out ${name}.pem`,
    );
  }
}
