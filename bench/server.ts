// The authorization server and API of the benchmark, in a process of its own: `node server.ts`. It rotates refresh tokens, revokes a session
// whose refresh token is used twice (RFC 9700 section 4.14.2), counts its requests, and does as little else as possible.
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Counts, ServerSettings } from './server-control.ts';

const DEFAULT_SETTINGS: ServerSettings = { lifetimeSeconds: 3600, delayMs: 0 };

let settings = DEFAULT_SETTINGS;
let counts: Counts = { requests: 0, tokenRequests: 0, revokedSessions: 0 };
/** The parameters of the authorization requests, by code. */
const codes = new Map<string, URLSearchParams>();
/** When access tokens expire, in milliseconds since the epoch. */
const expiries = new Map<string, number>();
/** The refresh token that is valid in each session, and all that were. */
const sessions = new Map<string, string>();
const refreshTokens = new Map<string, string>();

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => send(response, 500, { error: String(error) }));
});
// A connection that is kept alive may close while a client sends its next request.
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${issuer()}\n`);
});

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', issuer());
  if (pathname === '/control') return control(request, response);
  counts.requests++;
  if (pathname === '/token') return sendToken(request, response);
  if (pathname === '/authorize') return redirect(searchParams, response);
  if (pathname === '/api') return sendApi(request, response);
  if (pathname.startsWith('/.well-known/oauth-protected-resource'))
    return send(response, 200, { resource: `${issuer()}/api`, authorization_servers: [issuer()] });
  if (/^\/\.well-known\/(oauth-authorization-server|openid-configuration)$/.test(pathname))
    return send(response, 200, metadata());
  send(response, 404, { error: 'not_found' });
}

/** Sets the settings, or starts the counts anew, and returns the counts until then. */
async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await bodyOf(request);
  send(response, 200, counts);
  if (text === '') return;
  settings = { ...DEFAULT_SETTINGS, ...(JSON.parse(text) as Partial<ServerSettings>) };
  counts = { requests: 0, tokenRequests: 0, revokedSessions: 0 };
}

async function sendToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
  counts.tokenRequests++;
  const parameters = new URLSearchParams(await bodyOf(request));
  const authorization = codes.get(parameters.get('code') ?? '');
  if (settings.delayMs > 0) await sleep(settings.delayMs);
  const session = sessionOf(parameters);
  if (session === undefined) return send(response, 400, { error: 'invalid_grant' });
  const token = { access_token: randomUUID(), token_type: 'Bearer', expires_in: settings.lifetimeSeconds };
  expiries.set(token.access_token, Date.now() + settings.lifetimeSeconds * 1000);
  if (session === 'job') return send(response, 200, token);
  const refresh_token = randomUUID();
  sessions.set(session, refresh_token);
  refreshTokens.set(refresh_token, session);
  // msal-node finds a user's tokens by the account in an ID token. No other adapter asks for one.
  const isOpenId = authorization?.get('scope')?.includes('openid') === true;
  send(response, 200, { ...token, refresh_token, ...(isOpenId && { id_token: idToken(authorization) }) });
}

/** The session that the grant starts or continues. */
function sessionOf(parameters: URLSearchParams): string | undefined {
  const grantType = parameters.get('grant_type');
  if (grantType === 'client_credentials') return 'job';
  if (grantType === 'authorization_code') {
    const code = parameters.get('code') ?? '';
    const challenge = createHash('sha256')
      .update(parameters.get('code_verifier') ?? '')
      .digest('base64url');
    const isRight = codes.get(code)?.get('code_challenge') === challenge;
    codes.delete(code);
    return isRight ? randomUUID() : undefined;
  }
  const refreshToken = parameters.get('refresh_token') ?? '';
  const session = refreshTokens.get(refreshToken);
  if (session === undefined || sessions.get(session) === refreshToken) return session;
  if (sessions.delete(session)) counts.revokedSessions++;
  return undefined;
}

/** The user has an account and consents at once. */
function redirect(parameters: URLSearchParams, response: ServerResponse): void {
  const code = randomUUID();
  codes.set(code, parameters);
  const location = new URL(parameters.get('redirect_uri') ?? '');
  const answer = { code, state: parameters.get('state') ?? '', iss: issuer() };
  // For a page that submits a form, which the browser of the benchmark need not parse.
  if (parameters.get('response_mode') === 'form_post')
    return send(response, 200, { action: location.href, fields: answer });
  location.search = String(new URLSearchParams(answer));
  response.writeHead(302, { location: location.href }).end();
}

function sendApi(request: IncomingMessage, response: ServerResponse): void {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  if ((expiries.get(token) ?? 0) > Date.now()) return send(response, 200, { user: 'ada' });
  response.setHeader(
    'www-authenticate',
    `Bearer resource_metadata="${issuer()}/.well-known/oauth-protected-resource/api"`,
  );
  send(response, 401, { error: 'invalid_token' });
}

function metadata(): object {
  return {
    issuer: issuer(),
    authorization_endpoint: `${issuer()}/authorize`,
    token_endpoint: `${issuer()}/token`,
    jwks_uri: `${issuer()}/jwks`,
    response_types_supported: ['code'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'none'],
    authorization_response_iss_parameter_supported: true,
  };
}

/** An ID token without a signature, which is not checked where it comes from the token endpoint (OpenID Connect Core section 3.1.3.7). */
function idToken(authorization: URLSearchParams): string {
  const iat = Math.floor(Date.now() / 1000);
  const aud = authorization.get('client_id');
  const nonce = authorization.get('nonce') ?? undefined;
  const claims = { iss: issuer(), sub: 'ada', aud, iat, exp: iat + 3600, nonce, preferred_username: 'ada' };
  return `${[{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`;
}

function issuer(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
