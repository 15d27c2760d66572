import { DEFAULT_APP } from '@oa/private-file';
import type { ClientMetadata } from '@oa/registration';
import { attempt, explainGuess, isOAuthError, OAuthError, type AuthorizationServer, type Client } from '@oa/types';
import { mergeScopes } from '@oa/types/rfc';
import { clientRequired, isRefusalToRegister } from './client-required.ts';
import type { Context } from './context.ts';
import type { Session } from './session.ts';

/**
 * Registers a client for the logins of this program (RFC 7591).
 *
 * @param scope the scopes to register, where the server has refused them to a client. Otherwise none are: a server may never grant others
 *   to the client.
 */
export async function registerForLogin(
  session: Session,
  server: AuthorizationServer,
  scope: string | undefined,
): Promise<Client> {
  const { context, issuer, isPinned } = session;
  if (server.registration_endpoint === undefined) throw clientRequired(session);
  const { app = DEFAULT_APP, registration } = context.options;
  const { registerClient } = await import('@oa/registration');
  return sendRedirectUris(session, async (redirect_uris) => {
    const metadata: ClientMetadata = {
      client_name: app,
      redirect_uris,
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      ...registration,
    };
    if (scope !== undefined) metadata.scope = mergeScopes(registration?.scope, scope);
    // A statement and a token vouch for the program. A server that only the resource names could use them elsewhere.
    if (!isPinned) metadata.software_statement = undefined;
    const initialAccessToken = isPinned ? context.options.initialAccessToken : undefined;
    const client = await explainGuess(server, context.network, (network) =>
      registerClient(server, metadata, { ...network, initialAccessToken }).catch((error: unknown) => {
        throw isOAuthError(error) && isRefusalToRegister(error) ? clientRequired(session, error) : error;
      }),
    );
    context.emit({ type: 'registered', issuer });
    // A server that does not say what it registered is taken at its word that it registered what it was asked for.
    const registered = client.redirect_uris?.length
      ? client
      : { ...client, redirect_uris: [...(metadata.redirect_uris ?? [])] };
    // What was asked for is remembered, so that it is asked for once.
    return scope === undefined ? registered : { ...registered, scope: mergeScopes(client.scope, scope) };
  });
}

/**
 * Asks the server to register redirect URIs for the logins of this program, on a port that is drawn first: many servers compare ports,
 * against RFC 8252 section 7.3. Where the server refuses them, it is asked once more: without `[::1]` if it names only that, else with
 * `localhost` (section 8.3), which some servers know alone.
 *
 * @throws {OAuthError} that names the URIs and the options, if they are refused
 */
export async function sendRedirectUris(
  { context, issuer }: Session,
  send: (redirect_uris: string[]) => Promise<Client>,
): Promise<Client> {
  const { login, registration } = context.options;
  const own = registration?.redirect_uris;
  const redirect_uris = own === undefined ? await drawUris(context, issuer) : [...own];
  const first = await attempt(send(redirect_uris));
  if (first.ok) return first.value;
  if (!isRedirectRefusal(first.error)) throw first.error;
  if (own !== undefined || login?.redirectHost !== undefined) throw refusedUris(first.error, redirect_uris);
  const others = toOtherUris(redirect_uris, first.error);
  const second = await attempt(send(others));
  if (second.ok) return second.value;
  throw isRedirectRefusal(second.error) ? refusedUris(second.error, [...redirect_uris, ...others]) : second.error;
}

/** A device login needs no port, and may run where none can be had. */
async function drawUris({ options }: Context, issuer: string): Promise<string[]> {
  const { drawRedirectUris, loopbackRedirectUris } = await import('@oa/loopback');
  const { port, redirectHost } = options.login ?? {};
  const drawn = await attempt(drawRedirectUris({ issuer, port, redirectHost }));
  return drawn.ok ? drawn.value : loopbackRedirectUris({ issuer, port, redirectHost });
}

function toOtherUris(redirect_uris: readonly string[], error: OAuthError): string[] {
  const said = toRefusalWords(error);
  if (/::1|ipv6/i.test(said) && !/localhost|127\.0\.0\.1/i.test(said))
    return redirect_uris.filter((uri) => !uri.includes('[::1]'));
  const moved = redirect_uris.map((uri) => uri.replace(/^http:\/\/(?:127\.0\.0\.1|\[::1\])/, 'http://localhost'));
  return [...new Set(moved)];
}

/** `invalid_redirect_uri` (RFC 7591 section 3.2.2), or a refusal in other words. */
function isRedirectRefusal(error: OAuthError): boolean {
  if (error.error === 'invalid_redirect_uri') return true;
  return (
    [400, 422].includes(error.status ?? 0) &&
    /redirect|callback|loopback|localhost|127\.0\.0\.1|::1/i.test(toRefusalWords(error))
  );
}

function toRefusalWords({ error = '', error_description = '' }: OAuthError): string {
  return `${error} ${error_description}`;
}

function refusedUris(error: OAuthError, redirect_uris: readonly string[]): OAuthError {
  return new OAuthError(
    error.code,
    `${error.message} It was asked for the redirect_uris ${redirect_uris.join(', ')}. Use what the server accepts: set login.redirectHost or login.port of the manager, ` +
      'or registration.redirect_uris. Or register the program there by hand, and pass its client_id and its redirect_uris with the credentials.',
    error,
  );
}
