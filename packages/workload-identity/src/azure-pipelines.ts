import { isObject, parseJson } from '@oa/mechanisms';
import type { AssertionSource } from '@oa/types';
import { assertOptionalText, assertWaitingTime } from './arguments.ts';
import { readPlatformVariable } from './environment.ts';
import { loadPlatformRequest } from './load-request.ts';
import type { PlatformOptions } from './options.ts';
import { noAssertion, readyAssertion } from './ready-assertion.ts';

const API_VERSION = '7.1';
const MAP_CURE = 'Give the step the variable: `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`.';
const CONNECTION_CURE = `Check that the service connection exists, and that this pipeline may use it. ${MAP_CURE}`;

/**
 * Makes a source that asks Azure Pipelines for the ID token of the job. The step needs `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`. The
 * platform decides about the audience: `api://AzureADTokenExchange`.
 *
 * @param options those of a network call, and `serviceConnectionId`: the service connection that the token is for. Without one the token is
 *   for the pipeline.
 * @throws {TypeError} if `options.serviceConnectionId` is not a non-empty string, or `options.timeout` is wrong
 * @see https://learn.microsoft.com/en-us/rest/api/azure/devops/distributedtask/oidctoken/create
 * @example
 * const source = azurePipelines({ serviceConnectionId: process.env.SERVICE_CONNECTION_ID });
 */
export function azurePipelines(
  options: PlatformOptions & { serviceConnectionId?: string | undefined } = {},
): AssertionSource {
  const { serviceConnectionId, ...network } = options;
  assertOptionalText(serviceConnectionId, 'options.serviceConnectionId');
  assertWaitingTime(network.timeout);
  return async ({ signal }) => {
    signal?.throwIfAborted();
    const uri = readPlatformVariable('SYSTEM_OIDCREQUESTURI');
    if (uri === undefined)
      throw noAssertion(
        'This is no job of Azure Pipelines: SYSTEM_OIDCREQUESTURI is not set. Use the source of the platform that the program runs on.',
      );
    const token = readPlatformVariable('SYSTEM_ACCESSTOKEN');
    if (token === undefined)
      throw noAssertion(`This job of Azure Pipelines does not pass its access token on. ${MAP_CURE}`);
    const query = new URLSearchParams({ 'api-version': API_VERSION });
    if (serviceConnectionId !== undefined) query.set('serviceConnectionId', serviceConnectionId);
    const { requestPlatform } = await loadPlatformRequest();
    const text = await requestPlatform(
      {
        method: 'POST',
        url: `${uri}?${query.toString()}`,
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          // Without it, a refusal is a redirect to the login page.
          'x-tfs-fedauthredirect': 'Suppress',
        },
        platform: 'Azure Pipelines',
        cure: CONNECTION_CURE,
      },
      { ...network, signal },
    );
    const answer = parseJson(text);
    const value = isObject(answer) ? answer['oidcToken'] : undefined;
    if (typeof value !== 'string')
      throw noAssertion(`Azure Pipelines answered without an ID token. ${CONNECTION_CURE}`);
    const origin = { name: 'The ID token of Azure Pipelines', cure: 'Try again.', renews: true };
    return readyAssertion(value, origin, network.now ?? Date.now);
  };
}
