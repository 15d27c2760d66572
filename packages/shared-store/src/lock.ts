import { abortable, parseJson, sha256Hex, sleep } from '@oa/mechanisms';
import { isShareableError, OAuthError, parseOAuthError, type LockOptions } from '@oa/types';
import type { EngineLock, EngineState, LockAttempt, SharedEngine } from './engine.ts';

/** The locks of one store: those of the engine, and one after the other within this process. */
export interface SharedLock {
  /** Implements `lock` of a store. */
  run: <T>(key: string, work: () => Promise<T>, options?: LockOptions<T>) => Promise<T>;
  /** The lock of a key that this process holds, with what was stored when it was taken. */
  held(key: string): HeldLock | undefined;
  /** Whether calls of this process hold the lock of a key or wait for it. They need what is stored now. */
  isWaiting(key: string): boolean;
  /** What the last attempt to take the lock has seen. The first read after it needs no further round trip. */
  takeSeen(key: string): EngineState | undefined;
}

/** A lock that this process holds. */
interface HeldLock {
  lock: EngineLock;
  /** The text that was stored when the lock was taken. */
  text: string | undefined;
}

const SHARED_LOCK_TIMEOUT_MS = 600_000;
const MIN_ENGINE_POLL_MS = 20;
const MAX_ENGINE_POLL_MS = 250;
const POLL_GROWTH_FACTOR = 1.5;

/** The calls of this process for one key. */
interface KeyCalls {
  count: number;
  /** Whether a call has the lock, or asks the engine for it. An engine may give a lock to one process twice. */
  isTaken: boolean;
  /** Resolves when the last lock is free. */
  ending: Promise<void> | undefined;
  held: HeldLock | undefined;
  seen: EngineState | undefined;
}

/** The lock of a key, what is stored, and what was stored when the wait began, if there was one. */
interface Turn {
  lock: EngineLock;
  state: EngineState;
  first: EngineState | undefined;
}

/** The digest that stands for a key in the engine. */
export function digestOf(key: string): string {
  return sha256Hex(key);
}

/** Creates the locks of one store. */
export function createSharedLock(engine: SharedEngine): SharedLock {
  const keys = new Map<string, KeyCalls>();

  async function run<T>(key: string, work: () => Promise<T>, options: LockOptions<T> = {}): Promise<T> {
    const calls = keys.get(key) ?? { count: 0, isTaken: false, ending: undefined, held: undefined, seen: undefined };
    keys.set(key, calls);
    calls.count += 1;
    try {
      const turn = await takeSharedTurn(engine, digestOf(key), calls, options);
      return 'value' in turn ? turn.value : await runHeld(turn, calls, work, options);
    } finally {
      // The caller does not wait until the lock is free.
      void leave(key, calls);
    }
  }

  async function leave(key: string, calls: KeyCalls): Promise<void> {
    await calls.ending;
    calls.count -= 1;
    if (calls.count === 0) keys.delete(key);
  }

  return {
    run,
    held: (key) => keys.get(key)?.held,
    isWaiting: (key) => keys.has(key),
    takeSeen(key) {
      const calls = keys.get(key);
      const seen = calls?.seen;
      if (calls !== undefined) calls.seen = undefined;
      return seen;
    },
  };
}

/** Waits until the lock is taken, or until there is a value that makes it needless. */
async function takeSharedTurn<T>(
  engine: SharedEngine,
  digest: string,
  calls: KeyCalls,
  { signal, timeout = SHARED_LOCK_TIMEOUT_MS, whileWaiting }: LockOptions<T>,
): Promise<Turn | { value: T }> {
  const start = performance.now();
  let first: EngineState | undefined;
  for (let pause = MIN_ENGINE_POLL_MS; ; pause = Math.min(pause * POLL_GROWTH_FACTOR, MAX_ENGINE_POLL_MS)) {
    signal?.throwIfAborted();
    const { lock, state } = await attemptLock(engine, digest, calls, signal);
    calls.seen = state;
    if (lock !== undefined) return { lock, state, first };
    first ??= state;
    const value = await look(first, state, whileWaiting);
    if (value !== undefined) return { value };
    const left = timeout - (performance.now() - start);
    if (left <= 0) throw lockTimeout(timeout);
    await sleep(Math.min(pause * (0.5 + Math.random()), left), signal);
  }
}

/** One attempt. An abort ends the wait for it, and a lock that comes later is freed. */
async function attemptLock(
  engine: SharedEngine,
  digest: string,
  calls: KeyCalls,
  signal: AbortSignal | undefined,
): Promise<LockAttempt> {
  const attempted = askForLock(engine, digest, calls);
  try {
    return await abortable(attempted, signal);
  } catch (error) {
    attempted.then(
      ({ lock }) => lock && endLock(calls, lock, undefined),
      () => undefined,
    );
    throw error;
  }
}

async function askForLock(engine: SharedEngine, digest: string, calls: KeyCalls): Promise<LockAttempt> {
  await calls.ending;
  if (calls.isTaken) return { lock: undefined, state: await engine.read(digest) };
  calls.isTaken = true;
  let isLocked = false;
  try {
    const attempted = await engine.tryLock(digest);
    isLocked = attempted.lock !== undefined;
    return attempted;
  } finally {
    calls.isTaken = isLocked;
  }
}

async function runHeld<T>(
  { lock, state, first }: Turn,
  calls: KeyCalls,
  work: () => Promise<T>,
  { whileWaiting }: LockOptions<T>,
): Promise<T> {
  let failure: string | undefined;
  calls.held = { lock, text: state.text };
  try {
    // The holder may have ended between two looks, so the last look is taken with the lock held.
    const value = first && (await look(first, state, whileWaiting));
    if (value !== undefined) return value;
    calls.seen = state;
    return await work().catch((error: unknown) => {
      // An OAuthError holds only codes and texts.
      if (isShareableError(error)) failure = JSON.stringify(error);
      throw error;
    });
  } finally {
    calls.held = undefined;
    calls.seen = undefined;
    endLock(calls, lock, failure);
    // A call that begins after this one has rejected must not receive its failure.
    if (failure !== undefined) await calls.ending;
  }
}

function endLock(calls: KeyCalls, lock: EngineLock, failure: string | undefined): void {
  calls.ending = lock.end(failure).finally(() => {
    calls.isTaken = false;
    calls.ending = undefined;
  });
}

/** @throws the failure of a holder that has ended since the wait began */
async function look<T>(
  first: EngineState,
  { failure }: EngineState,
  whileWaiting: LockOptions<T>['whileWaiting'],
): Promise<T | undefined> {
  const value = await whileWaiting?.();
  if (value !== undefined) return value;
  if (failure === undefined || failure.id === first.failure?.id) return undefined;
  const error = parseOAuthError(parseJson(failure.text));
  // A failure that can't be read is not shared: the calls that waited then do the work themselves.
  if (isShareableError(error)) throw error;
  return undefined;
}

function lockTimeout(timeout: number): OAuthError {
  return new OAuthError(
    'lock_timeout',
    `Another process or call held the lock of the shared store for ${Math.round(timeout / 1000)} seconds. Try again later.`,
    { retryable: true },
  );
}
