import { isObject, parseJson } from '@oa/mechanisms';
import type { AssertionSource } from '@oa/types';
import { assertOptionalText, assertWaitingTime, audienceOf } from './arguments.ts';
import { readPlatformVariable } from './environment.ts';
import { loadPlatformRequest } from './load-request.ts';
import type { PlatformOptions } from './options.ts';
import { noAssertion, readyAssertion } from './ready-assertion.ts';

const PERMISSION_CURE =
  'Give the job the permission `permissions: id-token: write`. A workflow for a pull request from a fork never has it.';

/**
 * Makes a source that asks GitHub Actions for the ID token of the job. The job needs `permissions: id-token: write`.
 *
 * @param options those of a network call, and `audience`: the audience of the token, by default that of the request
 * @throws {TypeError} if `options.audience` is not a non-empty string, or `options.timeout` is wrong
 * @see https://docs.github.com/en/actions/reference/security/oidc
 * @example
 * const source = githubActions({ audience: 'api://AzureADTokenExchange' });
 */
export function githubActions(options: PlatformOptions & { audience?: string | undefined } = {}): AssertionSource {
  const { audience, ...network } = options;
  assertOptionalText(audience, 'options.audience');
  assertWaitingTime(network.timeout);
  return async (request) => {
    const { signal } = request;
    signal?.throwIfAborted();
    const wanted = encodeURIComponent(audienceOf(request, audience));
    const url = readPlatformVariable('ACTIONS_ID_TOKEN_REQUEST_URL');
    const token = readPlatformVariable('ACTIONS_ID_TOKEN_REQUEST_TOKEN');
    if (url === undefined || token === undefined)
      throw noAssertion(
        readPlatformVariable('GITHUB_ACTIONS') === 'true'
          ? `This job of GitHub Actions may not ask for an ID token. ${PERMISSION_CURE}`
          : 'This is no job of GitHub Actions: ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN are not set. ' +
              'Use the source of the platform that the program runs on. In a container, pass both variables on.',
      );
    const { requestPlatform } = await loadPlatformRequest();
    const text = await requestPlatform(
      {
        method: 'GET',
        url: `${url}${url.includes('?') ? '&' : '?'}audience=${wanted}`,
        headers: { authorization: `Bearer ${token}` },
        platform: 'GitHub Actions',
        cure: PERMISSION_CURE,
      },
      { ...network, signal },
    );
    const answer = parseJson(text);
    const value = isObject(answer) ? answer['value'] : undefined;
    if (typeof value !== 'string')
      throw noAssertion('GitHub Actions answered without an ID token. Check ACTIONS_ID_TOKEN_REQUEST_URL.');
    const origin = { name: 'The ID token of GitHub Actions', cure: 'Try again.', renews: true };
    return readyAssertion(value, origin, network.now ?? Date.now);
  };
}
