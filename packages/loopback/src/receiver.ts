import type { IncomingMessage, ServerResponse } from 'node:http';
import { isOAuthError, type OAuthEvent } from '@oa/types';
import { closeServer, listenOnLoopback } from './listen.ts';
import { COMMON_HEADERS, renderPage, type Outcome } from './page.ts';
import type { RedirectTarget } from './redirect.ts';

type IgnoredReason = Extract<OAuthEvent, { type: 'callback_ignored' }>['reason'];

/** Waits on loopback for one callback. */
export interface Receiver {
  redirect_uri: string;
  /** The code, once the browser has its page. Rejects with what `judge` threw, except for `state_mismatch`. */
  code: Promise<string>;
  close(): Promise<void>;
}

/** Milliseconds for the browser to fetch the last page. It takes a few; who has not come by then never will. */
const LAST_PAGE = 5_000;

/** Where a receiver is in its one conversation. */
interface Conversation {
  judge: (url: string) => string;
  ignored: (reason: IgnoredReason) => void;
  resolve: (code: string) => void;
  reject: (reason: unknown) => void;
  /** Set by the first callback that belongs to the login: every later one comes too late. */
  end?: { outcome: Outcome; finish: () => void };
}

/**
 * Opens the port. `judge` reads the code out of a callback's URL; a callback that it refuses with `state_mismatch`, and
 * every other request, is answered, counted and otherwise ignored, because anybody on this machine can send one.
 *
 * @see RFC 8252 sections 7.3, 8.3, 8.9 and 8.10
 */
export async function openReceiver(
  targets: readonly RedirectTarget[],
  ports: readonly number[],
  judge: (url: string) => string,
  ignored: (reason: IgnoredReason) => void,
): Promise<Receiver> {
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  const conversation: Conversation = { judge, ignored, resolve, reject };
  const { servers, port, target } = await listenOnLoopback(targets, ports);
  const addresses = addressesOf(target, port);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // What is thrown here is a bug of ours or of an `onEvent`: it belongs to the caller, not to the process.
    answer(conversation, addresses, request, response).catch((error: unknown) => {
      response.destroy();
      reject(error);
    });
  };
  for (const server of servers) server.on('request', onRequest);
  return {
    redirect_uri: addresses.redirect_uri,
    code,
    close: async () => void (await Promise.all(servers.map(closeServer))),
  };
}

async function answer(
  conversation: Conversation,
  addresses: Addresses,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { end, ignored } = conversation;
  const { redirect_uri, last } = addresses;
  const [path, query] = pathAndQuery(request);
  const stray = strayReason(
    request,
    addresses.port,
    end === undefined ? [addresses.callback] : [addresses.callback, last],
  );
  if (stray !== undefined) {
    ignored(stray);
    return sendStatus(response, stray === 'method' ? 405 : 404);
  }
  if (end === undefined) return receive(conversation, response, `${redirect_uri.split('?', 1)[0]}?${query}`, last);
  if (path !== last) return sendPage(response, { type: 'expired' });
  response.once('close', end.finish);
  return sendPage(response, end.outcome);
}

async function receive(conversation: Conversation, response: ServerResponse, url: string, last: string): Promise<void> {
  const { judge, ignored, resolve, reject } = conversation;
  try {
    const code = judge(url);
    conversation.end = { outcome: { type: 'success' }, finish: () => resolve(code) };
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    if (error.code === 'state_mismatch') {
      ignored('state');
      return sendPage(response, { type: 'expired' });
    }
    conversation.end = { outcome: { type: 'failed', error }, finish: () => reject(error) };
  }
  // To a fixed place, so that neither code nor state stays in the address bar (RFC 9700 section 4.3).
  response.writeHead(303, { ...COMMON_HEADERS, location: last }).end();
  setTimeout(conversation.end.finish, LAST_PAGE).unref();
}

async function sendPage(response: ServerResponse, outcome: Outcome): Promise<void> {
  const page = await renderPage(outcome);
  response.writeHead(page.status, { ...page.headers, connection: 'close' }).end(page.body);
}

function sendStatus(response: ServerResponse, status: 404 | 405): void {
  const allow = status === 405 ? { allow: 'GET' } : {};
  response.writeHead(status, { ...COMMON_HEADERS, ...allow, 'content-type': 'text/plain', connection: 'close' });
  response.end(status === 405 ? 'Method not allowed\n' : 'Not found\n');
}

interface Addresses {
  redirect_uri: string;
  port: number;
  /** The path of the redirect URI. */
  callback: string;
  /** The path of the page that the browser ends on. */
  last: string;
}

function addressesOf(target: RedirectTarget, port: number): Addresses {
  const callback = target.path.split('?', 1)[0] || '/';
  const last = `${callback.replace(/\/$/, '')}/done`;
  return { redirect_uri: `http://${target.host}:${port}${target.path}`, port, callback, last };
}

function strayReason(request: IncomingMessage, port: number, paths: readonly string[]): IgnoredReason | undefined {
  // A page of another site whose name has been made to point here must not talk to us (DNS rebinding).
  if (!isOwnHost(request.headers.host, port)) return 'host';
  if (!paths.includes(pathAndQuery(request)[0])) return 'path';
  return request.method === 'GET' ? undefined : 'method';
}

function pathAndQuery(request: IncomingMessage): [path: string, query: string] {
  const [path = '', query = ''] = (request.url ?? '').split(/\?(.*)/s, 2);
  return [path, query];
}

function isOwnHost(host: string | undefined, port: number): boolean {
  const names = ['127.0.0.1', '[::1]', 'localhost'];
  return names.some((name) => host === `${name}:${port}` || (port === 80 && host === name));
}
