import { sleep } from '@oa/mechanisms';
import type { EngineLock } from '@oa/shared-store';
import { isStorageError } from '@oa/types';
import { toRedisText, type RedisCommands } from './commands.ts';
import { FENCE_EXPIRY_MS, type RedisKeys } from './keys.ts';
import { leaseLost } from './redis-error.ts';
import { END_SCRIPT, RELEASE_SCRIPT, RENEW_SCRIPT, RESERVE_SCRIPT, WRITE_SCRIPT } from './scripts.ts';

/** A lease that was taken. */
export interface Lease {
  keys: RedisKeys;
  /** Tells this lease from all others. */
  owner: string;
  /** Greater than that of every earlier lease of the key. */
  fence: string;
  /** Milliseconds that it lasts without a renewal. */
  milliseconds: number;
  /** What {@link startClock} returned right before the lease was asked for. */
  elapsed: () => number;
}

/** A sign tells the user only why a refresh token is refused. Refresh tokens that are not used for a month are rare. */
const SIGN_EXPIRY_MS = 30 * 86_400_000;
/** Calls that wait look each quarter of a second. */
const FAILURE_EXPIRY_MS = 60_000;
/** A lease that could not be renewed is tried again after this time. */
const MAX_RENEWAL_PAUSE_MS = 1000;
/** The answer to a refresh may be the only copy of the next refresh token, so a write waits for a Redis that restarts. */
const MAX_WRITE_WAIT_MS = 10_000;
const WRITE_PAUSE_MS = 250;

/**
 * Starts to measure time. A clock that is never set back can stop while the machine is suspended, so the wall clock counts too where it
 * says more: a lease is rather given up too early.
 *
 * @returns a function for the milliseconds since
 */
export function startClock(): () => number {
  const start = performance.now();
  const wallStart = Date.now();
  return () => Math.max(performance.now() - start, Date.now() - wallStart);
}

/** Creates the lock of a lease, and renews the lease until it ends. */
export function holdLease(commands: RedisCommands, { keys, owner, fence, milliseconds, ...taken }: Lease): EngineLock {
  let { elapsed } = taken;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const holdArguments = [owner, milliseconds, fence, FENCE_EXPIRY_MS] as const;

  function plan(pause: number): void {
    timer = setTimeout(() => void renew(), pause);
    timer.unref();
  }

  async function renew(): Promise<void> {
    // Another holder may have had it meanwhile.
    if (elapsed() >= milliseconds) isOver = true;
    if (isOver) return;
    const sent = startClock();
    const call = { script: RENEW_SCRIPT, keys: [keys.lease, keys.fence], args: holdArguments };
    const answer = await commands.run(call).catch(() => undefined);
    if (isOver) return;
    if (answer === undefined) return plan(Math.min(milliseconds / 3, MAX_RENEWAL_PAUSE_MS));
    if (toRedisText(answer) !== 'held') isOver = true;
    else {
      elapsed = sent;
      plan(milliseconds / 3);
    }
  }

  async function release(): Promise<void> {
    await commands.run({ script: RELEASE_SCRIPT, keys: [keys.sign], args: [fence] });
  }

  plan(milliseconds / 3);
  return {
    async reserve() {
      if (isOver) throw leaseLost();
      const sent = startClock();
      const args = [...holdArguments, SIGN_EXPIRY_MS];
      const call = { script: RESERVE_SCRIPT, keys: [keys.lease, keys.fence, keys.sign], args };
      const answer = toRedisText(await commands.run(call, () => void release().catch(() => undefined)));
      if (answer === 'lost') isOver = true;
      if (isOver) throw leaseLost();
      elapsed = sent;
      return answer === 'interrupted';
    },
    release,
    assertHeld() {
      // The other half is for the request, which takes at most that long.
      if (isOver || elapsed() >= milliseconds / 2) throw leaseLost();
    },
    async write(text) {
      return writeWithRetry(commands, keys, fence, text);
    },
    async end(failure) {
      isOver = true;
      clearTimeout(timer);
      const shared = failure === undefined ? [] : [`${fence} ${failure}`];
      const call = {
        script: END_SCRIPT,
        keys: [keys.lease, keys.failure],
        args: [owner, FAILURE_EXPIRY_MS, ...shared],
      };
      await commands.run(call).catch(() => undefined);
    },
  };
}

/** A write can be repeated: it is the same fence and the same text. */
async function writeWithRetry(
  commands: RedisCommands,
  keys: RedisKeys,
  fence: string,
  text: string | undefined,
): Promise<boolean> {
  const elapsed = startClock();
  for (;;) {
    try {
      return await writeFenced(commands, keys, fence, text);
    } catch (error) {
      if (!isStorageError(error) || elapsed() >= MAX_WRITE_WAIT_MS) throw error;
    }
    await sleep(WRITE_PAUSE_MS);
  }
}

/**
 * Writes the text, or deletes the value.
 *
 * @returns `false` if a newer fence has written: nothing was written then
 */
export async function writeFenced(
  commands: RedisCommands,
  keys: RedisKeys,
  fence: string,
  text: string | undefined,
): Promise<boolean> {
  const args = [fence, FENCE_EXPIRY_MS, ...(text === undefined ? [] : [text])];
  return toRedisText(await commands.run({ script: WRITE_SCRIPT, keys: [keys.value, keys.sign], args })) === 'written';
}
