import type { IncomingMessage, ServerResponse } from 'node:http';
import { isOAuthError } from '@oa/types';
import { splitTarget, toIgnoredReason } from './addresses.ts';
import { isFormPost, readFormPost, toUnverifiedText } from './answer.ts';
import { COMMON_HEADERS } from './page.ts';
import { isOtherUser } from './peer.ts';
import { endReception, interceptReception, type Reception, type ReceptionEnd } from './reception.ts';
import { sendPage, sendStatus } from './response.ts';
import { isOpenedElsewhere, sendToServer, type StartAddress } from './start-address.ts';

/** Answers a request to the receiver. */
export async function handleRequest(
  reception: Reception,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { addresses, start, end, onIgnored, render } = reception;
  const { port, callbackPath, donePath } = addresses;
  const [path] = splitTarget(request);
  const paths = [callbackPath, start?.path, end && donePath];
  const reason = toIgnoredReason(request, port, paths);
  if (reason !== undefined) {
    onIgnored(reason);
    return sendStatus(response, reason !== 'host' && paths.includes(path) ? 405 : 404);
  }
  if (path === start?.path) return handleStart(reception, start, request, response);
  if (path === donePath && end !== undefined) return sendLastPage(reception, end, response);
  const answer = isFormPost(request) ? await readFormPost(request) : splitTarget(request)[1];
  if (answer === undefined) onIgnored('state');
  // The login may have ended while the form arrived.
  else if (reception.end === undefined) return handleAnswer(reception, answer, request, response);
  else if (reception.end.answer === answer) return repeatAnswer(reception, request, response);
  return sendPage(render, response, { type: 'expired' });
}

/** Browsers prefetch and reload, and scanners follow links: the same answer leads to the same page. */
async function repeatAnswer(reception: Reception, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (isOtherUser(request.socket)) return refuseUser(reception, response);
  return redirectToLastPage(reception, response);
}

async function handleStart(
  reception: Reception,
  start: StartAddress,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (isOtherUser(request.socket)) return refuseUser(reception, response);
  if (isOpenedElsewhere(start, request)) return sendLastPage(reception, interceptReception(reception), response);
  if (reception.end !== undefined) return sendPage(reception.render, response, { type: 'expired' });
  return sendToServer(start, response);
}

async function handleAnswer(
  reception: Reception,
  answer: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { addresses, code, readCode, onIgnored, render } = reception;
  let end: ReceptionEnd;
  let settle: () => void;
  try {
    const received = readCode(`${addresses.redirect_uri.split('?', 1)[0]}?${answer}`);
    end = { outcome: { type: 'success' }, answer };
    settle = () => code.resolve(received);
  } catch (error) {
    if (!isOAuthError(error)) throw error;
    if (error.code === 'state_mismatch') {
      const unverified = toUnverifiedText(answer);
      onIgnored('state', unverified);
      return sendPage(render, response, { type: unverified === undefined ? 'expired' : 'unverified' });
    }
    end = { outcome: { type: 'failed', error }, answer };
    settle = () => code.reject(error);
  }
  // After the state: only a request that knows it is worth reading the list of all sockets.
  if (isOtherUser(request.socket)) return refuseUser(reception, response);
  endReception(reception, end);
  // The token request does not wait for the last page.
  response.once('close', settle);
  return redirectToLastPage(reception, response);
}

/** A redirect to a fixed path removes code and state from the address bar (RFC 9700 section 4.3). */
async function redirectToLastPage({ addresses }: Reception, response: ServerResponse): Promise<void> {
  response.writeHead(303, { ...COMMON_HEADERS, location: addresses.donePath }).end();
}

function sendLastPage(reception: Reception, { outcome }: ReceptionEnd, response: ServerResponse): Promise<void> {
  response.once('close', () => reception.lastPage.resolve());
  return sendPage(reception.render, response, outcome);
}

function refuseUser({ onIgnored, render }: Reception, response: ServerResponse): Promise<void> {
  onIgnored('user');
  return sendPage(render, response, { type: 'refused' });
}
