export type FetchInput = Parameters<typeof globalThis.fetch>[0];
export type FetchInit = Parameters<typeof globalThis.fetch>[1];

/** One request, prepared to be sent up to twice. */
export interface ReplayableRequest {
  first: FetchInput;
  /** `undefined` if the body is a stream: it is consumed by the first request. */
  second: FetchInput | undefined;
  /** Frees the copy of the body that was kept for the second request. */
  release: () => void;
}

/** Copies the body of a `Request` before it is sent. An `init.body` can be sent again if it is not a stream. */
export function prepareReplay(input: FetchInput, init: FetchInit): ReplayableRequest {
  if (init?.body !== undefined && init.body !== null)
    return { first: input, second: isReplayableBody(init.body) ? input : undefined, release: releaseNothing };
  if (typeof input === 'string' || input instanceof URL || input.body === null)
    return { first: input, second: input, release: releaseNothing };
  return { first: input.clone(), second: input, release: () => discardBody(input) };
}

function releaseNothing(): void {}

function isReplayableBody(body: unknown): boolean {
  return (
    typeof body === 'string' ||
    ArrayBuffer.isView(body) ||
    [ArrayBuffer, Blob, FormData, URLSearchParams].some((type) => body instanceof type)
  );
}

/** Leaves the caller's `Request` used, as `fetch` does. An error of its body is reported by the copy that was sent. */
function discardBody(request: Request): void {
  if (!request.body || request.bodyUsed || request.body.locked) return;
  request.body.cancel().catch(() => undefined);
}
