import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { toReceiverAddresses } from './addresses.ts';
import { answerLargeHeaders } from './large-headers.ts';
import { closeServer, listenOnLoopback } from './listen.ts';
import { isOtherUser } from './peer.ts';
import { answerPortQuestion } from './port-question.ts';
import { createReception, type Reception, type ReceiverHooks } from './reception.ts';
import type { RedirectTarget } from './redirect.ts';
import { handleRequest } from './requests.ts';
import { sendLargeHeadersPage } from './response.ts';
import { createStartAddress } from './start-address.ts';
import { holdPort, listenInTurn, type TurnOptions } from './turn.ts';

/** Receives one callback on loopback. */
export interface Receiver {
  redirect_uri: string;
  /** Resolves when a request has ended the login. The browser may still load its last page. */
  ended: Promise<void>;
  /** Whether a request has ended the login. */
  isEnded(): boolean;
  /** The code. Rejects with the error of `readCode`, except for `state_mismatch`. */
  code: Promise<string>;
  /** Resolves when the browser has loaded the last page, or does not ask for it. Rejects with `login_intercepted`. */
  lastPage: Promise<void>;
  /**
   * Returns a one-time address that redirects to `url`. If two programs open it, `code` rejects with `login_intercepted`: one of them may
   * belong to another user, who could log in with another account. A later call returns the same address, which redirects to `url` from then
   * on.
   */
  serveStartAddress(url: string): string;
  /** Whether a browser has opened the start address. */
  isOpened(): boolean;
  /** Closes the port. After a callback it stays open for a short grace, which does not keep the process alive. */
  close(isAborted?: boolean): Promise<void>;
}

/** How long the same answer gets the same page after a login: prefetched, opened in a second tab, loaded again. */
const PAGE_GRACE_MS = 2_000;

/**
 * Opens the port. A callback that `readCode` refuses with `state_mismatch`, one of another user, and every other request, is answered,
 * counted and otherwise ignored, because every program on this machine can send requests.
 *
 * @param ports those of `toLoginPorts`
 * @throws {OAuthError} `port_unavailable`
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 * @see https://www.rfc-editor.org/rfc/rfc8252#section-8.3
 */
export async function openReceiver(
  targets: readonly RedirectTarget[],
  ports: readonly number[],
  hooks: ReceiverHooks,
  turn: TurnOptions,
): Promise<Receiver> {
  const { servers, port, target } = await listenInTurn(ports, turn, () => listenOnLoopback(targets, ports));
  const reception = createReception(toReceiverAddresses(target, port), hooks);
  const { close, hurry } = createCloser(reception, servers, port);
  for (const server of servers) {
    server.on('request', toRequestListener(reception, hurry));
    answerLargeHeaders(server, (socket) => handleLargeHeaders(reception, socket));
  }
  const { addresses, code, ended, lastPage } = reception;
  return {
    redirect_uri: addresses.redirect_uri,
    ended: ended.promise,
    isEnded: () => reception.end !== undefined,
    code: code.promise,
    lastPage: lastPage.promise,
    serveStartAddress(url) {
      reception.start ??= createStartAddress(url);
      reception.start.location = url;
      return `${addresses.origin}${reception.start.path}`;
    },
    isOpened: () => reception.start?.cookie !== undefined,
    close,
  };
}

function toRequestListener(
  reception: Reception,
  hurry: () => unknown,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { port } = reception.addresses;
    if (answerPortQuestion(request, response, { port, isEnded: reception.end !== undefined })) {
      // The other login takes over at once, as one of this process does.
      if (reception.end !== undefined && !isOtherUser(request.socket)) response.once('close', hurry);
      return;
    }
    // The error is a bug here or in the caller's `onEvent`. The caller receives it: it must not end the process.
    handleRequest(reception, request, response).catch((error: unknown) => {
      response.destroy();
      reception.code.reject(error);
    });
  };
}

function handleLargeHeaders({ onIgnored, render, code }: Reception, socket: Socket): void {
  const answer = async (): Promise<void> => {
    onIgnored('headers');
    await sendLargeHeadersPage(render, socket);
  };
  answer().catch((error: unknown) => {
    socket.destroy();
    code.reject(error);
  });
}

/** `hurry` closes the port if it only serves the last page of a login that has ended, and returns whether it does. */
function createCloser(
  reception: Reception,
  servers: readonly Server[],
  port: number,
): { close: Receiver['close']; hurry: () => boolean } {
  let isLingering = false;
  const closeNow = async (): Promise<void> => {
    await Promise.all(servers.map(closeServer));
    release();
  };
  const hurry = (): boolean => {
    // oxlint-disable-next-line typescript/no-floating-promises -- the waiting login is told by `release`
    if (isLingering) closeNow();
    return isLingering;
  };
  const release = holdPort(port, hurry);
  const close: Receiver['close'] = async (isAborted = false) => {
    if (isAborted || reception.end === undefined) return closeNow();
    await reception.lastPage.promise.catch(() => undefined);
    isLingering = true;
    for (const server of servers) unrefServer(server);
    setTimeout(() => void closeNow(), PAGE_GRACE_MS).unref();
  };
  return { close, hurry };
}

/** Lets the process end although the server listens. */
function unrefServer(server: Server): void {
  server.unref();
  server.closeIdleConnections();
  server.on('connection', (socket: Socket) => socket.unref());
}
