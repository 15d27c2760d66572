import type { KeySource } from './store.ts';

/**
 * Refuses what is no {@link KeySource}. The key itself is not asked for.
 *
 * @param name names the value in the message, such as `options.encryption`
 * @throws {TypeError} if `value` has no `id`, a non-empty text, or no function `key`
 */
export function assertKeySource(value: unknown, name: string): asserts value is KeySource {
  const { id, key } = (typeof value === 'object' && value !== null ? value : {}) as Partial<KeySource>;
  if (typeof id !== 'string' || id === '')
    throw new TypeError(`${name} must be a key source: an object with an id, a non-empty string, and a function key.`);
  if (typeof key !== 'function')
    throw new TypeError(
      `${name} must have a function key that returns the 32 bytes of the key in a promise, not ${typeof key}.`,
    );
}
