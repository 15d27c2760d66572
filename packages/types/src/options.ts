import type { OAuthEvent } from './event.ts';

/** The options of every call that reaches the network. */
export interface RequestOptions {
  /** Used instead of the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
  /** Ends the call; the promise then rejects with the signal's own reason. */
  signal?: AbortSignal | undefined;
  /** Milliseconds for the whole exchange, the body included. 30,000 unless said otherwise. */
  timeout?: number | undefined;
  /** The clock, in milliseconds since the epoch. */
  now?: (() => number) | undefined;
  /** Told what happened along the way. Never told a secret. */
  onEvent?: ((event: OAuthEvent) => void) | undefined;
}
