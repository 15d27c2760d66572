import type { IncomingMessage, ServerResponse } from 'node:http';
import { toIgnoredReason } from './addresses.ts';
import { COMMON_HEADERS } from './page.ts';

/**
 * What holds a port: a login that waits for its user (`login`), one that has received its answer and frees the port in a moment (`ended`),
 * nothing, or nothing in a moment (`free`), a program that does not answer (`silent`), which may be a login that is stopped, or another one (`foreign`).
 */
export type PortState = 'login' | 'ended' | 'free' | 'silent' | 'foreign';

/** The request that a login asks the holder of its port with. Neither side trusts the other: the answer only tells whether to wait. */
const QUESTION_PATH = '/login-state';
const ANSWER_HEADER = 'login-state';
/** A login answers within milliseconds. A process that was stopped does not answer at all. */
const MAX_ANSWER_MS = 1_000;
/** No program listens, or one stops to listen at this moment, or this machine does not have the address. */
const FREE_CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'ENETUNREACH',
  'EHOSTUNREACH',
]);

/** Answers the question of another login, if `request` is one. Other requests of this kind are not counted as ignored. */
export function answerPortQuestion(
  request: IncomingMessage,
  response: ServerResponse,
  { port, isEnded }: { port: number; isEnded: boolean },
): boolean {
  const isQuestion = request.method === 'HEAD' && request.url === QUESTION_PATH;
  if (!isQuestion || toIgnoredReason(request, port, []) === 'host') return false;
  response
    .writeHead(204, { ...COMMON_HEADERS, [ANSWER_HEADER]: isEnded ? 'ended' : 'login', connection: 'close' })
    .end();
  return true;
}

/** Asks what holds `port`. A login has it on 127.0.0.1, if the machine has that. */
export async function askPort(port: number): Promise<PortState> {
  const v4 = await askAddress('127.0.0.1', port);
  return v4 === 'free' ? askAddress('::1', port) : v4;
}

async function askAddress(host: string, port: number): Promise<PortState> {
  const { request } = process.getBuiltinModule('node:http');
  const signal = AbortSignal.timeout(MAX_ANSWER_MS);
  return new Promise((resolve) => {
    const question = request({ host, port, path: QUESTION_PATH, method: 'HEAD', agent: false, signal });
    question.once('response', ({ headers }) => {
      const state = headers[ANSWER_HEADER];
      resolve(state === 'login' || state === 'ended' ? state : 'foreign');
      question.destroy();
    });
    question.on('error', (error) => resolve(toPortState(error, signal)));
    question.once('close', () => resolve('foreign'));
    question.end();
  });
}

/** A program that answers, but not with HTTP, is another one. */
function toPortState(error: Error, { aborted }: AbortSignal): PortState {
  if (aborted) return 'silent';
  return 'code' in error && FREE_CODES.has(String(error.code)) ? 'free' : 'foreign';
}
