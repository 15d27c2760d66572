import type { RedisCommand } from './client.ts';
import { toRedisError } from './redis-error.ts';

/** What a script does, with its keys and arguments. */
export interface ScriptCall {
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

const MAX_ANSWER_WAIT_MS = 5000;

/** Creates the {@link RedisCommands} of a client. */
export function createRedisCommands(command: RedisCommand): RedisCommands {
  async function waitForAnswer(answer: Promise<unknown>, onLate: (answer: unknown) => void): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        answer.then(onLate, () => undefined);
        reject(toRedisError(undefined));
      }, MAX_ANSWER_WAIT_MS);
    });
    const failed = answer.catch((error: unknown) => {
      throw toRedisError(error ?? new Error('The client rejected without an error.'));
    });
    return Promise.race([failed, late]).finally(() => clearTimeout(timer));
  }

  return {
    run: ({ script, keys, args = [] }, onLate = () => undefined) =>
      waitForAnswer(command('EVAL', script, String(keys.length), ...keys, ...args.map(String)), onLate),
    send: (...args) => waitForAnswer(command(...args), () => undefined),
  };
}

/** A client can be set to return bytes. */
export function toRedisText(answer: unknown): string | undefined {
  if (answer instanceof Uint8Array) return new TextDecoder().decode(answer);
  return answer === null || answer === undefined ? undefined : String(answer);
}
