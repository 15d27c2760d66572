import {
  explainGuess,
  type AuthorizationServer,
  type Client,
  type OAuthEvent,
  type RequestParameters,
  type Token,
} from '@oa/types';
import { assertRequestParameters } from '@oa/types/rfc';
import { randomText } from '@oa/mechanisms';
import { authorizationUrl, createPkce, exchangeCode, readCallback } from '@oa/pkce';
import { assertInteractive } from './interaction.ts';
import { assertLoginOptions, type LoginOptions } from './options.ts';
import { openReceiver, type Receiver } from './receiver.ts';
import { redirectTargets, toPorts } from './redirect.ts';
import { toTerminalText } from './terminal.ts';
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
 * An abort closes the port and rejects with the reason of the signal.
 *
 * @param parameters go to the authorization endpoint: `scope`, `resource`, `prompt`, ... The token request repeats `resource`.
 * @returns the token, with `expires_at` in seconds since the epoch
 * @throws {OAuthError} `login_required`, `login_timeout`, `login_intercepted`, `port_unavailable`, `client_required`, `endpoint_missing`, `insecure_url`,
 *   `issuer_mismatch`, `invalid_callback`, `oauth_error`, `http_error`, `invalid_response`, `unsupported_token_type`,
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
  return explainGuess(server, options, (explained) => loginWithBrowser(server, client, parameters, explained));
}

async function loginWithBrowser(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: LoginOptions,
): Promise<Token> {
  const emit = createLoginEmitter(options);
  const { code_verifier, ...challenge } = await createPkce();
  const state = randomText();
  const receiver = await openLoginReceiver(server, client, state, options, emit);
  // As `authorizationUrl` would add it. Here it is compared.
  const nonce = asksForIdToken(parameters) ? randomText() : undefined;
  let code: string;
  try {
    const { redirect_uri } = receiver;
    const url = authorizationUrl(server, client, { ...parameters, ...challenge, redirect_uri, state, nonce });
    const { resource } = parameters;
    code = await waitForUser({ receiver, url, expected: { state, server }, resource, options, emit });
  } finally {
    await receiver.close();
  }
  // The option `timeout` is the time for the user. The token request has its own default.
  const { timeout: _, ...tokenOptions } = options;
  const exchange = { code, code_verifier, redirect_uri: receiver.redirect_uri, resource: parameters['resource'] };
  const token = await exchangeCode(server, client, exchange, tokenOptions);
  if (nonce !== undefined) {
    const { assertIdTokenNonce } = await import('@oa/identity');
    assertIdTokenNonce(token, nonce);
  }
  emit({ type: 'code_exchanged', issuer: server.issuer });
  return token;
}

/** Whether the answer may have an ID token (OpenID Connect Core section 3.1.2.1). */
function asksForIdToken({ scope }: RequestParameters): boolean {
  return [scope].flat().some((each) => each?.split(' ').includes('openid'));
}

async function openLoginReceiver(
  server: AuthorizationServer,
  client: Client,
  state: string,
  options: LoginOptions,
  emit: (event: OAuthEvent) => void,
): Promise<Receiver> {
  const targets = redirectTargets(client, options.redirectHost);
  // Some servers compare ports, against RFC 8252 section 7.3: the registered port is tried first.
  const registered = targets.map(({ port }) => port).filter((port) => port !== 0);
  const ports = toPorts(options.port, [...new Set([...registered, 0])]);
  let count = 0;
  return openReceiver(
    targets,
    ports,
    (url) => readCallback(url, { state, server }),
    (reason) => {
      count += 1;
      emit({ type: 'callback_ignored', reason, count });
    },
  );
}

function createLoginEmitter(options: LoginOptions): (event: OAuthEvent) => void {
  const { onEvent, print = (text) => process.stderr.write(text) } = options;
  return (event) => {
    const text = toTerminalText(event);
    if (text !== undefined) print(text);
    onEvent?.(event);
  };
}
