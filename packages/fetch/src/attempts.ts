type Input = Parameters<typeof globalThis.fetch>[0];
type Init = Parameters<typeof globalThis.fetch>[1];

/** One request, prepared to be sent up to twice. */
export interface Attempts {
  first: Input;
  /** `undefined` where the body is gone once it has been sent. */
  again: Input | undefined;
  /** Frees the body that was kept for a second time. */
  release: () => void;
}

/** A `Request` can be sent again if its body is copied before; `init.body` if it is not a stream. */
export function attempts(input: Input, init: Init): Attempts {
  if (init?.body !== undefined && init.body !== null)
    return { first: input, again: isRepeatable(init.body) ? input : undefined, release: keepNothing };
  if (typeof input === 'string' || input instanceof URL || input.body === null)
    return { first: input, again: input, release: keepNothing };
  return { first: input.clone(), again: input, release: () => discard(input) };
}

function keepNothing(): void {}

function isRepeatable(body: unknown): boolean {
  return (
    typeof body === 'string' ||
    ArrayBuffer.isView(body) ||
    [ArrayBuffer, Blob, FormData, URLSearchParams].some((type) => body instanceof type)
  );
}

/** Leaves the caller's `Request` used, as `fetch` does. What goes wrong with its body is the sent copy's to report. */
function discard(request: Request): void {
  if (!request.body || request.bodyUsed || request.body.locked) return;
  request.body.cancel().catch(() => undefined);
}
