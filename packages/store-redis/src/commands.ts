import { sleep, startTimeout } from '@oa/mechanisms';
import type { RedisConnection } from './client.ts';
import { redisSilent, redisUnconnected, toRedisError } from './redis-error.ts';

/** What a script does, with its keys and arguments. */
interface ScriptCall {
  script: string;
  keys: readonly string[];
  args?: readonly (string | number)[];
}

/** Sends commands, and waits for a limited time: clients keep commands for a Redis that is away, without an end. */
export interface RedisCommands {
  /**
   * Runs a script.
   *
   * @param onLate receives the answer that came after the wait has ended
   * @throws {OAuthError} `storage_unavailable`
   */
  run(call: ScriptCall, onLate?: (answer: unknown) => void): Promise<unknown>;
  /**
   * Sends a command.
   *
   * @throws {OAuthError} `storage_unavailable`
   */
  send(...args: string[]): Promise<unknown>;
}

/** Shorter than the limit of 5 seconds that node-redis has by default. */
const MAX_ANSWER_WAIT_MS = 4000;
/** While Redis is away, calls that can be served from memory must not wait long. */
const MAX_AWAY_WAIT_MS = 250;
/** The part of the wait that is left for the answer after the wait for the connection. */
const MIN_ANSWER_RATIO = 0.2;
const CONNECTION_POLL_MS = 20;

/** Creates the {@link RedisCommands} of a client. */
export function createRedisCommands({ send, isConnecting }: RedisConnection): RedisCommands {
  /** Whether the last command had no answer in time. */
  let isAway = false;

  /** A command that the client keeps would be sent late, when its call has long failed. */
  async function untilConnected(deadline: number): Promise<void> {
    while (isConnecting()) {
      if (performance.now() >= deadline) {
        isAway = true;
        throw redisUnconnected();
      }
      await sleep(CONNECTION_POLL_MS);
    }
  }

  async function answerTo(args: string[], onLate: (answer: unknown) => void = () => undefined): Promise<unknown> {
    const wait = isAway ? MAX_AWAY_WAIT_MS : MAX_ANSWER_WAIT_MS;
    const deadline = performance.now() + wait;
    await untilConnected(deadline);
    const answer = send(...args);
    const back = (): void => void (isAway = false);
    answer.then(back, () => undefined);
    const late = Promise.withResolvers<never>();
    const cancel = startTimeout(
      () => {
        isAway = true;
        answer.then(onLate, () => undefined);
        late.reject(redisSilent());
      },
      Math.max(deadline - performance.now(), wait * MIN_ANSWER_RATIO),
    );
    const answered = answer.catch((error: unknown) => {
      throw toRedisError(error);
    });
    return Promise.race([answered, late.promise]).finally(cancel);
  }

  return {
    run: ({ script, keys, args = [] }, onLate) =>
      answerTo(['EVAL', script, String(keys.length), ...keys, ...args.map(String)], onLate),
    send: (...args) => answerTo(args),
  };
}

/** A client can be set to return bytes. */
export function toRedisText(answer: unknown): string | undefined {
  if (answer instanceof Uint8Array) return new TextDecoder().decode(answer);
  return typeof answer === 'string' || typeof answer === 'number' ? String(answer) : undefined;
}
