export { sha256Hex } from './sha256.ts';

/** The longest delay that `setTimeout` can count, in milliseconds. A timer with a longer delay fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/**
 * Waits for `promise` until `signal` aborts. An abort ends the wait only: the work behind the promise goes on.
 *
 * @returns the value of `promise`
 * @throws the error of `promise`, or the signal's own reason if it aborts first or has already aborted
 */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal | null | undefined): Promise<T> {
  if (signal === null || signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Waits for a time.
 *
 * @param milliseconds at most {@link MAX_TIMER_MS}; a longer wait is cut to it
 * @throws the signal's own reason as soon as it aborts
 */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(milliseconds, MAX_TIMER_MS));
  try {
    await abortable(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs work once for all callers that ask for it under the same key at the same time. */
export interface SingleFlight<T> {
  /**
   * Starts `work`, or joins the work that runs for `key`. All callers receive the same value or error.
   *
   * An abort of `signal` ends the wait of this caller only. The signal that `work` receives aborts when every caller has left. The
   * next work for the key starts after the aborted work has ended, because aborted work may still have a request under way.
   *
   * @throws the error of `work`, or the caller's own abort reason
   */
  run(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
  /** Whether work runs for `key`, aborted work included. */
  has(key: string): boolean;
}

interface Flight<T> {
  result: Promise<T>;
  controller: AbortController;
  /** The number of callers that wait for the result. */
  waiting: number;
}

/**
 * Creates a {@link SingleFlight}.
 *
 * @example
 * const flights = createSingleFlight<Response>();
 * const load = (url: string, signal?: AbortSignal) =>
 *   flights.run(url, (shared) => fetch(url, { signal: shared }), signal);
 */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>();

  function startFlight(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const result = work(controller.signal).finally(() => flights.delete(key));
    const flight = { result, controller, waiting: 0 };
    flights.set(key, flight);
    return flight;
  }

  return {
    has: (key) => flights.has(key),
    async run(key, work, signal) {
      signal?.throwIfAborted();
      let flight = flights.get(key);
      while (flight?.controller.signal.aborted) {
        await abortable(Promise.allSettled([flight.result]), signal);
        flight = flights.get(key);
      }
      // There is no `await` between this check and the start, so two callers can't both start.
      flight ??= startFlight(key, work);
      flight.waiting += 1;
      try {
        return await abortable(flight.result, signal);
      } finally {
        flight.waiting -= 1;
        if (flight.waiting === 0 && signal?.aborted) flight.controller.abort(signal.reason);
      }
    },
  };
}

/**
 * Creates a function that loads a value at its first call, and keeps it. A repeated `import()` runs the module loader each time. After a
 * failure the next call loads again.
 *
 * @returns a function that resolves with the loaded value
 * @throws the error of `load`, which the function rejects with
 * @example
 * const loadSchemas = createLoader(() => import('./schemas.js'));
 */
export function createLoader<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () =>
    (loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));
}

/**
 * Starts a deadline that several requests share.
 *
 * @param timeout milliseconds from now; `undefined` is no deadline
 * @returns a function for the whole milliseconds that remain, at least 1. It returns `timeout` itself if that is not a positive number, so
 *   that the request that receives it can refuse it.
 */
export function startDeadline(timeout: number | undefined): () => number | undefined {
  if (typeof timeout !== 'number' || !(timeout > 0)) return () => timeout;
  const end = performance.now() + timeout;
  return () => Math.max(1, Math.ceil(end - performance.now()));
}

/** The last part of a timeout has its own timer, of at most this length. So long an answer may take to a request that was sent right after a stop. */
const MAX_LAST_TIMER_MS = 5000;

/**
 * Calls `callback` after `milliseconds`, with two timers in a row. After the event loop was blocked, or the process was stopped, a single
 * timer would fire before an answer that has already arrived is read.
 *
 * @returns a function that cancels it
 */
export function startTimeout(callback: () => void, milliseconds: number): () => void {
  const last = Math.min(MAX_LAST_TIMER_MS, milliseconds / 2);
  let timer = setTimeout(() => {
    timer = setTimeout(callback, last);
  }, milliseconds - last);
  return () => clearTimeout(timer);
}

/** Sets `key` in `map` as the newest entry, then deletes the oldest entries above `maxEntries`. */
export function setBounded<K, V>(map: Map<K, V>, key: K, value: V, maxEntries: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= maxEntries) break;
    map.delete(oldest);
  }
}

/**
 * Parses JSON. The `SyntaxError` of other text is dropped, because its message quotes the text.
 *
 * @returns the JSON value, or `undefined` if `text` is not JSON
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Parses the claims of a JWT. The signature is not verified: they say what the JWT claims, and nothing more.
 *
 * @returns `undefined` if `text` is no JWT in the compact form
 * @see https://www.rfc-editor.org/rfc/rfc7519#section-7.2
 */
export function parseJwtClaims(text: string): Record<string, unknown> | undefined {
  const [, part, signature, ...others] = text.split('.', 5);
  if (part === undefined || signature === undefined || others.length > 0) return undefined;
  const claims = parseJson(decodeBase64Url(part) ?? '');
  return isObject(claims) ? claims : undefined;
}

function decodeBase64Url(part: string): string | undefined {
  try {
    const characters = atob(part.replaceAll('-', '+').replaceAll('_', '/'));
    return new TextDecoder().decode(Uint8Array.from(characters, (character) => character.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** Whether `value` is a JSON object: neither `null` nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Encodes bytes as base64, with padding.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4648#section-4
 */
export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/**
 * Encodes bytes as base64url, without padding.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4648#section-5
 */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/**
 * Decodes base64url without padding. Text with other characters, or of an impossible length, is refused.
 *
 * @returns the bytes, or `undefined` for any other text
 * @see https://www.rfc-editor.org/rfc/rfc7515#section-2
 */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const characters = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}

/**
 * The SHA-256 of a text (as UTF-8) in base64url, by Web Crypto.
 *
 * @throws {TypeError} if there is no Web Crypto: browsers offer it in secure contexts only
 * @see https://www.rfc-editor.org/rfc/rfc7636#section-4.2
 */
export async function sha256Base64Url(text: string): Promise<string> {
  return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
}

/** Returns 256 random bits as 43 base64url characters, which a URL carries unescaped. */
export function randomText(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}

/** The oldest Node.js that the packages support: the first with `node:sqlite` and `process.getBuiltinModule`. */
const MIN_NODE_VERSION = '22.13';

/**
 * Refuses a Node.js that is too old, with one clear sentence. Without it, a missing function would fail later with an obscure message.
 * Other runtimes pass.
 *
 * @throws {Error} if this is Node.js older than 22.13
 */
export function assertNodeVersion(): void {
  const version = globalThis.process?.versions?.node;
  // Deno and Bun report the version of Node.js that they imitate.
  if (version === undefined || 'Deno' in globalThis || 'Bun' in globalThis) return;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minMajor = 0, minMinor = 0] = MIN_NODE_VERSION.split('.').map(Number);
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  throw new Error(
    `The @oa packages need Node.js ${MIN_NODE_VERSION} or newer, and this is Node.js ${version}. Update Node.js.`,
  );
}
