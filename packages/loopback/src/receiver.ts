import type { IncomingMessage, ServerResponse } from 'node:http';
import { isOAuthError, type OAuthEvent } from '@oa/types';
import { LOOPBACK_HOSTS } from '@oa/types/rfc';
import { closeServer, listenOnLoopback } from './listen.ts';
import { COMMON_HEADERS, renderLoginPage, type LoginOutcome } from './page.ts';
import type { RedirectTarget } from './redirect.ts';

type IgnoredReason = Extract<OAuthEvent, { type: 'callback_ignored' }>['reason'];

/** Receives one callback on loopback. */
export interface Receiver {
  redirect_uri: string;
  /** The code, after the browser has loaded the last page. Rejects with the error of `readCode`, except for `state_mismatch`. */
  code: Promise<string>;
  close(): Promise<void>;
}

/** The longest wait for the browser to load the last page. It takes a few milliseconds, if the browser loads it at all. */
const MAX_LAST_PAGE_WAIT_MS = 5_000;

/** The state of a receiver. */
interface Reception {
  readCode: (url: string) => string;
  onIgnored: (reason: IgnoredReason) => void;
  resolve: (code: string) => void;
  reject: (reason: unknown) => void;
  /** Set by the first callback that belongs to the login. Every later one is too late. */
  end?: { outcome: LoginOutcome; finish: () => void };
}

/**
 * Opens the port. `readCode` reads the code from the URL of a callback. A callback that it refuses with `state_mismatch`, and every
 * other request, is answered, counted and otherwise ignored, because every program on this machine can send requests.
 *
 * @throws {OAuthError} `port_unavailable`
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-8.3
 */
export async function openReceiver(
  targets: readonly RedirectTarget[],
  ports: readonly number[],
  readCode: (url: string) => string,
  onIgnored: (reason: IgnoredReason) => void,
): Promise<Receiver> {
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  const reception: Reception = { readCode, onIgnored, resolve, reject };
  const { servers, port, target } = await listenOnLoopback(targets, ports);
  const addresses = toAddresses(target, port);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // The error is a bug here or in the caller's `onEvent`. The caller receives it: it must not end the process.
    handleRequest(reception, addresses, request, response).catch((error: unknown) => {
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

async function handleRequest(
  reception: Reception,
  addresses: ReceiverAddresses,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { end, onIgnored } = reception;
  const { redirect_uri, callbackPath, donePath } = addresses;
  const [path, query] = splitTarget(request);
  const paths = end === undefined ? [callbackPath] : [callbackPath, donePath];
  const reason = toIgnoredReason(request, addresses.port, paths);
  if (reason !== undefined) {
    onIgnored(reason);
    return sendStatus(response, reason === 'method' ? 405 : 404);
  }
  if (end === undefined)
    return handleCallback(reception, response, `${redirect_uri.split('?', 1)[0]}?${query}`, donePath);
  if (path !== donePath) return sendPage(response, { type: 'expired' });
  response.once('close', end.finish);
  return sendPage(response, end.outcome);
}

async function handleCallback(
  reception: Reception,
  response: ServerResponse,
  url: string,
  donePath: string,
): Promise<void> {
  const { readCode, onIgnored, resolve, reject } = reception;
  try {
    const code = readCode(url);
    reception.end = { outcome: { type: 'success' }, finish: () => resolve(code) };
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    if (error.code === 'state_mismatch') {
      onIgnored('state');
      return sendPage(response, { type: 'expired' });
    }
    reception.end = { outcome: { type: 'failed', error }, finish: () => reject(error) };
  }
  // A redirect to a fixed path removes code and state from the address bar (RFC 9700 section 4.3).
  response.writeHead(303, { ...COMMON_HEADERS, location: donePath }).end();
  setTimeout(reception.end.finish, MAX_LAST_PAGE_WAIT_MS).unref();
}

async function sendPage(response: ServerResponse, outcome: LoginOutcome): Promise<void> {
  const page = await renderLoginPage(outcome);
  response.writeHead(page.status, { ...page.headers, connection: 'close' }).end(page.body);
}

function sendStatus(response: ServerResponse, status: 404 | 405): void {
  const allow = status === 405 ? { allow: 'GET' } : {};
  response.writeHead(status, { ...COMMON_HEADERS, ...allow, 'content-type': 'text/plain', connection: 'close' });
  response.end(status === 405 ? 'Method not allowed\n' : 'Not found\n');
}

interface ReceiverAddresses {
  redirect_uri: string;
  port: number;
  /** The path of the redirect URI. */
  callbackPath: string;
  /** The path of the page that the browser ends on. */
  donePath: string;
}

function toAddresses(target: RedirectTarget, port: number): ReceiverAddresses {
  const callbackPath = target.path.split('?', 1)[0] || '/';
  const donePath = `${callbackPath.replace(/\/$/, '')}/done`;
  return { redirect_uri: `http://${target.host}:${port}${target.path}`, port, callbackPath, donePath };
}

function toIgnoredReason(request: IncomingMessage, port: number, paths: readonly string[]): IgnoredReason | undefined {
  // DNS rebinding: a web site can make its own name point to this port.
  if (!isReceiverHost(request.headers.host, port)) return 'host';
  if (!paths.includes(splitTarget(request)[0])) return 'path';
  return request.method === 'GET' ? undefined : 'method';
}

function splitTarget(request: IncomingMessage): [path: string, query: string] {
  const [path = '', query = ''] = (request.url ?? '').split(/\?(.*)/s, 2);
  return [path, query];
}

function isReceiverHost(host: string | undefined, port: number): boolean {
  return LOOPBACK_HOSTS.some((name) => host === `${name}:${port}` || (port === 80 && host === name));
}
