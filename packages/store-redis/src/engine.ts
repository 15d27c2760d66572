import type { EngineFailure, EngineState, LockAttempt, SharedEngine } from '@oa/shared-store';
import { toRedisText, type RedisCommands } from './commands.ts';
import { FENCE_EXPIRY_MS, redisKeysOf, valuePattern } from './keys.ts';
import { holdLease, startClock, writeFenced } from './lease.ts';
import { END_SCRIPT, FENCE_SCRIPT, LOCK_SCRIPT, READ_SCRIPT } from './scripts.ts';

/** How the keys and the leases of one store are made. */
export interface RedisEngineOptions {
  prefix: string;
  /** Milliseconds that a lease lasts. */
  lease: number;
}

const SCAN_COUNT = '1000';

/** Creates the part of the store that is about Redis. */
export function createRedisEngine(commands: RedisCommands, { prefix, lease }: RedisEngineOptions): SharedEngine {
  async function tryLock(digest: string): Promise<LockAttempt> {
    const keys = redisKeysOf(prefix, digest);
    const owner = crypto.randomUUID();
    const elapsed = startClock();
    const free = (answer: unknown): void => {
      if (toList(answer)[0] === undefined) return;
      const call = { script: END_SCRIPT, keys: [keys.lease, keys.failure], args: [owner, 0] };
      commands.run(call).catch(() => undefined);
    };
    const call = {
      script: LOCK_SCRIPT,
      keys: [keys.value, keys.failure, keys.lease, keys.fence],
      args: [owner, lease, FENCE_EXPIRY_MS],
    };
    const [fence, ...state] = toList(await commands.run(call, free));
    const lock =
      fence === undefined ? undefined : holdLease(commands, { keys, owner, fence, milliseconds: lease, elapsed });
    return { lock, state: toEngineState(state) };
  }

  return {
    async read(digest) {
      const keys = redisKeysOf(prefix, digest);
      return toEngineState(toList(await commands.run({ script: READ_SCRIPT, keys: [keys.value, keys.failure] })));
    },
    tryLock,
    async write(digest, text) {
      const keys = redisKeysOf(prefix, digest);
      const answer = await commands.run({ script: FENCE_SCRIPT, keys: [keys.fence], args: [FENCE_EXPIRY_MS] });
      // It is refused where another writer came later: then that one counts.
      await writeFenced(commands, keys, toRedisText(answer) ?? '0', text);
    },
    texts: () => scanTexts(commands, valuePattern(prefix)),
  };
}

/** SCAN returns a key more than once where keys are added meanwhile. */
async function* scanTexts(commands: RedisCommands, pattern: string): AsyncGenerator<string> {
  const seen = new Set<string>();
  let cursor = '0';
  do {
    const [next, found] = (await commands.send('SCAN', cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT)) as unknown[];
    const keys = [...new Set(toList(found))].filter((key): key is string => key !== undefined && !seen.has(key));
    for (const key of keys) seen.add(key);
    const texts = await Promise.all(keys.map(async (key) => toRedisText(await commands.send('HGET', key, 'text'))));
    for (const text of texts) if (text !== undefined) yield text;
    cursor = toRedisText(next) ?? '0';
  } while (cursor !== '0');
}

function toList(answer: unknown): (string | undefined)[] {
  return Array.isArray(answer) ? answer.map(toRedisText) : [];
}

function toEngineState([text, failure]: (string | undefined)[]): EngineState {
  return { text, failure: failure === undefined ? undefined : toEngineFailure(failure) };
}

/** The fence of the holder, a space, and the text. */
function toEngineFailure(failure: string): EngineFailure {
  const end = failure.indexOf(' ');
  return { id: failure.slice(0, end), text: failure.slice(end + 1) };
}
