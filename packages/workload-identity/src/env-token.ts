import type { AssertionSource } from '@oa/types';
import { assertText } from './arguments.ts';
import { readPlatformVariable } from './environment.ts';
import { noAssertion, readyAssertion } from './ready-assertion.ts';

/**
 * Makes a source that reads an assertion from an environment variable, such as an ID token of GitLab CI.
 *
 * @param name the variable. It is read for each request. Its value must be meant for the audience of the requests: it can't be changed.
 * @param options `now`: the clock, in milliseconds since the epoch, by default `Date.now`
 * @throws {TypeError} if `name` is not a non-empty string
 * @see https://docs.gitlab.com/ci/secrets/id_token_authentication/
 * @example
 * const source = envToken('KEYCLOAK_ID_TOKEN');
 */
export function envToken(name: string, options: { now?: (() => number) | undefined } = {}): AssertionSource {
  assertText(name, 'The name of the variable');
  const cure =
    'Let the job set it to a new token, for example with `id_tokens` in GitLab CI, and start the program again.';
  return async ({ signal }) => {
    signal?.throwIfAborted();
    const value = readPlatformVariable(name);
    if (value === undefined) throw noAssertion(`The environment variable ${name} is not set. ${cure}`);
    const origin = { name: `The token in the environment variable ${name}`, cure, renews: false };
    return readyAssertion(value, origin, options.now ?? Date.now);
  };
}
