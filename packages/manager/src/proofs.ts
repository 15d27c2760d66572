import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { OAuthError, type AuthorizationServer, type DpopKey, type Token } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import type { Session } from './session.ts';

const MAX_SHOWN_LIST_CHARACTERS = 200;
/** The algorithm of the keys of `@oa/dpop`. */
const PROOF_ALGORITHM = 'ES256';

/** The key that a token is bound to, and the options of requests that prove it. */
export interface Proofs {
  key: DpopKey;
  /** The thumbprint of the key, for the parameter `dpop_jkt`. */
  jkt: string;
  network: TokenEndpointOptions;
}

/** Makes a key for the token of a new grant. The caller holds the lock: the key is stored with the token, and with nothing else. */
export async function createProofs(session: Session): Promise<Proofs> {
  assertDpopSupported(await session.server(), session.context.options.dpop);
  const { createDpopKey } = await import('@oa/dpop');
  return proofsOf(session, await createDpopKey());
}

/** The proofs of the key that a stored token is bound to. */
export async function proofsOf({ context, network }: Session, key: DpopKey): Promise<Proofs> {
  const { createDpop } = await import('@oa/dpop');
  const dpop = await createDpop(key, { now: context.now });
  return { key, jkt: dpop.jkt, network: { ...network, authentication: dpop.authentication(network.authentication) } };
}

/**
 * The token with its key, if the server has bound it to that.
 *
 * @throws {OAuthError} `unsupported_token_type`, if it is not bound and must be
 */
export async function withKey(session: Session, token: Token, { key }: Proofs): Promise<Token> {
  const { options, emit } = session.context;
  const { assertDpopToken } = await import('@oa/dpop');
  const policy = options.dpop ?? 'preferred';
  assertDpopToken(await session.server(), token, policy, { onEvent: emit });
  return token.token_type === 'DPoP' ? { ...token, dpop_key: key } : token;
}

/** Before a user is asked: a login would be in vain. A server that publishes nothing about DPoP may support it. */
function assertDpopSupported(
  { issuer, dpop_signing_alg_values_supported: listed }: AuthorizationServer,
  policy: true | 'preferred' | undefined,
): void {
  if (policy !== true || listed === undefined || listed.includes(PROOF_ALGORITHM)) return;
  const shown = toErrorText(listed.join(', '), MAX_SHOWN_LIST_CHARACTERS) || 'none';
  throw new OAuthError(
    'unsupported_token_type',
    `${toErrorText(issuer, MAX_SHOWN_LIST_CHARACTERS)} accepts no DPoP proofs with ${PROOF_ALGORITHM}, which \`dpop: true\` needs. It lists these algorithms: ${shown}. Set \`dpop\` to 'preferred' to accept Bearer tokens of this server.`,
  );
}
