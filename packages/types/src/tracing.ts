import type { OAuthErrorCode } from './error.ts';
import type { OAuthEvent } from './event.ts';
import { isOAuthError } from './oauth-error.ts';

/**
 * What the tracing channels of `node:diagnostics_channel` publish, by the name of the channel. All events of one operation get the same object.
 * Its members are set as they become known.
 *
 * The type keeps secrets out: no member ever holds a token, a secret, a code, a key or a `client_id`.
 */
export interface TraceContexts {
  /** One call of `get`, `getToken` or a source of a manager. */
  'oa:get': TokenTrace & {
    /**
     * Where the token is from. `memory`: this process had it. `disk`: the store of the program had it. `adopted`: another call or process
     * renewed it meanwhile. `refreshed` and `obtained`: this call did. `stale`: the renewal failed, and the old token is still valid.
     */
    source?: 'memory' | 'disk' | 'adopted' | 'refreshed' | 'obtained' | 'stale' | undefined;
  };
  /** One refresh request, until its answer is stored. */
  'oa:refresh': TokenTrace;
  /** One login of a user, or one grant that `login` of a manager makes, until the token is there. */
  'oa:login': TokenTrace;
  /** One attempt of a request to an OAuth endpoint, with its redirects, until the body is read. */
  'oa:request': TracedOperation & {
    method: string;
    /**
     * The endpoint without its query. A request with another `Authorization` than Basic has the origin only: the path of a client configuration
     * endpoint (RFC 7592) usually ends with the `client_id`.
     */
    url: string;
    /** The number of this attempt, from 1. */
    attempt: number;
    /** The HTTP status, if the server answered. */
    status?: number | undefined;
  };
  /** One wait for the lock of a token. Calls that do not wait, such as an early refresh, are not published. */
  'oa:lock': TracedOperation & {
    issuer?: string | undefined;
    /** Whether the call has the lock, or has no need of it: the holder stored a token that the call adopts. */
    outcome?: 'obtained' | 'adopted' | undefined;
  };
}

interface TracedOperation {
  /**
   * Why the operation failed: the code of the error. `TypeError` for a wrong argument, `AbortError` or `TimeoutError` for an abort without a
   * reason of the caller, `other` for any other error.
   */
  code?: OAuthErrorCode | 'TypeError' | 'AbortError' | 'TimeoutError' | 'other' | undefined;
  /**
   * Set by a subscriber of `start` that wants the operation to run in a context of its own, such as that of OpenTelemetry. It must call
   * `work` and return what that returns.
   */
  around?: (<T>(work: () => T) => T) | undefined;
}

interface TokenTrace extends TracedOperation {
  /** The authorization server, without user name, query and fragment. */
  issuer?: string | undefined;
  grant_type?: string | undefined;
}

/** A tracing channel of `node:diagnostics_channel`: the object of Node.js itself, because a wrapper would cost each call 20 ns. */
export interface Tracing<C extends object> {
  /** Whether the channel has a subscriber. Otherwise nothing is published. */
  readonly hasSubscribers: boolean;
  /** Never set: it keeps the context of one channel from another one. */
  readonly context?: C | undefined;
}

/** The members of a channel that are used here: the declarations of the package need no types of Node.js. */
interface DiagnosticsChannel {
  readonly hasSubscribers: boolean;
  publish(message: unknown): void;
}

interface TracedEvents {
  start: DiagnosticsChannel & { runStores<T>(context: object, work: () => T): T };
  end: DiagnosticsChannel;
  asyncStart: DiagnosticsChannel;
  asyncEnd: DiagnosticsChannel;
  error: DiagnosticsChannel;
}

/** Node.js has it loaded when a program starts. */
function diagnostics(): typeof import('node:diagnostics_channel') | undefined {
  return globalThis.process?.getBuiltinModule?.('node:diagnostics_channel');
}

/**
 * Opens the channel `oa:event` of `node:diagnostics_channel`.
 *
 * @returns `undefined` in a runtime without this module
 */
export function openEventChannel(): { readonly hasSubscribers: boolean; publish(event: OAuthEvent): void } | undefined {
  return diagnostics()?.channel('oa:event');
}

/**
 * Opens a tracing channel of `node:diagnostics_channel`. In a runtime without this module it has no subscribers.
 *
 * @see https://nodejs.org/api/diagnostics_channel.html#class-tracingchannel
 */
export function openTracing<N extends keyof TraceContexts>(name: N): Tracing<TraceContexts[N]> {
  return diagnostics()?.tracingChannel(name) ?? { hasSubscribers: false };
}

/**
 * Does `work`, and publishes its begin and its end where `tracing` has subscribers. `tracePromise` of Node.js would also publish the value, which
 * can be a token, and the error.
 *
 * @returns the value of `work`
 * @throws the error of `work`
 */
export function trace<C extends TracedOperation, T>(
  tracing: Tracing<C>,
  context: C,
  work: () => Promise<T>,
): Promise<T> {
  if (!tracing.hasSubscribers) return work();
  const events = tracing as Tracing<C> & TracedEvents;
  return events.start.runStores(context, () => {
    try {
      return settle(events, context, () => (context.around === undefined ? work() : context.around(work)));
    } finally {
      events.end.publish(context);
    }
  });
}

async function settle<T>(events: TracedEvents, context: TracedOperation, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (failure) {
    context.code ??= toTraceCode(failure);
    throw failure;
  } finally {
    if (context.code !== undefined) events.error.publish(context);
    events.asyncStart.publish(context);
    events.asyncEnd.publish(context);
  }
}

/** The name of another error can hold anything. */
function toTraceCode(failure: unknown): NonNullable<TracedOperation['code']> {
  if (isOAuthError(failure)) return failure.code;
  if (failure instanceof TypeError) return 'TypeError';
  const name = failure instanceof DOMException ? failure.name : undefined;
  return name === 'AbortError' || name === 'TimeoutError' ? name : 'other';
}

/** An issuer for a {@link TraceContexts}: a caller can write a password into one. */
export function toTraceIssuer(issuer: string): string | undefined {
  if (!/[@?#]/.test(issuer)) return issuer;
  return URL.canParse(issuer) ? new URL(issuer).origin : undefined;
}
