/** What one request is made of. */
export interface Outgoing {
  /** What errors call the endpoint. It is never where a redirect led to: a server could put there what it was sent. */
  name: string;
  method: string;
  headers: Record<string, string>;
  body: string | undefined;
  signal: AbortSignal;
  fetch: typeof globalThis.fetch | undefined;
}

/** Sends one request, and never follows a redirect. */
export type Send = (url: string, outgoing: Outgoing) => Promise<Response>;

/**
 * Loads ky, which only this file knows. That happens with the first request: its import touches `Request`, which loads all of undici.
 *
 * Of ky's policies none applies here. Its timeout ends with the headers, its retries can't tell a single-use grant, and for an error
 * status it reads 10 MiB and throws an error that prints the request: timeout, retries and statuses are judged in this package.
 */
export async function loadSend(): Promise<Send> {
  const { default: ky } = await import('ky');
  return (url, { method, headers, body, signal, fetch = globalThis.fetch }) => {
    const init: RequestInit = { method, headers, signal, redirect: 'manual', ...(body === undefined ? {} : { body }) };
    return ky(url, {
      ...init,
      retry: 0,
      timeout: false,
      throwHttpErrors: false,
      // Plain arguments instead of ky's Request: another fetch (undici's from npm with a proxy agent) takes no foreign Request.
      fetch: () => fetch(url, init),
    });
  };
}

/** Loads what the first request needs, for a program that is about to make one and waits for something else, such as a person. */
export async function preloadTransport(): Promise<void> {
  await loadSend();
}
