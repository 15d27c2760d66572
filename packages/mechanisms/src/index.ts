/** The longest delay that `setTimeout` can count: with a longer one it fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/**
 * Waits for `promise` until `signal` aborts. The work behind the promise goes on.
 *
 * @returns what `promise` resolves to
 * @throws the signal's own reason after an abort, also where the abort came before the call
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
 * Waits `milliseconds`, at most {@link MAX_TIMER_MS}.
 *
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
   * Starts `work`, or joins the work that is under way for `key`. `signal` ends this caller's wait only. The work's own
   * signal aborts when no caller waits any more; the next work for the key starts after the aborted one has ended.
   */
  run(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T>;
  /** Whether work is under way for `key`. */
  has(key: string): boolean;
}

interface Flight<T> {
  result: Promise<T>;
  controller: AbortController;
  waiting: number;
}

/** Creates a {@link SingleFlight}. */
export function createSingleFlight<T>(): SingleFlight<T> {
  const flights = new Map<string, Flight<T>>();

  function takeOff(key: string, work: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    const result = work(controller.signal).finally(() => flights.delete(key));
    const flight = { result, controller, waiting: 0 };
    flights.set(key, flight);
    return flight;
  }

  /** Aborted work may still have a request under way. */
  async function afterAborted(key: string, signal: AbortSignal | undefined): Promise<void> {
    for (let flight = flights.get(key); flight?.controller.signal.aborted; flight = flights.get(key))
      await abortable(Promise.allSettled([flight.result]), signal);
  }

  return {
    has: (key) => flights.has(key),
    async run(key, work, signal) {
      signal?.throwIfAborted();
      await afterAborted(key, signal);
      const flight = flights.get(key) ?? takeOff(key, work);
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
 * A deadline that several requests share.
 *
 * @param timeout milliseconds from now; `undefined` is no deadline
 * @returns the milliseconds that remain, at least 1; `timeout` itself where it is not a deadline (`undefined`, 0 or less)
 */
export function startDeadline(timeout: number | undefined): () => number | undefined {
  if (timeout === undefined || !(timeout > 0)) return () => timeout;
  const end = performance.now() + timeout;
  return () => Math.max(1, end - performance.now());
}

/** Sets `key` in `map` as its newest entry, and deletes the oldest entries above `maxEntries`. */
export function setBounded<K, V>(map: Map<K, V>, key: K, value: V, maxEntries: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= maxEntries) break;
    map.delete(oldest);
  }
}

/** The JSON value in `text`, or `undefined` where it holds none. The `SyntaxError` is dropped: its message quotes the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether `value` is a JSON object: neither `null` nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The base64 of `bytes` (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** The base64url of `bytes`, without padding (RFC 4648 section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** 256 random bits as 43 base64url characters, which need no escaping anywhere. */
export function randomText(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
}
