import type { Dpop } from '@oa/dpop';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { OAuthError, type AuthorizationServer, type DpopKey, type Result, type Token } from '@oa/types';
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

/**
 * Makes a key for the token of a new grant. The caller holds the lock: the key is stored with the token, and with nothing else.
 *
 * @returns `undefined` where the server lists no algorithm of the key, and needs no proof
 * @throws {OAuthError} `unsupported_token_type`, before a user is asked, if the token must be bound and the server lists no such algorithm
 */
export async function createProofs(session: Session): Promise<Proofs | undefined> {
  const server = await session.server();
  if (!acceptsProofs(server)) {
    if (session.context.options.dpop === true) throw proofsUnsupported(server);
    return undefined;
  }
  const { createDpop, createDpopKey } = await import('@oa/dpop');
  const key = await createDpopKey();
  return toProofs(session, key, await createDpop(key, { now: session.context.now }));
}

/**
 * The proofs of the key that a stored token is bound to.
 *
 * @returns an error if the key is damaged. It is no bug of the program, and must not fail each of its calls.
 */
export async function storedProofsOf(session: Session, key: DpopKey): Promise<Result<Proofs>> {
  const { createDpop } = await import('@oa/dpop');
  const dpop = await createDpop(key, { now: session.context.now }).catch(() => undefined);
  if (dpop !== undefined) return { ok: true, value: toProofs(session, key, dpop) };
  const message = "The stored token is bound to a DPoP key that is damaged, so it can't be refreshed. Log in again.";
  return { ok: false, error: new OAuthError('login_required', message) };
}

function toProofs({ network }: Session, key: DpopKey, dpop: Dpop): Proofs {
  return { key, jkt: dpop.jkt, network: { ...network, authentication: dpop.authentication(network.authentication) } };
}

/**
 * The token with its key, if the server has bound it to that.
 *
 * @throws {OAuthError} `unsupported_token_type`, if it is not bound and must be
 */
export async function withKey(session: Session, token: Token, proofs: Proofs | undefined): Promise<Token> {
  const { options, emit } = session.context;
  const { assertDpopToken } = await import('@oa/dpop');
  const policy = options.dpop ?? 'preferred';
  assertDpopToken(await session.server(), token, policy, { onEvent: emit });
  return token.token_type === 'DPoP' && proofs !== undefined ? { ...token, dpop_key: proofs.key } : token;
}

/** A server that publishes nothing about DPoP may support it. */
function acceptsProofs({ dpop_signing_alg_values_supported: listed }: AuthorizationServer): boolean {
  return listed === undefined || listed.includes(PROOF_ALGORITHM);
}

function proofsUnsupported({
  issuer,
  dpop_signing_alg_values_supported: listed = [],
}: AuthorizationServer): OAuthError {
  const shown = toErrorText(listed.join(', '), MAX_SHOWN_LIST_CHARACTERS) || 'none';
  return new OAuthError(
    'unsupported_token_type',
    `${toErrorText(issuer, MAX_SHOWN_LIST_CHARACTERS)} accepts no DPoP proofs with ${PROOF_ALGORITHM}, which \`dpop: true\` needs. It lists these algorithms: ${shown}. Set \`dpop\` to 'preferred' to accept Bearer tokens of this server.`,
  );
}
