import type { IncomingMessage, ServerResponse } from 'node:http';
import { isOAuthError, OAuthError } from '@oa/types';
import {
  splitTarget,
  toIgnoredReason,
  toReceiverAddresses,
  type IgnoredReason,
  type ReceiverAddresses,
} from './addresses.ts';
import { closeServer, listenOnLoopback } from './listen.ts';
import { COMMON_HEADERS, type LoginOutcome } from './page.ts';
import { isOtherUser } from './peer.ts';
import type { RedirectTarget } from './redirect.ts';
import { sendPage, sendStatus } from './response.ts';
import { createStartAddress, isOpenedElsewhere, sendToServer, type StartAddress } from './start-address.ts';

/** Receives one callback on loopback. */
export interface Receiver {
  redirect_uri: string;
  /** Resolves when a request has ended the login. The browser may still load its last page. */
  ended: Promise<void>;
  /** The code, after the browser has loaded the last page. Rejects with the error of `readCode`, except for `state_mismatch`. */
  code: Promise<string>;
  /**
   * Returns a one-time address that redirects to `url`. If two programs open it, `code` rejects with `login_intercepted`: one of them may
   * belong to another user, who could log in with another account.
   */
  serveStartAddress(url: string): string;
  close(): Promise<void>;
}

/** The longest wait for the browser to load the last page. It takes a few milliseconds, if the browser loads it at all. */
const MAX_LAST_PAGE_WAIT_MS = 5_000;

/** The state of a receiver. */
interface Reception {
  addresses: ReceiverAddresses;
  readCode: (url: string) => string;
  onIgnored: (reason: IgnoredReason) => void;
  resolve: (code: string) => void;
  reject: (reason: unknown) => void;
  onEnded: () => void;
  start?: StartAddress;
  /** Set by the first callback that belongs to the login, or by an interception. */
  end?: ReceptionEnd;
}

interface ReceptionEnd {
  outcome: LoginOutcome;
  settle: () => void;
}

/**
 * Opens the port. `readCode` reads the code from the URL of a callback. A callback that it refuses with `state_mismatch`, one of another
 * user, and every other request, is answered, counted and otherwise ignored, because every program on this machine can send requests.
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
  const { servers, port, target } = await listenOnLoopback(targets, ports);
  const { promise: code, resolve, reject } = Promise.withResolvers<string>();
  const { promise: ended, resolve: onEnded } = Promise.withResolvers<void>();
  const addresses = toReceiverAddresses(target, port);
  const reception: Reception = { addresses, readCode, onIgnored, resolve, reject, onEnded };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    // The error is a bug here or in the caller's `onEvent`. The caller receives it: it must not end the process.
    handleRequest(reception, request, response).catch((error: unknown) => {
      response.destroy();
      reject(error);
    });
  };
  for (const server of servers) server.on('request', onRequest);
  return {
    redirect_uri: addresses.redirect_uri,
    ended,
    code,
    serveStartAddress(url) {
      reception.start = createStartAddress(url);
      return `${addresses.origin}${reception.start.path}`;
    },
    close: async () => void (await Promise.all(servers.map(closeServer))),
  };
}

async function handleRequest(reception: Reception, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { addresses, start, end, onIgnored } = reception;
  const { port, callbackPath, donePath } = addresses;
  const [path] = splitTarget(request);
  const reason = toIgnoredReason(request, port, [callbackPath, start?.path, end && donePath]);
  if (reason !== undefined) {
    onIgnored(reason);
    return sendStatus(response, reason === 'method' ? 405 : 404);
  }
  if (path === start?.path) return handleStart(reception, start, request, response);
  if (end === undefined) return handleCallback(reception, request, response);
  return path === donePath ? sendLastPage(reception, end, response) : sendPage(response, { type: 'expired' });
}

async function handleStart(
  reception: Reception,
  start: StartAddress,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (isOtherUser(request.socket)) return refuseUser(reception, response);
  if (isOpenedElsewhere(start, request)) return sendLastPage(reception, endIntercepted(reception), response);
  if (reception.end !== undefined) return sendPage(response, { type: 'expired' });
  return sendToServer(start, response);
}

async function handleCallback(reception: Reception, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { addresses, readCode, onIgnored, resolve, reject } = reception;
  let end: ReceptionEnd;
  try {
    const code = readCode(`${addresses.redirect_uri.split('?', 1)[0]}?${splitTarget(request)[1]}`);
    end = { outcome: { type: 'success' }, settle: () => resolve(code) };
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    if (error.code === 'state_mismatch') {
      onIgnored('state');
      return sendPage(response, { type: 'expired' });
    }
    end = { outcome: { type: 'failed', error }, settle: () => reject(error) };
  }
  // After the state: only a request that knows it is worth reading the list of all sockets.
  if (isOtherUser(request.socket)) return refuseUser(reception, response);
  endReception(reception, end);
  // A redirect to a fixed path removes code and state from the address bar (RFC 9700 section 4.3).
  response.writeHead(303, { ...COMMON_HEADERS, location: addresses.donePath }).end();
}

function endIntercepted(reception: Reception): ReceptionEnd {
  const error = new OAuthError(
    'login_intercepted',
    'Another program has opened this login, so it has ended. Log in again. If it happens each time, open the printed URL instead.',
  );
  return endReception(reception, { outcome: { type: 'failed', error }, settle: () => reception.reject(error) });
}

/** Ends the login when the browser has loaded its last page. A later end replaces the first: an interception, a code that was received. */
function endReception(reception: Reception, end: ReceptionEnd): ReceptionEnd {
  reception.end = end;
  reception.onEnded();
  setTimeout(() => reception.end?.settle(), MAX_LAST_PAGE_WAIT_MS).unref();
  return end;
}

function sendLastPage(reception: Reception, { outcome }: ReceptionEnd, response: ServerResponse): Promise<void> {
  response.once('close', () => reception.end?.settle());
  return sendPage(response, outcome);
}

function refuseUser({ onIgnored }: Reception, response: ServerResponse): Promise<void> {
  onIgnored('user');
  return sendPage(response, { type: 'refused' });
}
