import { createHash, randomUUID } from 'node:crypto';
import {
  startScriptedServer,
  type RecordedRequest,
  type Reply,
  type ScriptedServer,
} from '@oa-internal/scripted-server';

/** What one issuer has seen. */
export interface RealmCounts {
  logins: number;
  registrations: number;
  refreshes: number;
  grants: number;
  /** How many refresh tokens were sent a second time. The first one ends the session (RFC 9700 section 4.14.2). */
  reused: number;
  revoked: number;
  /** How many refresh tokens were sent that this issuer never issued, or issued to another client. */
  foreign: number;
  /** How many refresh tokens can be used. */
  alive: number;
}

/** A server with an issuer for each path, such as `http://127.0.0.1:1/r1`. */
export interface RealmServer {
  server: ScriptedServer;
  issuerOf: (name: string) => string;
  counts: (name: string) => RealmCounts;
  hasIssued: (name: string, accessToken: string) => boolean;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Realm extends RealmCounts {
  /** The secret of each client. The configured one may send any. */
  clients: Map<string, string | undefined>;
  accessTokens: Set<string>;
  /** The client of each refresh token that can be used. */
  sessions: Map<string, string>;
  used: Set<string>;
  codes: Map<string, { client: string; challenge: string }>;
}

/** The mark of everything that must not be shown. */
export const SECRET_MARK = 's3cret';

/**
 * Starts a {@link RealmServer}: registration with a secret, authorization code with PKCE, client credentials, refresh tokens that rotate,
 * revocation.
 */
export async function startRealmServer(): Promise<RealmServer> {
  const realms = new Map<string, Realm>();
  const server = await startScriptedServer((request) => {
    const [, first = '', second = '', third = ''] = request.path.split('/');
    if (first === '.well-known')
      return second === 'oauth-authorization-server' ? { json: metadata(`${server.origin}/${third}`) } : undefined;
    const realm = realmOf(first);
    if (second === 'token') return answerToken(realm, request);
    if (second === 'authorize') return authorize(realm, request);
    if (second === 'register') return register(realm, request);
    if (second === 'revoke') return revoke(realm, request);
    return undefined;
  });

  function realmOf(name: string): Realm {
    const known = realms.get(name);
    if (known !== undefined) return known;
    const counts = {
      logins: 0,
      registrations: 0,
      refreshes: 0,
      grants: 0,
      reused: 0,
      foreign: 0,
      revoked: 0,
      alive: 0,
    };
    const realm: Realm = {
      ...counts,
      clients: new Map([['c', undefined]]),
      accessTokens: new Set(),
      sessions: new Map(),
      used: new Set(),
      codes: new Map(),
    };
    realms.set(name, realm);
    return realm;
  }

  return {
    server,
    issuerOf: (name) => `${server.origin}/${name}`,
    counts(name) {
      const { logins, registrations, refreshes, grants, reused, foreign, revoked, sessions } = realmOf(name);
      return { logins, registrations, refreshes, grants, reused, foreign, revoked, alive: sessions.size };
    },
    hasIssued: (name, accessToken) => realmOf(name).accessTokens.has(accessToken),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

function metadata(issuer: string): object {
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    authorization_endpoint: `${issuer}/authorize`,
    registration_endpoint: `${issuer}/register`,
    revocation_endpoint: `${issuer}/revoke`,
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'none'],
  };
}

const secret = (name: string): string => `${name}-${SECRET_MARK}-${randomUUID()}`;

function register(realm: Realm, request: RecordedRequest): Reply {
  realm.registrations += 1;
  const client_id = `registered-${randomUUID()}`;
  const client_secret = secret('cs');
  realm.clients.set(client_id, client_secret);
  const more = { client_id, client_secret, client_secret_expires_at: 0 };
  const asked = JSON.parse(request.body) as object;
  return { status: 201, json: { ...asked, ...more, token_endpoint_auth_method: 'client_secret_post' } };
}

function authorize(realm: Realm, request: RecordedRequest): Reply {
  realm.logins += 1;
  const query = new URL(request.url, 'http://unused').searchParams;
  const code = secret('code');
  realm.codes.set(code, { client: query.get('client_id') ?? '', challenge: query.get('code_challenge') ?? '' });
  const back = new URL(query.get('redirect_uri') ?? '');
  back.searchParams.set('code', code);
  back.searchParams.set('state', query.get('state') ?? '');
  return { status: 302, headers: { location: back.href } };
}

function answerToken(realm: Realm, { form }: RecordedRequest): Reply {
  const client = form.get('client_id') ?? '';
  const expected = realm.clients.get(client) ?? form.get('client_secret');
  if (!realm.clients.has(client) || form.get('client_secret') !== expected)
    return { status: 401, json: { error: 'invalid_client' } };
  const grant = form.get('grant_type');
  if (grant === 'client_credentials') {
    realm.grants += 1;
    return { json: createAccessToken(realm) };
  }
  return grant === 'refresh_token' ? refresh(realm, client, form) : exchange(realm, client, form);
}

function exchange(realm: Realm, client: string, form: URLSearchParams): Reply {
  const code = realm.codes.get(form.get('code') ?? '');
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  if (code?.client !== client || code.challenge !== challenge) return refused;
  return issue(realm, client);
}

function refresh(realm: Realm, client: string, form: URLSearchParams): Reply {
  realm.refreshes += 1;
  const given = form.get('refresh_token') ?? '';
  if (realm.sessions.get(given) === client) {
    realm.sessions.delete(given);
    realm.used.add(given);
    return issue(realm, client);
  }
  if (realm.used.has(given)) realm.reused += 1;
  else realm.foreign += 1;
  realm.sessions.clear();
  return refused;
}

function issue(realm: Realm, client: string): Reply {
  const refresh_token = secret('rt');
  realm.sessions.set(refresh_token, client);
  return { json: { ...createAccessToken(realm), refresh_token } };
}

function createAccessToken(realm: Realm): object {
  const access_token = secret('at');
  realm.accessTokens.add(access_token);
  return { access_token, token_type: 'Bearer', expires_in: 3600 };
}

function revoke(realm: Realm, { form }: RecordedRequest): Reply {
  realm.revoked += 1;
  realm.sessions.delete(form.get('token') ?? '');
  return {};
}

const refused: Reply = { status: 400, json: { error: 'invalid_grant' } };
