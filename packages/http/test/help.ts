/** A body that has no end. `pause` is the milliseconds between two chunks. */
export async function* endlessBody({
  pause = 0,
  chunk = new Uint8Array([32]),
  onEnd = (): void => undefined,
}: {
  pause?: number;
  chunk?: Uint8Array;
  onEnd?: () => void;
}): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      yield chunk;
      await new Promise((resolve) => setTimeout(resolve, pause).unref());
    }
  } finally {
    onEnd();
  }
}

/** A `fetch` that ignores its signal and never answers. */
export function silentFetch(): Promise<Response> {
  return new Promise(() => undefined);
}
