import { abortable } from '@oa/mechanisms';
import { isOAuthError } from '@oa/types';

/** A login of this process that listens on a port. */
interface PortHolder {
  /** Resolves when the port is free. */
  released: Promise<void>;
  /** Frees the port, if the holder only serves the last page of a login that has ended. Returns whether it does. */
  hurry: () => boolean;
}

/** The options of {@link takeTurn}. */
export interface TurnOptions {
  /** The longest wait, in milliseconds. */
  timeout: number;
  signal?: AbortSignal | null | undefined;
  /** Called once if the login must wait. */
  onWait: (port: number) => void;
}

const portHolders = new Map<number, PortHolder>();

/** Notes that a login of this process listens on `port`. The returned function notes the end. */
export function holdPort(port: number, hurry: () => boolean): () => void {
  const { promise: released, resolve } = Promise.withResolvers<void>();
  const holder = { released, hurry };
  portHolders.set(port, holder);
  return () => {
    if (portHolders.get(port) === holder) portHolders.delete(port);
    resolve();
  };
}

/**
 * Calls `listen`, and again after the end of each login of this process that has one of `ports`. Without this, a second login on a fixed port would fail
 * although the port is about to be free.
 *
 * @throws {OAuthError} `port_unavailable`
 */
export async function takeTurn<T>(
  ports: readonly number[],
  options: TurnOptions,
  listen: () => Promise<T>,
): Promise<T> {
  const { timeout, signal, onWait } = options;
  await releaseLingering(ports);
  const deadline = Date.now() + timeout;
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await listen();
    } catch (error) {
      const [port, holder] = findHolder(ports) ?? [];
      const remaining = deadline - Date.now();
      if (!isOAuthError(error) || error.code !== 'port_unavailable' || !port || !holder || remaining <= 0) throw error;
      if (isFirst) onWait(port);
      await waitForRelease(holder.released, remaining, signal);
    }
  }
}

/** Frees the ports that only serve last pages. Otherwise a registered port would count as busy, and another would be used. */
async function releaseLingering(ports: readonly number[]): Promise<void> {
  const holders = ports.flatMap((port) => portHolders.get(port) ?? []);
  await Promise.all(holders.filter((holder) => holder.hurry()).map(({ released }) => released));
}

function findHolder(ports: readonly number[]): [port: number, holder: PortHolder] | undefined {
  for (const port of ports) {
    const holder = portHolders.get(port);
    if (holder !== undefined) return [port, holder];
  }
  return undefined;
}

async function waitForRelease(released: Promise<void>, timeout: number, signal?: AbortSignal | null): Promise<void> {
  const { promise: expired, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, timeout);
  try {
    await abortable(Promise.race([released, expired]), signal);
  } finally {
    clearTimeout(timer);
  }
}
