import type { AssertionRequest } from '@oa/types';
import { UNSET_QUESTION } from '@oa/types/rfc';

/** @throws {TypeError} if `value` is not a non-empty string */
export function assertText(value: unknown, name: string): asserts value is string {
  if (typeof value === 'string' && value !== '') return;
  throw new TypeError(`${name} must be a non-empty string. ${UNSET_QUESTION}`);
}

/** @throws {TypeError} if `value` is neither a non-empty string nor `undefined` */
export function assertOptionalText(value: unknown, name: string): asserts value is string | undefined {
  if (value !== undefined) assertText(value, name);
}

/**
 * The audience that the platform is asked for.
 *
 * @throws {TypeError} if there is none
 */
export function audienceOf({ audience }: AssertionRequest, option: string | undefined): string {
  const chosen = option ?? audience;
  assertText(chosen, 'request.audience');
  return chosen;
}

/** @throws {TypeError} if `timeout` is neither a positive number of milliseconds nor `undefined` */
export function assertWaitingTime(timeout: unknown): asserts timeout is number | undefined {
  if (timeout === undefined || (typeof timeout === 'number' && timeout > 0)) return;
  throw new TypeError('options.timeout must be a positive number of milliseconds.');
}
