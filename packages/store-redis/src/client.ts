/** Sends commands through the client of the program. */
export interface RedisConnection {
  send: (...args: string[]) => Promise<unknown>;
  /** Whether the client connects at the moment, and would keep a command until it has connected, without an end. */
  isConnecting: () => boolean;
}

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

/** The states in which ioredis has no connection and looks for one. */
const CONNECTING_STATES: ReadonlySet<unknown> = new Set(['connecting', 'connect', 'reconnecting', 'close']);

/**
 * Returns what sends commands through `client`.
 *
 * @throws {TypeError} if `client` is neither a client of node-redis nor one of ioredis
 */
export function toRedisConnection(client: RedisClient): RedisConnection {
  const given = Object(client) as Partial<
    Record<'call' | 'sendCommand' | 'options' | 'status' | 'isOpen' | 'isReady', unknown>
  >;
  assertWithoutKeyPrefix(given.options);
  const { call, sendCommand } = given;
  if (typeof call === 'function')
    return {
      send: async (...args) => call.apply(client, args) as unknown,
      isConnecting: () => CONNECTING_STATES.has(given.status),
    };
  if (typeof sendCommand !== 'function')
    throw new TypeError('options.client must be a client of node-redis or ioredis, or an object with the method call.');
  if (sendCommand.length > MAX_SEND_PARAMETERS)
    throw new TypeError(
      'options.client is a cluster or sentinel client of node-redis, which needs more than the command. Pass an object with a method call(command, ...args) that calls its sendCommand.',
    );
  return {
    send: async (...args) => sendCommand.call(client, args) as unknown,
    isConnecting: () => given.isOpen === true && given.isReady === false,
  };
}

/** ioredis puts it before the keys of a command, and not before the pattern of SCAN. */
function assertWithoutKeyPrefix(options: unknown): void {
  const { keyPrefix = '' } = Object(options) as { keyPrefix?: unknown };
  if (keyPrefix !== '')
    throw new TypeError('options.client has the option keyPrefix. Use the option prefix of redisStore instead.');
}
