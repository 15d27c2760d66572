import { isOAuthError, OAuthError, type OAuthEvent } from '@oa/types';
import { inert, openInBrowser } from './browser.ts';
import { readCallback, type ExpectedCallback } from '@oa/pkce';
import type { LoginOptions } from './options.ts';
import { pastedUrl, pasteStreams, readPasted } from './paste.ts';
import type { Receiver } from './receiver.ts';
import { hasScreen, hintFor, surroundings } from './environment.ts';

export interface Waiting {
  receiver: Receiver;
  url: URL;
  expected: ExpectedCallback;
  options: LoginOptions;
  tell: (event: OAuthEvent) => void;
}

/** 5 minutes. */
const DEFAULT_TIMEOUT = 300_000;

/** Shows the URL and waits for the code: received or pasted, whichever comes first. */
export async function waitForPerson(waiting: Waiting): Promise<string> {
  const { receiver, options, tell } = waiting;
  const url = inert(waiting.url);
  const timeout = options.timeout ?? DEFAULT_TIMEOUT;
  const { promise: pasted, resolve: accept, reject: end } = Promise.withResolvers<string>();
  const timer = setTimeout(() => end(tooLate(timeout, receiver.redirect_uri)), timeout);
  const abort = (): void => end(options.signal?.reason);
  options.signal?.addEventListener('abort', abort, { once: true });
  const streams = pasteStreams(options.paste);
  const lines = streams && readPasted(streams, (line) => settle(() => readLine(line, waiting), accept, end));
  let waits = true;
  try {
    const { redirect_uri } = receiver;
    tell({ type: 'login_waiting', url, redirect_uri, expires_in: timeout / 1000, paste: lines !== undefined });
    start(url, waiting, () => waits).catch(end);
    loadNetwork().catch(end);
    const code = await Promise.race([
      receiver.code.then((code) => ({ code, via: 'loopback' as const })),
      pasted.then((code) => ({ code, via: 'paste' as const })),
    ]);
    tell({ type: 'callback_received', via: code.via });
    return code.code;
  } finally {
    waits = false;
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', abort);
    lines?.close();
  }
}

/** What is thrown in an event handler belongs to the caller of `login`, not to the process. */
function settle(read: () => string | undefined, accept: (code: string) => void, end: (reason: unknown) => void): void {
  try {
    const code = read();
    if (code !== undefined) accept(code);
  } catch (error) {
    end(error);
  }
}

/** The code in a pasted line. The same checks as on the wire; what is not this login's answer is ignored there as here. */
function readLine(line: string, { receiver, expected, tell }: Waiting): string | undefined {
  const url = pastedUrl(line, receiver.redirect_uri);
  try {
    if (url !== undefined) return readCallback(url, expected);
  } catch (error) {
    if (!isOAuthError(error) || error.code !== 'state_mismatch') throw error;
  }
  tell({ type: 'pasted_ignored', code: url === undefined ? 'invalid_callback' : 'state_mismatch' });
  return undefined;
}

/** While the person is busy: this takes longer than all the rest of a login. */
async function loadNetwork(): Promise<void> {
  const [{ preloadTransport }] = await Promise.all([
    import('@oa/http'),
    import('@oa/token-endpoint'),
    import('@oa/types/schemas'),
  ]);
  await preloadTransport();
}

async function start(url: string, { receiver, options, tell }: Waiting, waits: () => boolean): Promise<void> {
  const { openBrowser = true } = options;
  const where = surroundings();
  const failed = (): void => {
    if (waits()) tell({ type: 'browser_unavailable', hint: hintFor(where, new URL(receiver.redirect_uri)) });
  };
  if (typeof openBrowser === 'function') await callOwn(openBrowser, url, failed);
  else if (openBrowser && hasScreen(where)) await openInBrowser(url, failed);
  else if (openBrowser) failed();
}

/** A launcher of the caller's own may fail like any other: the person still has the URL. */
async function callOwn(open: (url: string) => unknown, url: string, failed: () => void): Promise<void> {
  try {
    await open(url);
  } catch {
    failed();
  }
}

/** Many servers answer a wrong request with a page of their own, and the browser never comes back. */
function tooLate(timeout: number, redirect_uri: string): OAuthError {
  return new OAuthError(
    'login_timeout',
    `The browser did not come back within ${timeout / 1000} seconds. If it showed an error instead of a login, the usual causes are a redirect URI that is not registered (this login used ${redirect_uri}) and an unknown scope.`,
  );
}
