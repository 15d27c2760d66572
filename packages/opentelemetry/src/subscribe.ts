import type { TraceContexts } from '@oa/types';

/** The module `node:diagnostics_channel`. */
export type Channels = typeof import('node:diagnostics_channel');

/** What is told of an operation. */
interface OperationListener<C> {
  /** Called when it begins. */
  start: (operation: C) => void;
  /** Called when it has ended, after a success or a failure. */
  asyncEnd: (operation: C) => void;
}

/**
 * Subscribes to a tracing channel. The subscriptions are those of the two channels below it, because other subscribers may come and go.
 *
 * @returns a function that ends it
 */
export function subscribe<N extends keyof TraceContexts>(
  channels: Channels,
  name: N,
  listener: OperationListener<TraceContexts[N]>,
): () => void {
  const onStart = (message: unknown): void => listener.start(message as TraceContexts[N]);
  const onEnd = (message: unknown): void => listener.asyncEnd(message as TraceContexts[N]);
  channels.subscribe(`tracing:${name}:start`, onStart);
  channels.subscribe(`tracing:${name}:asyncEnd`, onEnd);
  return () => {
    channels.unsubscribe(`tracing:${name}:start`, onStart);
    channels.unsubscribe(`tracing:${name}:asyncEnd`, onEnd);
  };
}
