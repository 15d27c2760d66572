import { request, type IncomingHttpHeaders } from 'node:http';
import { networkInterfaces } from 'node:os';
import {
  isOAuthError,
  type AuthorizationServer,
  type Client,
  type OAuthError,
  type OAuthEvent,
  type RequestParameters,
  type Token,
} from '@oa/types';
import type { ScriptedServer } from '@oa-internal/scripted-server';
import { login, type LoginOptions } from '../src/index.ts';

/** Containers often have no ::1: what needs it is skipped there, by a title that says so. */
export const ipv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1'));

export const client: Client = { client_id: 'oa-test' };

export function metadata(scripted: { origin: string }, more: Partial<AuthorizationServer> = {}): AuthorizationServer {
  const { origin } = scripted;
  return { issuer: origin, authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token`, ...more };
}

/** Makes the scripted server grant a token to every request. */
export function grantTokens(scripted: ScriptedServer): void {
  scripted.script({
    '/token': { json: { access_token: 'secret-access-token', token_type: 'Bearer', expires_in: 60 } },
  });
}

export type Waiting = Extract<OAuthEvent, { type: 'login_waiting' }>;

export interface Begun {
  waiting: Promise<Waiting>;
  token: Promise<Token>;
  events: OAuthEvent[];
  printed: string[];
}

/** Starts a login whose browser does nothing. */
export function begin(
  server: AuthorizationServer,
  parameters: RequestParameters = {},
  { client: who = client, ...options }: LoginOptions & { client?: Client } = {},
): Begun {
  const { promise: waiting, resolve, reject } = Promise.withResolvers<Waiting>();
  const events: OAuthEvent[] = [];
  const printed: string[] = [];
  const token = login(server, who, parameters, {
    openBrowser: () => undefined,
    print: (text) => printed.push(text),
    ...options,
    onEvent: (event) => {
      events.push(event);
      options.onEvent?.(event);
      if (event.type === 'login_waiting') resolve(event);
    },
  });
  token.catch(reject);
  // A test that expects a failure need not look here.
  waiting.catch(() => undefined);
  return { waiting, token, events, printed };
}

/** The address that a server would send the browser to. */
export function callback(waiting: Waiting, parameters: Record<string, string>): URL {
  const asked = new URL(waiting.url).searchParams;
  const url = new URL(waiting.redirect_uri);
  url.search = String(new URLSearchParams({ state: asked.get('state') ?? '', ...parameters }));
  return url;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** One request as it is, without following redirects. */
export function send(
  url: string | URL,
  options: { method?: string; headers?: Record<string, string>; path?: string } = {},
): Promise<Answer> {
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

/** What a browser does with a callback: follows it to the last page. */
export async function arrive(url: URL): Promise<{ first: Answer; last: Answer; lastUrl: URL }> {
  const first = await send(url);
  const lastUrl = new URL(first.headers.location ?? '', url);
  return { first, last: await send(lastUrl), lastUrl };
}

/** The OAuthError that `call` throws. */
export function refusedBy(call: () => unknown): OAuthError {
  try {
    call();
  } catch (error) {
    if (isOAuthError(error)) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}
