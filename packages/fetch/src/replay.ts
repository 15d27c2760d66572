export type FetchInput = Parameters<typeof globalThis.fetch>[0];
export type FetchInit = NonNullable<Parameters<typeof globalThis.fetch>[1]>;

/** The arguments of one call, as they were when it was made. */
export interface CopiedRequest {
  method: string;
  signal: AbortSignal | null | undefined;
  redirect: NonNullable<FetchInit['redirect']>;
  init: FetchInit;
  /** Whether the request can be sent more than once. A body that is a stream is consumed by the first request. */
  canReplay: boolean;
  /** Returns the first argument of `fetch` for the next request. */
  next: () => FetchInput;
  /** Returns the body for a request to another URL. */
  readBody: () => Promise<FetchInit['body']>;
  /** Frees the copy of the body that was kept for a second request. */
  release: () => void;
}

/**
 * Copies the arguments of a call, as `fetch` does. The caller may change them while the token is obtained, and the token must not go to
 * another URL than the one that was checked.
 */
export function copyRequest(input: FetchInput, given: FetchInit): CopiedRequest {
  const init = { ...given };
  const body = given.body ?? undefined;
  if (body !== undefined) init.body = copyBody(body);
  const canReplay = body === undefined || isReplayableBody(body);
  if (typeof input === 'string' || input instanceof URL) {
    const { href } = new URL(input);
    return {
      method: normalizeMethod(init.method ?? 'GET'),
      signal: init.signal,
      redirect: init.redirect ?? 'follow',
      init,
      canReplay,
      next: () => href,
      readBody: async () => init.body,
      release: () => undefined,
    };
  }
  // Takes the body from the caller's object, which is used from now on.
  const held = body === undefined && input.body !== null ? new Request(input) : undefined;
  return {
    method: normalizeMethod(init.method ?? input.method),
    signal: init.signal ?? input.signal,
    redirect: init.redirect ?? input.redirect,
    init,
    canReplay,
    next: () => held?.clone() ?? input,
    readBody: async () => held?.clone().arrayBuffer() ?? init.body,
    release: () => held && discardBody(held),
  };
}

/** `fetch` sends these methods in capitals, and all others as they are. A proof names the method that is sent. */
function normalizeMethod(method: string): string {
  return /^(?:delete|get|head|options|post|put)$/i.test(method) ? method.toUpperCase() : method;
}

/** The bodies that a caller can change are copied. Strings and blobs can't be changed, and a stream can't be copied. */
function copyBody(body: NonNullable<FetchInit['body']>): NonNullable<FetchInit['body']> {
  if (body instanceof URLSearchParams) return new URLSearchParams(body);
  if (body instanceof ArrayBuffer) return body.slice(0);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
  if (!(body instanceof FormData)) return body;
  const copy = new FormData();
  for (const [name, value] of body) copy.append(name, value);
  return copy;
}

function isReplayableBody(body: unknown): boolean {
  return (
    typeof body === 'string' ||
    ArrayBuffer.isView(body) ||
    [ArrayBuffer, Blob, FormData, URLSearchParams].some((type) => body instanceof type)
  );
}

/** An error of the body is reported by the copy that was sent. */
function discardBody(request: Request): void {
  if (!request.body || request.bodyUsed || request.body.locked) return;
  request.body.cancel().catch(() => undefined);
}
