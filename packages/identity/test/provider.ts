import { startScriptedServer, type Script, type ScriptedServer } from '@oa-internal/scripted-server';
import type { AuthorizationServer, Token } from '@oa/types';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

export const CLIENT_ID = 'client-1';
export const NONCE = 'nonce-1';
export const ACCESS_TOKEN = 'PLANTED-ACCESS-TOKEN';

/** A key pair of a provider. */
export interface ProviderKey {
  alg: string;
  privateKey: CryptoKey;
  /** The public key, as the provider publishes it. */
  jwk: JWK;
}

/** Creates a key pair. */
export async function createProviderKey(alg: string, kid: string | undefined = `key of ${alg}`): Promise<ProviderKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), ...(kid !== undefined && { kid }) };
  return { alg, privateKey, jwk };
}

/** What a good provider says of a login that happened now, with changes. `undefined` leaves a claim out. */
export function claimsOf(issuer: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: issuer,
    sub: 'PLANTED-SUB',
    aud: CLIENT_ID,
    exp: now + 300,
    iat: now,
    nonce: NONCE,
    ...changes,
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}

/** A token response with an ID token that `key` signed. */
export async function tokenOf(
  key: ProviderKey,
  claims: Record<string, unknown>,
  header: Record<string, unknown> = {},
): Promise<Token> {
  const protectedHeader = { alg: key.alg, ...(key.jwk.kid !== undefined && { kid: key.jwk.kid }), ...header };
  const id_token = await new SignJWT(claims).setProtectedHeader(protectedHeader).sign(key.privateKey);
  return { access_token: ACCESS_TOKEN, token_type: 'Bearer', id_token };
}

/** A token response with an ID token that is put together by hand. */
export function tokenWithParts(header: unknown, claims: unknown, signature = ''): Token {
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return {
    access_token: ACCESS_TOKEN,
    token_type: 'Bearer',
    id_token: `${encode(header)}.${encode(claims)}.${signature}`,
  };
}

/** A provider: its metadata, and the server that publishes its keys. */
export interface Provider extends AsyncDisposable {
  server: AuthorizationServer;
  scripted: ScriptedServer;
  /** The keys that it publishes. */
  keys: unknown[];
  /** How often the keys were fetched. */
  fetches(): number;
}

/** Starts a provider that publishes `keys`. */
export async function startProvider(
  keys: readonly ProviderKey[] = [],
  scripts: Record<string, Script> = {},
): Promise<Provider> {
  const published: unknown[] = keys.map(({ jwk }) => jwk);
  const scripted = await startScriptedServer({ '/jwks': () => ({ json: { keys: published } }), ...scripts });
  const { origin } = scripted;
  return {
    server: {
      issuer: origin,
      token_endpoint: `${origin}/token`,
      jwks_uri: `${origin}/jwks`,
      userinfo_endpoint: `${origin}/userinfo`,
      introspection_endpoint: `${origin}/introspect`,
    },
    scripted,
    keys: published,
    fetches: () => scripted.requestsTo('/jwks').length,
    [Symbol.asyncDispose]: () => scripted.close(),
  };
}
