import type { OAuthEvent } from './event.ts';

/** The options of every call that reaches the network. */
export interface RequestOptions {
  /**
   * The function that sends the requests.
   *
   * @default globalThis.fetch
   */
  fetch?: typeof globalThis.fetch | undefined;
  /** Ends the call when it aborts. The promise then rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
  /**
   * Milliseconds for the whole exchange, the body included.
   *
   * @default 30_000
   */
  timeout?: number | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  now?: (() => number) | undefined;
  /** Receives what happens during the call. It never receives a secret. */
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}
