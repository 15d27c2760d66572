import { randomUUID } from 'node:crypto';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  jwtVerify,
  SignJWT,
  type JWK,
  type JWTPayload,
  type JWTVerifyResult,
} from 'jose';
import { errors, type Provider, type TokenEndpointGrantContext } from 'oidc-provider';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

const TYPE = 'urn:ietf:params:oauth:token-type:';
const EXCHANGE_PARAMETERS = [
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  'audience',
  'resource',
  'scope',
];
const BEARER_PARAMETERS = ['assertion', 'scope'];
const CLIENT_PARAMETERS = ['grant_type', 'client_id', 'client_secret', 'client_assertion', 'client_assertion_type'];

type Context = TokenEndpointGrantContext<Record<string, string | undefined>>;

/** Signs a JWT with the key of the server. `iss`, `iat`, `jti` and an `exp` in 300 seconds are added where they are missing. */
export type Sign = (header: { typ: string }, claims: JWTPayload) => Promise<string>;

/** Makes the function that signs with the key of a server. */
export function createSign(issuer: string, key: JWK): Sign {
  return async (header, claims) => {
    const iat = Math.floor(Date.now() / 1000);
    const complete = { iss: issuer, iat, exp: iat + 300, jti: randomUUID(), ...claims };
    return new SignJWT(complete).setProtectedHeader({ ...header, alg: 'ES256', kid: key.kid ?? '' }).sign(key);
  };
}

/**
 * Adds the JWT bearer grant (RFC 7523), token exchange (RFC 8693) and the identity assertions of cross-app access, each strict about every
 * parameter.
 *
 * @param trusts the issuers whose JWTs the server takes
 */
export function registerAssertionGrants(provider: Provider, key: JWK, trusts: readonly string[]): void {
  const sign = createSign(provider.issuer, key);
  const own = createLocalJWKSet({ keys: [toPublic(key)] });
  const seen = new Set<unknown>();

  async function verify(jwt: string, options: { audience: string; typ?: string }): Promise<JWTVerifyResult> {
    const issuer = decodeJwt(jwt).iss ?? '';
    const rules = { ...options, issuer, requiredClaims: ['sub', 'exp'], algorithms: ['ES256'] };
    if (issuer === provider.issuer) return jwtVerify(jwt, own, rules);
    if (!trusts.includes(issuer)) throw new Error('the issuer is not trusted');
    return jwtVerify(jwt, createRemoteJWKSet(new URL(`${issuer}/jwks`)), rules);
  }

  async function issue({ oidc }: Context, accountId: string, aud?: string): Promise<object> {
    const { scope } = oidc.params;
    const token = new provider.AccessToken({ client: oidc.client, accountId, scope, ...(aud && { aud }) } as never);
    return { access_token: await token.save(), token_type: 'Bearer', expires_in: token.expiration, scope };
  }

  async function takeJwt(ctx: Context): Promise<void> {
    assertParameters(ctx, BEARER_PARAMETERS, ['assertion']);
    const { assertion = '' } = ctx.oidc.params;
    const { payload, protectedHeader } = await orRefuse(
      () => verify(assertion, { audience: provider.issuer }),
      (why) => new errors.InvalidGrant(`assertion: ${why}`),
    );
    if (protectedHeader.typ === 'oauth-id-jag+jwt' && payload['client_id'] !== ctx.oidc.client.clientId)
      throw new errors.InvalidGrant('assertion: it is for another client');
    if (payload.jti === undefined || seen.has(payload.jti)) throw new errors.InvalidGrant('assertion: jti was used');
    seen.add(payload.jti);
    ctx.body = await issue(ctx, payload.sub ?? '');
  }

  async function subjectOf(ctx: Context): Promise<string> {
    const { subject_token = '', subject_token_type = '' } = ctx.oidc.params;
    const { clientId } = ctx.oidc.client;
    const kind = subject_token_type.replace(TYPE, '');
    if (kind === 'id_token') return (await verify(subject_token, { audience: clientId })).payload.sub ?? '';
    if (kind === 'saml2') return subjectOfSaml(Buffer.from(subject_token, 'base64url').toString());
    if (kind !== 'refresh_token' && kind !== 'access_token')
      throw new errors.InvalidRequest('subject_token_type is not supported');
    const isRefresh = kind === 'refresh_token';
    const token = await (isRefresh
      ? provider.RefreshToken.find(subject_token)
      : provider.AccessToken.find(subject_token));
    if (token?.accountId === undefined || token.clientId !== clientId) throw new Error('it is unknown');
    return token.accountId;
  }

  async function exchange(ctx: Context): Promise<void> {
    assertParameters(ctx, EXCHANGE_PARAMETERS, ['subject_token', 'subject_token_type']);
    const { params, client } = ctx.oidc;
    const { actor_token, audience, resource, scope, requested_token_type = `${TYPE}access_token` } = params;
    if ((actor_token === undefined) !== (params['actor_token_type'] === undefined))
      throw new errors.InvalidRequest('actor_token_type comes with actor_token');
    const sub = await orRefuse(
      () => subjectOf(ctx),
      (why) => new errors.InvalidRequest(`subject_token: ${why}`),
    );
    if (actor_token !== undefined)
      await orRefuse(
        () => verify(actor_token, { audience: provider.issuer }),
        (why) => new errors.InvalidRequest(`actor_token: ${why}`),
      );
    if (requested_token_type === `${TYPE}access_token`) {
      ctx.body = { ...(await issue(ctx, sub, audience)), issued_token_type: requested_token_type };
      return;
    }
    if (requested_token_type !== `${TYPE}id-jag`)
      throw new errors.InvalidRequest('requested_token_type is not supported');
    if (audience === undefined) throw new errors.InvalidRequest('audience is required');
    const claims = { sub, aud: audience, client_id: client.clientId, resource, scope };
    const access_token = await sign({ typ: 'oauth-id-jag+jwt' }, claims);
    ctx.body = { access_token, issued_token_type: requested_token_type, token_type: 'N_A', scope, expires_in: 300 };
  }

  provider.registerGrantType(JWT_BEARER, takeJwt, BEARER_PARAMETERS);
  provider.registerGrantType(TOKEN_EXCHANGE, exchange, EXCHANGE_PARAMETERS);
}

function assertParameters({ oidc }: Context, allowed: readonly string[], required: readonly string[]): void {
  const given = Object.keys(oidc.body ?? {});
  const other = given.find((name) => ![...allowed, ...CLIENT_PARAMETERS].includes(name));
  if (other !== undefined) throw new errors.InvalidRequest(`the parameter ${other} is unknown`);
  const missing = required.find((name) => !given.includes(name));
  if (missing !== undefined) throw new errors.InvalidRequest(`the parameter ${missing} is missing`);
}

async function orRefuse<T>(work: () => Promise<T>, refuse: (why: string) => Error): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof errors.OIDCProviderError ? error : refuse((error as Error).message);
  }
}

function subjectOfSaml(xml: string): string {
  const name = /^<saml2:Assertion\b.*<saml2:NameID>([^<]+)<\/saml2:NameID>/s.exec(xml)?.[1];
  if (name === undefined) throw new Error('it is no SAML 2 assertion');
  return name;
}

/** The public part of a key. */
export function toPublic(key: JWK): JWK {
  return Object.fromEntries(Object.entries(key).filter(([name]) => name !== 'd'));
}
