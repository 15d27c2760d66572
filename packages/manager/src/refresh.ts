import { startTimeout } from '@oa/mechanisms';
import { parseTokenKey } from '@oa/token-cache';
import { attempt, OAuthError, type AuthorizationServer, type Token } from '@oa/types';
import type { FoundClient } from './client.ts';
import type { Context } from './context.ts';
import { deferSignals } from './defer-signals.ts';
import { refreshedDetails } from './details.ts';
import { isUsable } from './freshness.ts';
import { rethrowModuleError } from './module-error.ts';
import { toOutcome, type Outcome, type Refused } from './outcome.ts';
import type { Proofs } from './proofs.ts';
import { withServer } from './server.ts';
import type { Session } from './session.ts';

/** As for every request. */
const DEFAULT_REFRESH_WAIT_MS = 30_000;
/** The request itself goes on for longer: its answer may be the only copy of the next refresh token. */
const REFRESH_TIMEOUT_FACTOR = 2;

/** A gateway answers so where the answer of the server did not reach it (RFC 9110 section 15.6). The last five are those of Cloudflare. */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([502, 504, 520, 522, 523, 524, 525]);

/** The milliseconds that callers wait for the answer to a refresh request. */
export function refreshWaitMs({ options }: Context): number {
  return options.timeout ?? DEFAULT_REFRESH_WAIT_MS;
}

/** Told when callers have waited long enough for the answer, while the request goes on. */
export type OnSlowRefresh = (current: Token, error: OAuthError) => void;

/**
 * Refreshes `stored`. The caller holds the lock. The new token is durable when this resolves (RFC 6749 section 6).
 *
 * A refused refresh token is deleted only if the refusal is definite and if it is still the stored one. Where another program has
 * stored a newer one meanwhile, that one is refreshed.
 */
export async function refresh(session: Session, stored: Token, onSlow?: OnSlowRefresh): Promise<Outcome> {
  const work = withServer(session, (server) => refreshLatest(session, server, stored, onSlow));
  const result = await attempt(work.catch(rethrowModuleError));
  return result.ok ? result.value : { type: 'failed', error: result.error };
}

async function refreshLatest(
  session: Session,
  server: AuthorizationServer,
  stored: Token,
  onSlow: OnSlowRefresh | undefined,
): Promise<Outcome> {
  for (let current = stored; ;) {
    const found = await session.clientOf(current);
    // Its client may come back, and a new login replaces it.
    if (found === undefined) return { type: 'refused', error: clientForgotten(session), isDefinite: false };
    const outcome = await sendRefresh(session, server, found, current, onSlow);
    if (outcome.type !== 'refused') return outcome;
    const latest = await session.stored();
    if (latest?.refresh_token === undefined || latest.refresh_token === current.refresh_token) {
      if (outcome.isDefinite) await endSession(session, current, outcome.error);
      return outcome;
    }
    current = latest;
  }
}

/**
 * Sends one refresh request. It is sent only where there is room to store its answer. It is not aborted, and it goes on after the
 * callers have given up: the answer may be the only copy of the next refresh token.
 *
 * @throws {OAuthError} why the request failed, if that is no refusal
 */
export async function sendRefresh(
  session: Session,
  server: AuthorizationServer,
  found: FoundClient,
  current: Token,
  onSlow: OnSlowRefresh | undefined,
): Promise<Outcome> {
  const { context, key } = session;
  // Loaded before the reservation: if that fails, no request was sent.
  await import('@oa/token-endpoint');
  const proofs =
    current.dpop_key === undefined
      ? undefined
      : await (await import('./proofs.ts')).storedProofsOf(session, current.dpop_key);
  // The key does not come back. The refresh token is kept until a new grant has replaced it.
  if (proofs?.ok === false) return { type: 'refused', error: proofs.error, isDefinite: false };
  const reservation = await context.tokens.reserve(key);
  const outcome = await toOutcome(
    deferSignals(() => requestAndStore(session, server, found, current, onSlow, proofs?.value)),
  );
  if (outcome.type === 'renewed') return outcome;
  const { error } = outcome;
  // Without an answer the refresh token may be used: the next holder of the lock must know.
  if (error.sent === false || isAnswerOfServer(error)) await reservation.release?.();
  const refusal = await toRefusal(session, found, error);
  if (refusal === undefined) throw error;
  return reservation.interrupted ? { ...refusal, error: toInterruption(error) } : refusal;
}

async function requestAndStore(
  session: Session,
  server: AuthorizationServer,
  { client, issued_to }: FoundClient,
  current: Token,
  onSlow: OnSlowRefresh | undefined,
  proofs: Proofs | undefined,
): Promise<Token> {
  const { context, issuer, key, refreshParameters } = session;
  const { network } = proofs ?? session;
  const { refreshToken } = await import('@oa/token-endpoint');
  // Without the granted scope, which a scope in `refreshParameters` must not exceed: whether it does is for the server to say.
  const { scope, ...others } = current;
  const parameters = { ...refreshedDetails(session, current), ...refreshParameters };
  const wait = refreshWaitMs(context);
  const options = { ...network, timeout: wait * REFRESH_TIMEOUT_FACTOR };
  const cancel = startTimeout(() => onSlow?.(current, answerIsSlow(wait)), wait);
  const refreshed = await refreshToken(server, client, others, parameters, options).finally(cancel);
  // What the server leaves out has not changed (RFC 6749 section 6). Tokens of earlier versions do not say what was granted.
  const granted = scope ?? parseTokenKey(key)?.scope?.join(' ');
  const token: Token = { ...(granted !== undefined && { scope: granted }), ...refreshed, issued_to };
  const problem = await session.store(token);
  const adopted = problem?.code === 'lock_lost' ? await session.stored() : undefined;
  if (adopted !== undefined && isUsable(session, adopted, {})) {
    context.emit({ type: 'adopted', issuer });
    return adopted;
  }
  context.emit({ type: 'refreshed', issuer });
  // After it is stored: the old refresh token is used.
  if (proofs === undefined && context.options.dpop !== true) return token;
  return (await import('./proofs.ts')).withKey(session, token, proofs);
}

/** Whether the server has answered, and has not refreshed. A success that can't be read, and an error of a gateway, do not say so. */
function isAnswerOfServer({ code, status }: OAuthError): boolean {
  if (status === undefined || GATEWAY_STATUSES.has(status)) return false;
  return code === 'oauth_error' || status >= 300;
}

async function toRefusal(session: Session, { client }: FoundClient, error: OAuthError): Promise<Refused | undefined> {
  const { isClientRefused } = await import('@oa/client-authentication/refusal');
  // The server may know the client again tomorrow. A new login registers another one.
  if (session.configuredClient === undefined && isClientRefused(error, false))
    return { type: 'refused', error, isDefinite: false, forgotten: client };
  const { refreshRefusal } = await import('@oa/token-endpoint');
  const grade = refreshRefusal(error);
  return grade === undefined ? undefined : { type: 'refused', error, isDefinite: grade === 'definite' };
}

/** The access token may still be accepted for a while: only what the server refused is deleted. */
async function endSession({ context, key, issuer }: Session, current: Token, refusal: OAuthError): Promise<void> {
  const { refresh_token: _refused, ...rest } = current;
  await context.tokens.set(key, rest);
  context.emit({ type: 'session_ended', issuer, code: refusal.code, error: refusal.error });
}

function clientForgotten({ issuer }: Session): OAuthError {
  return new OAuthError(
    'client_required',
    `The client that the stored token was issued to is not registered any more at ${issuer}, so the token can't be refreshed. Log in again.`,
  );
}

function answerIsSlow(milliseconds: number): OAuthError {
  return new OAuthError(
    'timeout',
    `The server did not answer the refresh request within ${Math.round(milliseconds / 1000)} seconds. Its answer is still stored if it comes. Try again later.`,
    { retryable: true, sent: true },
  );
}

function toInterruption(refusal: OAuthError): OAuthError {
  return new OAuthError(
    'refresh_interrupted',
    'The answer to an earlier refresh request was lost, because the connection broke or the process was killed before it had stored the answer. So the refresh token is used.',
    refusal,
  );
}
