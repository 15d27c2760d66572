import { MAX_TIMER_MS } from '@oa/mechanisms';
import type { OAuthError } from '@oa/types';
import { isLoopbackHost } from '@oa/types/rfc';
import { assertionTooLarge, MAX_ASSERTION_BYTES, noAssertion } from './ready-assertion.ts';

/** The address of the metadata service of every cloud. It is link-local: no router passes it on. */
export const METADATA_HOST = '169.254.169.254';
/** The service is on the same machine. Elsewhere the address may be a black hole. */
const CONNECT_TIMEOUT_MS = 2000;
const DEFAULT_EXCHANGE_TIMEOUT_MS = 30_000;
/** These come from a service that is not there: this is another platform. */
const ABSENT_CODES: ReadonlySet<string> = new Set([
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** A request to the metadata service of a cloud. */
export interface MetadataRequest {
  url: URL;
  headers: Record<string, string>;
  /** How errors name the service: it begins a sentence. */
  service: string;
  /** What to do where there is no such service. */
  absentCure: string;
}

/** An answer of the metadata service, of any status. */
export interface MetadataAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/**
 * Whether plain http to `hostname` stays on this machine or on its link.
 *
 * @param hostname in the form of `URL.hostname`
 */
export function isMetadataHost(hostname: string): boolean {
  return isLoopbackHost(hostname) || hostname === METADATA_HOST;
}

/**
 * Asks a metadata service with a GET over plain http. It uses no proxy, whatever the environment says, and follows no redirect. The connection
 * must be there after 2 seconds.
 *
 * `@oa/http` refuses plain http to such an address, and its `fetch` could use a proxy.
 *
 * @param options `timeout`: milliseconds for the whole exchange, by default 30,000
 * @throws {OAuthError} `assertion_unavailable`
 * @throws the reason of `options.signal` when it aborts
 */
export async function requestMetadata(
  asked: MetadataRequest,
  options: { signal: AbortSignal | undefined; timeout: number | undefined },
): Promise<MetadataAnswer> {
  const { signal, timeout = DEFAULT_EXCHANGE_TIMEOUT_MS } = options;
  const { Agent, get } = process.getBuiltinModule('node:http');
  const { promise, resolve, reject } = Promise.withResolvers<MetadataAnswer>();
  const { service } = asked;
  // The agent of the process may use the proxies of the environment. One without options does not.
  const message = get(asked.url, { agent: new Agent(), headers: { accept: 'application/json', ...asked.headers } });
  const giveUp = (reason: unknown): void => {
    reject(reason);
    message.destroy();
  };
  const onAbort = (): void => giveUp(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  const connecting = setTimeout(
    () => giveUp(noAnswer(asked, 'no connection within 2 seconds', false)),
    CONNECT_TIMEOUT_MS,
  );
  const whole = setTimeout(
    () =>
      giveUp(
        noAssertion(`${service} did not answer within ${timeout / 1000} seconds. Try again.`, { retryable: true }),
      ),
    Math.min(timeout, MAX_TIMER_MS),
  );
  message.once('socket', (socket) => socket.once('connect', () => clearTimeout(connecting)));
  message.once('error', (error) => giveUp(toServiceError(asked, error)));
  message.once('response', (response) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    response.on('data', (chunk: Uint8Array) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MAX_ASSERTION_BYTES)
        giveUp(assertionTooLarge({ name: `The answer of ${lowerFirstLetter(service)}`, cure: 'Check its address.' }));
    });
    response.once('error', (error) => giveUp(toServiceError(asked, error)));
    response.once('end', () =>
      resolve({
        status: Number(response.statusCode),
        headers: response.headers,
        text: Buffer.concat(chunks).toString(),
      }),
    );
  });
  try {
    return await promise;
  } finally {
    clearTimeout(connecting);
    clearTimeout(whole);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Makes the error for an address of the environment that is not safe for plain http. It does not show the address. */
export function unsafeAddress(variable: string, allowed: string): OAuthError {
  return noAssertion(`The environment variable ${variable} has an address that is not asked. It must be ${allowed}.`);
}

/** Whether the same request can succeed later: the service starts, is updated, or has too many requests. */
export function isBusyStatus(status: number): boolean {
  return status === 429 || status >= 500;
}

function noAnswer({ service, absentCure }: MetadataRequest, why: string, retryable: boolean): OAuthError {
  return noAssertion(`${service} did not answer (${why}). ${absentCure}`, { retryable });
}

function toServiceError(asked: MetadataRequest, error: unknown): OAuthError {
  const code = String((error as { code?: unknown }).code);
  return noAnswer(asked, code, !ABSENT_CODES.has(code));
}

function lowerFirstLetter(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
