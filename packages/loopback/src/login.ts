import {
  OAuthError,
  type AuthorizationServer,
  type Client,
  type OAuthEvent,
  type RequestParameters,
  type Token,
} from '@oa/types';
import { randomText } from '@oa/mechanisms';
import { authorizationUrl, createPkce, exchangeCode, readCallback } from '@oa/pkce';
import { checkOptions, portsOf, type LoginOptions } from './options.ts';
import { openReceiver, type Receiver } from './receiver.ts';
import { redirectTargets } from './redirect.ts';
import { somebodyThere, surroundings } from './environment.ts';
import { textFor } from './terminal.ts';
import { waitForPerson } from './wait.ts';

/** This login's own business: a caller who sets one of these is about to undo a protection. */
const OWN = [
  'client_id',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'response_mode',
  'response_type',
  'state',
];

/**
 * Logs a person in with the browser: listens on loopback, opens the authorization URL, waits for the callback or for its
 * address to be pasted, and exchanges the code.
 *
 * Ends in `login_required` (nobody to ask), `login_timeout`, `port_unavailable`, `client_required` (no loopback redirect
 * URI), `endpoint_missing`, `insecure_url`, `issuer_mismatch`, `invalid_callback`, `oauth_error` (denied, for one), or a
 * code of `exchangeCode`. An abort closes the port and rejects with the signal's reason.
 *
 * @see RFC 8252, RFC 7636, RFC 9207
 */
export async function login(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters = {},
  options: LoginOptions = {},
): Promise<Token> {
  checkOptions(options);
  const own = OWN.find((name) => parameters[name] !== undefined);
  if (own !== undefined) throw new TypeError(`parameters.${own} is chosen by the login itself`);
  options.signal?.throwIfAborted();
  requirePerson(options);

  const tell = teller(options);
  const { code_verifier, ...challenge } = await createPkce();
  const state = randomText();
  const receiver = await openPort(server, client, state, options, tell);
  let code: string;
  try {
    const { redirect_uri } = receiver;
    const url = authorizationUrl(server, client, { ...parameters, ...challenge, redirect_uri, state });
    code = await waitForPerson({ receiver, url, expected: { state, server }, options, tell });
  } finally {
    await receiver.close();
  }
  const { timeout: _, ...network } = options;
  const exchange = { code, code_verifier, redirect_uri: receiver.redirect_uri, resource: parameters['resource'] };
  const token = await exchangeCode(server, client, exchange, network);
  tell({ type: 'code_exchanged', issuer: server.issuer });
  return token;
}

async function openPort(
  server: AuthorizationServer,
  client: Client,
  state: string,
  options: LoginOptions,
  tell: (event: OAuthEvent) => void,
): Promise<Receiver> {
  const targets = redirectTargets(client, options.redirectHost);
  // A server that compares ports, against RFC 8252 section 7.3, is content with the registered one.
  const ports = portsOf(options, [...new Set([...targets.flatMap(({ port }) => port ?? []), 0])]);
  let count = 0;
  return openReceiver(
    targets,
    ports,
    (url) => readCallback(url, { state, server }),
    (reason) => {
      count += 1;
      tell({ type: 'callback_ignored', reason, count });
    },
  );
}

function teller({ onEvent, print = (text) => process.stderr.write(text) }: LoginOptions): (event: OAuthEvent) => void {
  return (event) => {
    const text = textFor(event);
    if (text !== undefined) print(text);
    onEvent?.(event);
  };
}

/**
 * Whether a login with these options has somebody to ask: `interaction` is `always`, or it is `auto` (the default) and stdin or
 * stderr is a terminal and `CI` is not set, or `openBrowser` is a function, or `paste` are streams.
 */
export function canAskPerson(options: Pick<LoginOptions, 'interaction' | 'openBrowser' | 'paste'> = {}): boolean {
  const { interaction = 'auto', openBrowser, paste } = options;
  if (interaction !== 'auto') return interaction === 'always';
  return typeof openBrowser === 'function' || typeof paste === 'object' || somebodyThere(surroundings());
}

function requirePerson(options: LoginOptions): void {
  if (canAskPerson(options)) return;
  throw new OAuthError(
    'login_required',
    options.interaction === 'never'
      ? 'A person has to log in, and the option interaction says that none may be asked.'
      : 'A person has to log in, and there is nobody to ask: no terminal, or CI is set. Log in from a terminal first.',
  );
}
