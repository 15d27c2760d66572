/** Sends one command to Redis. */
export type RedisCommand = (...args: string[]) => Promise<unknown>;

/**
 * A client of Redis or Valkey: that of node-redis, which has `sendCommand`, or that of ioredis, which has `call`. An object with `call` can
 * stand for any other client.
 */
export type RedisClient =
  | {
      /** Sends a command with its arguments, as ioredis does. */
      call(command: string, ...args: string[]): Promise<unknown>;
    }
  | {
      /** Sends a command with its arguments, as node-redis does. */
      sendCommand(args: string[]): Promise<unknown>;
    };

/** `sendCommand` of a client of node-redis has two parameters. That of a cluster or of sentinels has more, and other ones. */
const MAX_SEND_PARAMETERS = 2;

/**
 * Returns the function that sends a command.
 *
 * @throws {TypeError} if `client` is neither a client of node-redis nor one of ioredis
 */
export function toRedisCommand(client: RedisClient): RedisCommand {
  const given = Object(client) as Partial<Record<'call' | 'sendCommand' | 'options', unknown>>;
  assertWithoutKeyPrefix(given.options);
  if ('call' in given && typeof given.call === 'function') {
    const { call } = given;
    return async (...args) => call.apply(client, args) as unknown;
  }
  const { sendCommand } = given;
  if (typeof sendCommand !== 'function')
    throw new TypeError('options.client must be a client of node-redis or ioredis, or an object with the method call.');
  if (sendCommand.length > MAX_SEND_PARAMETERS)
    throw new TypeError(
      'options.client is a cluster or sentinel client of node-redis, which needs more than the command. Pass an object with a method call(command, ...args) that calls its sendCommand.',
    );
  return async (...args) => sendCommand.call(client, args) as unknown;
}

/** ioredis puts it before the keys of a command, and not before the pattern of SCAN. */
function assertWithoutKeyPrefix(options: unknown): void {
  const { keyPrefix = '' } = Object(options) as { keyPrefix?: unknown };
  if (keyPrefix !== '')
    throw new TypeError('options.client has the option keyPrefix. Use the option prefix of redisStore instead.');
}
