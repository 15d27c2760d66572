import { inspect } from 'node:util';
import { isOAuthError, type OAuthError } from '@oa/types';

/** Returns the OAuthError that `promise` rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<OAuthError> {
  try {
    await promise;
  } catch (error) {
    if (isOAuthError(error)) return error;
    throw error;
  }
  throw new Error('The promise did not reject.');
}

/** Returns everything that a log or a debugger can show of an error. */
export function inspectAll(error: unknown): string {
  const { message, stack } = error as Error;
  return [inspect(error, { depth: 10, showHidden: true }), JSON.stringify(error), message, stack].join('\n');
}

/** Returns the OAuthError that `call` throws. */
export function errorThrownBy(call: () => unknown): OAuthError {
  try {
    call();
  } catch (error) {
    if (isOAuthError(error)) return error;
    throw error;
  }
  throw new Error('The call did not throw.');
}
