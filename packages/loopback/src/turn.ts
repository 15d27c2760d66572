import { abortable } from '@oa/mechanisms';
import { attempt, OAuthError } from '@oa/types';
import { askPort, type PortState } from './port-question.ts';

/** A login of this process that listens on a port. */
interface PortHolder {
  /** Resolves when the port is free. */
  released: Promise<void>;
  /** Frees the port, if the holder only serves the last page of a login that has ended. Returns whether it does. */
  hurry: () => boolean;
}

/** What one of the ports of a login is used for. */
interface FoundHolder {
  port: number;
  state: Exclude<PortState, 'silent'>;
  /** Resolves when the port is free, for a login of this process. */
  released?: Promise<void> | undefined;
}

/** The options of {@link listenInTurn}. */
export interface TurnOptions {
  /** The longest wait, in milliseconds. */
  timeout: number;
  signal?: AbortSignal | null | undefined;
  /** Called once if the login must wait. */
  onWait: (port: number) => void;
}

const POLL_INTERVAL_MS = 200;
/**
 * How often in a row a port may seem to be free, and still be taken. It was freed meanwhile, and another login was faster. Or a program has it
 * that ends each connection.
 */
const MAX_FREE_ANSWERS = 3;
const FREE_PAUSE_MS = 50;

const never = new Promise<void>(() => undefined);
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
 * Calls `listen`, and again after the end of each login that has one of `ports`, in this process or in another one. Without this, a second
 * login on a fixed port would fail although the port is about to be free. A port of another program is not waited for.
 *
 * @throws {OAuthError} `port_unavailable`, which is `retryable` if a login still had the port after the whole wait
 */
export async function listenInTurn<T>(
  ports: readonly number[],
  options: TurnOptions,
  listen: () => Promise<T>,
): Promise<T> {
  const { timeout, signal, onWait } = options;
  const deadline = Date.now() + timeout;
  const known = new Set<number>();
  for (let free = 0; ;) {
    await releaseLingering(ports);
    const listened = await attempt(listen());
    if (listened.ok) return listened.value;
    if (listened.error.code !== 'port_unavailable') throw listened.error;
    const holder = await findHolder(ports, known);
    free = holder.state === 'free' ? free + 1 : 0;
    if (holder.state === 'foreign' || free > MAX_FREE_ANSWERS) throw listened.error;
    const remaining = deadline - Date.now();
    if (remaining <= 0) throw holder.state === 'free' ? listened.error : stillHeldError(holder.port, timeout);
    if (holder.state === 'login' && !known.has(holder.port)) {
      known.add(holder.port);
      onWait(holder.port);
    }
    const pause = holder.state === 'free' ? FREE_PAUSE_MS : POLL_INTERVAL_MS;
    await waitForRelease(holder.released ?? never, Math.min(pause, remaining), signal);
  }
}

/** Frees the ports that only serve last pages. Otherwise a registered port would count as busy, and another would be used. */
async function releaseLingering(ports: readonly number[]): Promise<void> {
  const holders = ports.flatMap((port) => portHolders.get(port) ?? []);
  await Promise.all(holders.filter((holder) => holder.hurry()).map(({ released }) => released));
}

/** The first of `ports` that a login has, else one that is free again. Otherwise the state is `foreign`. */
async function findHolder(ports: readonly number[], known: ReadonlySet<number>): Promise<FoundHolder> {
  const own = ports.find((port) => portHolders.has(port));
  if (own !== undefined) return { port: own, state: 'login', released: portHolders.get(own)?.released };
  const found: FoundHolder[] = [];
  for (const port of ports.filter((each) => each !== 0)) {
    const asked = await askPort(port);
    // A login that was stopped, for example with Ctrl-Z, still has its turn.
    const state = asked !== 'silent' ? asked : known.has(port) ? 'login' : 'foreign';
    if (state === 'login' || state === 'ended') return { port, state };
    if (state === 'free') found.push({ port, state });
  }
  return found[0] ?? { port: 0, state: 'foreign' };
}

function stillHeldError(port: number, timeout: number): OAuthError {
  return new OAuthError(
    'port_unavailable',
    `Another login still uses port ${port} after ${Math.ceil(timeout / 1000)} seconds. Complete it, or end its program, and log in again.`,
    { retryable: true },
  );
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
