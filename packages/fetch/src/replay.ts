export type FetchInput = Parameters<typeof globalThis.fetch>[0];
export type FetchInit = NonNullable<Parameters<typeof globalThis.fetch>[1]>;

/** The arguments of one call, as they were when it was made. They can be sent up to twice. */
export interface CopiedRequest {
  method: string;
  signal: AbortSignal | null | undefined;
  init: FetchInit;
  first: FetchInput;
  /** `undefined` if the body is a stream: it is consumed by the first request. */
  second: FetchInput | undefined;
  /** Frees the copy of the body that was kept for the second request. */
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
    const method = (init.method ?? 'GET').toUpperCase();
    return {
      method,
      signal: init.signal,
      init,
      first: href,
      second: canReplay ? href : undefined,
      release: keepNothing,
    };
  }
  // Takes the body from the caller's object, which is used from now on.
  const held = body === undefined && input.body !== null ? new Request(input) : undefined;
  return {
    method: (init.method ?? input.method).toUpperCase(),
    signal: init.signal ?? input.signal,
    init,
    first: held?.clone() ?? input,
    second: canReplay ? (held ?? input) : undefined,
    release: () => held && discardBody(held),
  };
}

function keepNothing(): void {}

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
