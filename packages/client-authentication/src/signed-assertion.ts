import { randomText } from '@oa/mechanisms';
import { OAuthError, type AuthorizationServer } from '@oa/types';
import { missingSecretError, toErrorText } from '@oa/types/rfc';
import { signWithSigner } from './compact-jwt.ts';
import type { ClientSecretJwtOptions, PrivateKeyJwtOptions } from './private-key-jwt.ts';
import { createSigner, type Signer, type SigningKey } from './signing-key.ts';
import type { AuthenticatedRequest, ClientAuthentication } from './types.ts';

/** A client assertion that is a JWT. RFC 7523 section 2.2. */
export const JWT_BEARER_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const DEFAULT_ASSERTION_LIFETIME_SECONDS = 60;

/** Authenticates with assertions that a private key signs. The key is imported once for each algorithm that a server wants. */
export function createKeyAssertion(key: SigningKey, options: PrivateKeyJwtOptions): ClientAuthentication {
  const signers = new Map<string | undefined, Promise<Signer>>();
  const signerFor = async (alg: string | undefined): Promise<Signer> => {
    const signer = signers.get(alg) ?? createSigner(key, alg);
    signers.set(alg, signer);
    return signer;
  };
  return async (request) => {
    if (request.refusal !== undefined) return undefined;
    const first = await signerFor(options.alg);
    const alg = chooseListed(first.algs, request.server);
    const signer = alg === first.alg ? first : await signerFor(alg);
    const { kid = signer.kid } = options;
    const advice = `Check that the server has the public key${kid === undefined ? '' : ` (kid ${toErrorText(kid, 100)})`} of this client for ${signer.alg}`;
    return signAssertion({ ...signer, kid }, advice, options, request);
  };
}

/** Authenticates with assertions that the client secret signs. The key of the last secret is kept. */
export function createSecretAssertion(options: ClientSecretJwtOptions): ClientAuthentication {
  let last: { secret: string; signer: Signer } | undefined;
  return async (request) => {
    if (request.refusal !== undefined) return undefined;
    const { client_secret: secret = '' } = request.client;
    if (secret === '') throw missingSecretError('The option `authentication` is clientSecretJwt(), which needs one.');
    chooseListed(['HS256'], request.server);
    if (last?.secret !== secret) last = { secret, signer: await createSecretSigner(secret) };
    const advice =
      'Check the client_secret (has it expired or been replaced?), that the client is registered for client_secret_jwt';
    return signAssertion(last.signer, advice, options, request);
  };
}

async function createSecretSigner(secret: string): Promise<Signer> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode(secret), algorithm, false, ['sign']);
  return {
    alg: 'HS256',
    algs: ['HS256'],
    kid: undefined,
    sign: async (data) => new Uint8Array(await crypto.subtle.sign('HMAC', key, data)),
  };
}

/**
 * Chooses the first algorithm that the server lists, and the first of all where it lists none.
 *
 * @throws {OAuthError} `unsupported_client_authentication` if it lists others only
 */
function chooseListed(algs: readonly string[], server: AuthorizationServer): string | undefined {
  const listed: unknown = server.token_endpoint_auth_signing_alg_values_supported;
  if (!Array.isArray(listed) || listed.length === 0) return algs[0];
  const alg = algs.find((each) => listed.includes(each));
  if (alg !== undefined) return alg;
  throw new OAuthError(
    'unsupported_client_authentication',
    `The client signs with ${algs.join(' or ')}, and ${toErrorText(server.issuer, 200)} lists only these algorithms (token_endpoint_auth_signing_alg_values_supported): ${toErrorText(listed.join(', '), 200)}. Use a key for one of them, and register it for the client.`,
  );
}

/** Each request gets a new `jti`: a server may refuse one that it has seen (RFC 7523 section 3). */
async function signAssertion(
  signer: Signer,
  advice: string,
  { audience = 'issuer', lifetime = DEFAULT_ASSERTION_LIFETIME_SECONDS }: ClientSecretJwtOptions,
  { server, client, now = Date.now }: Parameters<ClientAuthentication>[0],
): Promise<AuthenticatedRequest> {
  const { client_id } = client;
  const aud = audience === 'issuer' ? server.issuer : audience === 'token_endpoint' ? server.token_endpoint : audience;
  const iat = Math.floor(now() / 1000);
  const claims = { iss: client_id, sub: client_id, aud, jti: randomText(), iat, exp: iat + lifetime };
  const assertion = await signWithSigner(signer, { typ: 'client-authentication+jwt' }, claims);
  const other = audience === 'token_endpoint' ? 'issuer' : 'token_endpoint';
  return {
    parameters: { client_id, client_assertion_type: JWT_BEARER_ASSERTION_TYPE, client_assertion: assertion },
    advice: `${advice}, that the clock of this machine is right, and which audience the server wants: it was ${toErrorText(aud, 200)}. The option \`audience: '${other}'\` sends another one.`,
  };
}
