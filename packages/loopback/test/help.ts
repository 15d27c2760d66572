import { request, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { AuthorizationServer, Client, OAuthEvent, RequestParameters, Token } from '@oa/types';
import type { ScriptedServer } from '@oa-internal/scripted-server';
import { login, type LoginOptions } from '@oa/loopback';

/** Whether this machine has ::1. Containers often do not: tests that need it are skipped, and their titles say so. */
export const ipv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));

export const client: Client = { client_id: 'oa-test' };

/** The metadata of a server at `origin`. */
export function metadata({ origin }: { origin: string }, more: Partial<AuthorizationServer> = {}): AuthorizationServer {
  return { issuer: origin, authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token`, ...more };
}

/** Makes the scripted server grant a token for every request. */
export function grantTokens(scripted: ScriptedServer): void {
  scripted.script({
    '/token': { json: { access_token: 'secret-access-token', token_type: 'Bearer', expires_in: 60 } },
  });
}

export type Waiting = Extract<OAuthEvent, { type: 'login_waiting' }>;

export interface StartedLogin {
  waiting: Promise<Waiting>;
  /** The address that the browser was started with. Only without an `openBrowser` of the test. */
  opened: Promise<string>;
  token: Promise<Token>;
  events: OAuthEvent[];
  printed: string[];
}

/** Starts a login whose browser does nothing. */
export function startLogin(
  server: AuthorizationServer,
  parameters: RequestParameters = {},
  { client: loginClient = client, ...options }: LoginOptions & { client?: Client } = {},
): StartedLogin {
  const { promise: waiting, resolve, reject } = Promise.withResolvers<Waiting>();
  const opened = Promise.withResolvers<string>();
  const events: OAuthEvent[] = [];
  const printed: string[] = [];
  const token = login(server, loginClient, parameters, {
    openBrowser: opened.resolve,
    print: (text) => printed.push(text),
    ...options,
    onEvent: (event) => {
      events.push(event);
      options.onEvent?.(event);
      if (event.type === 'login_waiting') resolve(event);
    },
  });
  token.catch(reject);
  // A test that expects a failure may ignore this promise.
  waiting.catch(() => undefined);
  return { waiting, opened: opened.promise, token, events, printed };
}

/** Completes a login as the browser of a user would. */
export async function finishLogin({ waiting, token }: StartedLogin): Promise<void> {
  await followCallback(callbackUrl(await waiting, { code: 'c' }));
  await token;
}

/** The hints of all `browser_unavailable` events so far. */
export function browserHints({ events }: StartedLogin): string[] {
  return events.flatMap((event) => (event.type === 'browser_unavailable' ? [event.hint] : []));
}

/** The URL that a server would redirect the browser to. */
export function callbackUrl(waiting: Pick<Waiting, 'url' | 'redirect_uri'>, parameters: Record<string, string>): URL {
  const requested = new URL(waiting.url).searchParams;
  const url = new URL(waiting.redirect_uri);
  url.search = String(new URLSearchParams({ state: requested.get('state') ?? '', ...parameters }));
  return url;
}

/** The URL that a server which knows only the authorization URL would redirect the browser to. */
export function answerUrl(authorizationUrl: string, parameters: Record<string, string>): string {
  const redirect_uri = new URL(authorizationUrl).searchParams.get('redirect_uri') ?? '';
  return callbackUrl({ url: authorizationUrl, redirect_uri }, parameters).href;
}

export interface RawResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Sends one request as it is, and follows no redirect. */
export function sendRequest(
  url: string | URL,
  options: { method?: string; headers?: Record<string, string>; path?: string } = {},
): Promise<RawResponse> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ...options, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.once('error', reject);
    });
    sent.once('error', reject).end();
  });
}

/** Follows a callback to the last page, as a browser does. */
export async function followCallback(url: URL): Promise<{ first: RawResponse; last: RawResponse; lastUrl: URL }> {
  const first = await sendRequest(url);
  const lastUrl = new URL(first.headers.location ?? '', url);
  return { first, last: await sendRequest(lastUrl), lastUrl };
}

/** Whether something listens on `port` of `host`. */
export function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const end = (connected: boolean) => (): void => {
      socket.destroy();
      resolve(connected);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

/** Whether something listens on the port of a redirect URI. */
export function isPortOpen({ redirect_uri }: Pick<Waiting, 'redirect_uri'>): Promise<boolean> {
  const { hostname, port } = new URL(redirect_uri);
  return canConnect(hostname.replace(/^\[(.*)\]$/, '$1'), Number(port));
}
