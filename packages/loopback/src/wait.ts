import { abortable } from '@oa/mechanisms';
import { readCallback, type ExpectedCallback } from '@oa/pkce';
import { isOAuthError, OAuthError, type OAuthEvent } from '@oa/types';
import { toUnverifiedText } from './answer.ts';
import { sanitizeUrl } from './browser.ts';
import { keepUrlFresh } from './fresh-url.ts';
import type { LoginUrl } from './login-url.ts';
import { openLoginUrl } from './open-url.ts';
import { DEFAULT_LOGIN_TIMEOUT_MS, type LoginOptions } from './options.ts';
import { readPastedLines, toPasteStreams } from './paste.ts';
import { toPastedGroups, toPastedUrls } from './pasted-answer.ts';
import { cleanPastedLine, splitPastedLines } from './pasted-line.ts';
import type { Receiver } from './receiver.ts';
import type { LoginScreen } from './screen.ts';
import { countSeen, toSeenText, type Seen } from './seen.ts';

/** A login that waits for the user. */
export interface PendingLogin {
  receiver: Receiver;
  /** The authorization URL. */
  url: LoginUrl;
  /** Makes the URL anew where the server has forgotten what it stands for, until the signal aborts. */
  createUrl: (signal: AbortSignal) => Promise<LoginUrl>;
  expected: ExpectedCallback;
  /** What the token is for (RFC 8707), to show to the user. */
  resource: string | readonly string[] | undefined;
  seen: Seen;
  options: LoginOptions;
  screen: LoginScreen;
  emit: (event: OAuthEvent) => void;
}

/**
 * Shows the URL and waits for the code: received or pasted, whichever comes first.
 *
 * @throws {OAuthError} `login_timeout`, `login_intercepted`, `issuer_mismatch`, `oauth_error`, `invalid_callback`
 */
export async function waitForUser(login: PendingLogin): Promise<string> {
  const { receiver, options, emit } = login;
  const timeout = options.timeout ?? DEFAULT_LOGIN_TIMEOUT_MS;
  const expiresAt = Date.now() + timeout;
  const { promise: pasted, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(loginTimeout(timeout, login)), timeout);
  // The user is done. The time that the browser takes for its last page does not count.
  receiver.ended.then(() => clearTimeout(timer)).catch(reject);
  const onLines = (lines: string[]): void => {
    try {
      const code = readPastedCode(lines, login);
      if (code !== undefined) resolve(code);
    } catch (error) {
      // The error may come from the caller's `onEvent`. The caller receives it: it must not end the process.
      reject(error);
    }
  };
  const streams = toPasteStreams(options.paste);
  const reader = streams && readPastedLines(streams, onLines, login.screen);
  const waiting = new AbortController();
  const isWaiting = (): boolean => !waiting.signal.aborted;
  const showUrl = (shown: URL, milliseconds: number): string => {
    const url = sanitizeUrl(shown);
    emit(toWaitingEvent(login, { url, expires_in: milliseconds / 1000, paste: reader !== undefined }));
    return receiver.serveStartAddress(url);
  };
  try {
    const startAddress = showUrl(login.url.url, timeout);
    const canPaste = (): boolean => reader?.isOpen() === true;
    openLoginUrl(startAddress, login, { isWaiting, canPaste }).catch(reject);
    loadNetwork().catch(reject);
    const replacement = {
      create: login.createUrl,
      show: (url: URL) => showUrl(url, Math.max(0, expiresAt - Date.now())),
      isNeeded: () => !receiver.isOpened() && !receiver.isEnded(),
    };
    keepUrlFresh(login.url, replacement, waiting.signal).catch(reject);
    const received = Promise.race([
      receiver.code.then((code) => ({ code, via: 'loopback' as const })),
      pasted.then((code) => ({ code, via: 'paste' as const })),
    ]);
    const { code, via } = await abortable(received, options.signal);
    emit({ type: 'callback_received', via });
    return code;
  } finally {
    waiting.abort();
    clearTimeout(timer);
    reader?.close();
  }
}

function toWaitingEvent(
  { resource, receiver, expected: { server } }: PendingLogin,
  shown: { url: string; expires_in: number; paste: boolean },
): OAuthEvent {
  const { issuer, guessed_after } = server;
  return {
    type: 'login_waiting',
    issuer,
    ...(resource !== undefined && { resource: [resource].flat() }),
    redirect_uri: receiver.redirect_uri,
    ...shown,
    ...(guessed_after !== undefined && { guessed_after }),
  };
}

/** Reads the code from pasted lines, with the checks of the receiver. Lines that do not belong to this login are ignored. */
function readPastedCode(lines: readonly string[], login: PendingLogin): string | undefined {
  const { redirect_uri } = login.receiver;
  const parts = splitPastedLines(lines, redirect_uri);
  for (const group of toPastedGroups(parts.map((part) => cleanPastedLine(part, redirect_uri)))) {
    const urls = toPastedUrls(group, redirect_uri);
    const read = readFirstCode(urls, login.expected);
    if ('code' in read) return read.code;
    const unverified = urls[0] === undefined ? undefined : toUnverifiedText(new URL(urls[0]).search);
    countSeen(login.seen, 'pasted');
    login.emit({ type: 'pasted_ignored', code: read.ignored, ...(unverified !== undefined && { unverified }) });
  }
  return undefined;
}

/**
 * Reads the code from the first URL with the state of this login. A part of an address is ignored, and no shorter part is read: it could have
 * half of the code.
 */
function readFirstCode(
  urls: readonly string[],
  expected: ExpectedCallback,
): { code: string } | { ignored: 'invalid_callback' | 'state_mismatch' } {
  for (const url of urls) {
    try {
      return { code: readCallback(url, expected) };
    } catch (error) {
      if (!isOAuthError(error)) throw error;
      if (isPartOfAnswer(error, url, expected)) return { ignored: 'invalid_callback' };
      if (error.code !== 'state_mismatch') throw error;
    }
  }
  return { ignored: urls.length === 0 ? 'invalid_callback' : 'state_mismatch' };
}

/** Whether a URL with the state of this login may be a part of its answer: the user has not selected all lines of a wrapped address. */
function isPartOfAnswer({ code }: OAuthError, url: string, { server }: ExpectedCallback): boolean {
  if (code !== 'issuer_mismatch') return code === 'invalid_callback';
  return server.issuer.startsWith(new URL(url).searchParams.get('iss') ?? '');
}

/** Loads the network code while the user logs in. Loading takes longer than the rest of a login. */
async function loadNetwork(): Promise<void> {
  const [{ preloadTransport }] = await Promise.all([
    import('@oa/http'),
    import('@oa/token-endpoint'),
    import('@oa/types/schemas'),
  ]);
  await preloadTransport();
}

/** Many servers answer a wrong request with a page of their own, and do not redirect the browser. */
function loginTimeout(timeout: number, { receiver, seen, expected: { server } }: PendingLogin): OAuthError {
  const causes = `a redirect URI that is not registered (this login used ${receiver.redirect_uri}) and an unknown scope`;
  return new OAuthError(
    'login_timeout',
    `The login${URL.canParse(server.issuer) ? ` at ${new URL(server.issuer).host}` : ''} was not completed within ${timeout / 1000} seconds. ${toSeenText(seen, receiver.isOpened())} Log in again. If the browser showed an error instead of a login, the usual causes are ${causes}.`,
  );
}
