import { createLoader } from '@oa/mechanisms';

/** One request, ready to be sent. */
export interface PreparedRequest {
  /** How errors name the endpoint. A redirect does not change it, because a server can put into a redirect what it was sent. */
  name: string;
  method: string;
  headers: Record<string, string>;
  body: string | undefined;
  signal: AbortSignal;
  /** Whether the body is cancelled unread. */
  headersOnly?: boolean | undefined;
  fetch: typeof globalThis.fetch | undefined;
}

/** Sends one request, and never follows a redirect. */
export type Transport = (url: string, request: PreparedRequest) => Promise<Response>;

/**
 * Loads ky, which only this file imports. It is loaded with the first request, because its import touches `Request`, which loads all of
 * undici.
 *
 * All policies of ky are off. Its timeout ends with the headers. Its retries can't recognise a single-use grant. For an error status it
 * reads 10 MiB and throws an error that prints the request. So this package decides about timeouts, retries and statuses.
 */
export const loadTransport: () => Promise<Transport> = createLoader(async () => {
  const { default: ky } = await import('ky');
  return (url, { method, headers, body, signal, fetch = globalThis.fetch }) => {
    const init: RequestInit = { method, headers, signal, redirect: 'manual', ...(body !== undefined && { body }) };
    return ky(url, {
      ...init,
      retry: 0,
      timeout: false,
      throwHttpErrors: false,
      // Plain arguments instead of ky's Request: another fetch, such as that of the npm package undici, accepts no foreign Request.
      fetch: () => fetch(url, init),
    });
  };
});

/**
 * Loads the code that the first request needs. A program can call it while it waits for something else, such as a user.
 *
 * @throws the error of a failed import
 */
export async function preloadTransport(): Promise<void> {
  await loadTransport();
}
