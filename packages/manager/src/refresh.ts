import { attempt, OAuthError, type AuthorizationServer, type Client, type Token } from '@oa/types';
import { forgetRegistration, isRegistrationRefused, type FoundClient } from './client.ts';
import { deferSignals } from './defer-signals.ts';
import { toOutcome, type Outcome } from './outcome.ts';
import type { Session } from './session.ts';

/**
 * Refreshes `stored`. The caller holds the lock. The new token is durable when this resolves (RFC 6749 section 6).
 *
 * A refused refresh token is deleted only if it is still the stored one. Where another program has stored a newer one meanwhile,
 * that one is refreshed.
 */
export async function refresh(session: Session, stored: Token): Promise<Outcome> {
  const result = await attempt(refreshLatest(session, stored));
  return result.ok ? result.value : { type: 'failed', error: result.error };
}

async function refreshLatest(session: Session, stored: Token): Promise<Outcome> {
  const server = await session.server();
  for (let current = stored; ;) {
    const found = await session.clientOf(current);
    // The refresh token stays: its client may come back, and a new login replaces it.
    if (found === undefined) return { type: 'ended', error: clientForgotten(session) };
    const outcome = await sendRefresh(session, server, found, current);
    if (outcome.type !== 'ended') return outcome;
    const latest = await session.stored();
    if (latest?.refresh_token === undefined || latest.refresh_token === current.refresh_token) {
      await endSession(session, found.client, current, outcome.error);
      return outcome;
    }
    current = latest;
  }
}

/**
 * Sends one refresh request. It is sent only where there is room to store its answer, and it is not aborted: the answer may be the
 * only copy of the next refresh token.
 */
async function sendRefresh(
  session: Session,
  server: AuthorizationServer,
  { client, issued_to }: FoundClient,
  current: Token,
): Promise<Outcome> {
  const { context, key, issuer, network } = session;
  const { resource } = session.parameters;
  const { refreshToken, isRefreshRefused } = await import('@oa/token-endpoint');
  const { interrupted } = await context.tokens.reserve(key);
  const renewed = deferSignals(async () => {
    const refreshed = await refreshToken(server, client, current, { resource }, network);
    const token: Token = { ...refreshed, issued_to };
    await context.tokens.set(key, token);
    context.emit({ type: 'refreshed', issuer });
    return token;
  });
  const outcome = await toOutcome(renewed);
  if (outcome.type === 'renewed') return outcome;
  const { error } = outcome;
  if (!isRegistrationRefused(session, error) && !isRefreshRefused(error)) return outcome;
  return { type: 'ended', error: interrupted ? toInterruption(error) : error };
}

/** The access token may still be accepted for a while: only what the server refused is deleted. */
async function endSession(session: Session, client: Client, current: Token, refusal: OAuthError): Promise<void> {
  const { context, key, issuer } = session;
  if (isRegistrationRefused(session, refusal)) await forgetRegistration(session, client);
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

function toInterruption(refusal: OAuthError): OAuthError {
  return new OAuthError(
    'refresh_interrupted',
    'An earlier process was killed after it had sent the refresh request and before it had stored the answer, so the refresh token is used.',
    refusal,
  );
}
