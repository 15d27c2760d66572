import { assertKeySource, type KeySource } from '@oa/types';

/** A key source that also decrypts what former keys have encrypted. */
export interface RotatedKeySource extends KeySource {
  /** The sources of the former keys. A key is asked for when a value of it is read. */
  former: readonly KeySource[];
}

/**
 * Replaces an encryption key. Values are written with `to`, and those of `from` can still be read. Each becomes a value of `to` when it is
 * written the next time, so `from` can go once every value has been written, or is not needed any more.
 *
 * For several former keys, `from` may be a result of this function.
 *
 * @throws {TypeError} if one of them is no key source, or if two of the keys have the same id
 * @example
 * const encryption = rotate(keyOf2025, keyOf2026);
 */
export function rotate(from: KeySource, to: KeySource): RotatedKeySource {
  assertKeySource(from, 'The first parameter of rotate');
  assertKeySource(to, 'The second parameter of rotate');
  const former = [...sourcesOf(from), ...formerOf(to)];
  const ids = [to.id, ...former.map(({ id }) => id)];
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  if (repeated !== undefined)
    throw new TypeError(
      `Two keys have the id ${JSON.stringify(repeated)}. A value names its key by the id, so give each key its own.`,
    );
  return { id: to.id, key: (signal) => to.key(signal), former };
}

/** The source of the present key, and those of the former ones. */
export function sourcesOf(source: KeySource): KeySource[] {
  return [source, ...formerOf(source)];
}

function formerOf(source: KeySource & { former?: RotatedKeySource['former'] }): readonly KeySource[] {
  return source.former ?? [];
}
