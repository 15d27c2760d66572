import {
  assertPkceSupported,
  explainGuess,
  type AuthorizationServer,
  type Client,
  type OAuthEvent,
  type RequestParameters,
  type Token,
} from '@oa/types';
import { asksForScope, assertRequestParameters } from '@oa/types/rfc';
import { randomText } from '@oa/mechanisms';
import { createPkce, exchangeCode, readCallback } from '@oa/pkce';
import { tellMissingRefreshToken, withRequestedScope } from './granted.ts';
import { assertInteractive } from './interaction.ts';
import { createLoginUrl, type LoginUrl } from './login-url.ts';
import { assertLoginOptions, DEFAULT_LOGIN_TIMEOUT_MS, type LoginOptions } from './options.ts';
import { toLoginNames } from './outcome.ts';
import { createPageRenderer } from './page.ts';
import { toPasteStreams } from './paste.ts';
import { openReceiver, type Receiver } from './receiver.ts';
import type { ReceiverHooks } from './reception.ts';
import { redirectTargets, toLoginPorts } from './redirect.ts';
import { createLoginScreen, type LoginScreen } from './screen.ts';
import { countIgnored, countSeen, createSeen, keepUnverified, type Seen } from './seen.ts';
import { waitForUser } from './wait.ts';

/** The parameters that the login sets itself. A caller who set one would remove a protection. */
const RESERVED_LOGIN_PARAMETERS = [
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'response_mode',
  'response_type',
  'state',
];

/**
 * Logs a user in with the browser: listens on a loopback port, opens a one-time address there that redirects to the server, waits for
 * the callback or for its address to be pasted, and exchanges the code for a token. On Linux, requests of other users are refused.
 *
 * The parameters are pushed to the server before (RFC 9126), where it has an endpoint for that.
 *
 * An abort closes the port and rejects with the reason of the signal.
 *
 * @param parameters go to the authorization endpoint: `scope`, `resource`, `prompt`, ... The token request repeats `resource`.
 * @returns the token, with `expires_at` in seconds since the epoch, and with the `scope` that was asked for where the server leaves it out
 * @throws {OAuthError} `login_required`, `login_timeout`, `login_intercepted`, `port_unavailable`, `client_required`, `endpoint_missing`, `insecure_url`,
 *   `pkce_unsupported`, `authorization_details_unsupported`, `issuer_mismatch`, `invalid_callback`, `oauth_error`, `http_error`, `invalid_response`, `unsupported_token_type`,
 *   `unsupported_client_authentication`, `network_error`, `timeout`, `redirect_refused`, `response_too_large`,
 *   `unexpected_content_type`, `invalid_json`; `invalid_id_token` if the ID token does not have the nonce of this login
 * @throws {TypeError} if an option is wrong, or a parameter is malformed or reserved
 * @see https://www.rfc-editor.org/rfc/rfc8252
 * @see https://www.rfc-editor.org/rfc/rfc7636
 * @see https://www.rfc-editor.org/rfc/rfc9207
 *
 * @example
 * ```ts
 * const token = await login(server, { client_id: 'my-tool' }, { scope: 'read' });
 * ```
 */
export async function login(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters = {},
  options: LoginOptions = {},
): Promise<Token> {
  assertLoginOptions(options);
  assertRequestParameters(parameters, RESERVED_LOGIN_PARAMETERS);
  options.signal?.throwIfAborted();
  assertInteractive(options);
  return explainGuess(server, options, async (explained) => {
    assertPkceSupported(server, options);
    return loginOnScreen(server, client, parameters, explained);
  });
}

async function loginOnScreen(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: LoginOptions,
): Promise<Token> {
  const screen = createLoginScreen(options);
  try {
    return await loginWithBrowser(server, client, parameters, options, screen);
  } finally {
    screen.close();
  }
}

async function loginWithBrowser(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: LoginOptions,
  screen: LoginScreen,
): Promise<Token> {
  const emit = (event: OAuthEvent): void => {
    screen.print(event);
    options.onEvent?.(event);
  };
  const { code_verifier, ...challenge } = await createPkce();
  const state = randomText();
  const seen = createSeen();
  // As `authorizationUrl` would add it, for an answer with an ID token (OpenID Connect Core section 3.1.2.1). Here it is compared.
  const nonce = asksForScope(parameters, 'openid') ? randomText() : undefined;
  const receiver = await openLoginReceiver(server, client, { state, seen }, options, emit);
  try {
    const { redirect_uri } = receiver;
    const requested = { ...withFurtherResources(parameters, options), ...challenge, redirect_uri, state, nonce };
    const createUrl = async (signal: LoginOptions['signal']): Promise<LoginUrl> =>
      createLoginUrl(server, client, requested, { ...options, signal });
    const url = await createUrl(options.signal);
    const { resource } = parameters;
    const expected = { state, server };
    const code = await waitForUser({ receiver, url, createUrl, expected, resource, seen, options, screen, emit });
    // The option `timeout` is the time for the user.
    const network = { ...options, timeout: options.requestTimeout };
    const exchange = { code, code_verifier, redirect_uri, resource };
    const token = await exchangeCode(server, client, exchange, network);
    if (nonce !== undefined) {
      const { assertIdTokenNonce } = await import('@oa/identity');
      assertIdTokenNonce(token, nonce);
    }
    if (receiver.isEnded()) await receiver.lastPage;
    emit({ type: 'code_exchanged', issuer: server.issuer });
    tellMissingRefreshToken(token, parameters, server, emit);
    return withRequestedScope(token, parameters);
  } finally {
    await receiver.close(options.signal?.aborted);
  }
}

function withFurtherResources(
  { resource = [], ...others }: RequestParameters,
  { furtherResources = [] }: LoginOptions,
): RequestParameters {
  const resources = [...new Set([resource, furtherResources].flat())];
  return resources.length === 0 ? others : { ...others, resource: resources };
}

async function openLoginReceiver(
  server: AuthorizationServer,
  client: Client,
  { state, seen }: { state: string; seen: Seen },
  options: LoginOptions,
  emit: (event: OAuthEvent) => void,
): Promise<Receiver> {
  const { signal, timeout = DEFAULT_LOGIN_TIMEOUT_MS } = options;
  const targets = redirectTargets(client, options.redirectHost);
  const ports = toLoginPorts(targets, options.port);
  const names = toLoginNames(options.app ?? client['client_name'], server.issuer);
  const canPaste = (): boolean => toPasteStreams(options.paste) !== undefined;
  const hooks: ReceiverHooks = {
    readCode: (url) => readCallback(url, { state, server }),
    onIgnored: (reason, text) => {
      countSeen(seen, reason);
      const isNews = text !== undefined && keepUnverified(seen, text);
      const facts = { ...(isNews && { unverified: text }), ...(reason === 'headers' && { paste: canPaste() }) };
      emit({ type: 'callback_ignored', reason, count: countIgnored(seen), ...facts });
    },
    render: createPageRenderer(names, options.page, canPaste),
  };
  const onWait = (port: number): void => emit({ type: 'port_waiting', port });
  return openReceiver(targets, ports, hooks, { timeout, signal, onWait });
}
