import type { HttpResponse } from '@oa/http';
import type { TokenEndpointOptions } from '@oa/token-endpoint';
import { explainGuess, OAuthError, type AuthorizationServer, type Client, type RequestParameters } from '@oa/types';
import { assertClient, assertRequestParameters, withoutEmptyParameters } from '@oa/types/rfc';
import type { DeviceLogin } from './device-login.ts';

/**
 * Starts a login on another device: requests the code that the user enters there. `awaitDeviceLogin` shows it and waits.
 *
 * **Warning: attackers use this login for phishing.** The program that shows the code gets access to the account of the user who
 * enters it. An attacker can start this program, send its code to a victim, and wait until the victim enters it. Start this login only if
 * the user asked for it and has no browser on this machine. In all other cases use `login` of `@oa/loopback`.
 *
 * @param parameters `scope` (scopes separated by spaces), one or several `resource` (RFC 8707), and any other parameter that the server
 *   understands. One without a value is left out.
 * @returns the codes and the addresses, with `expires_at` in seconds since the epoch
 * @throws {OAuthError} `endpoint_missing`, `oauth_error`, `http_error`, `invalid_response`, `unsupported_client_authentication`,
 *   `network_error`, `timeout`, `insecure_url`, `redirect_refused`, `response_too_large`, `unexpected_content_type`, `invalid_json`
 * @throws {TypeError} if `client.client_id` is missing, or if a parameter or an option is wrong
 * @see https://www.rfc-editor.org/rfc/rfc8628#section-3.1
 * @see https://www.rfc-editor.org/rfc/rfc8628#section-5.4
 * @example
 * ```ts
 * const started = await startDeviceLogin(server, client, { scope: 'read' });
 * const token = await awaitDeviceLogin(server, client, started);
 * ```
 */
export async function startDeviceLogin(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters = {},
  options: TokenEndpointOptions = {},
): Promise<DeviceLogin> {
  assertClient(client);
  assertRequestParameters(parameters, ['grant_type', 'device_code']);
  return explainGuess(server, options, (explained) => requestCode(server, client, parameters, explained));
}

async function requestCode(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters,
  options: TokenEndpointOptions,
): Promise<DeviceLogin> {
  const url = server.device_authorization_endpoint;
  if (typeof url !== 'string')
    throw new OAuthError(
      'endpoint_missing',
      `${server.issuer} names no device_authorization_endpoint, so it has no device login. Log in with a browser instead.`,
    );

  const [{ readJson }, { postAuthenticated }, { deviceAuthorizationSchema }] = await Promise.all([
    import('@oa/http'),
    import('@oa/token-endpoint'),
    import('./schema.ts'),
  ]);
  // A second code does no harm: a code that is not used expires.
  const form = { url, parameters: withoutEmptyParameters(parameters), idempotent: true };
  const read = async (response: HttpResponse): Promise<DeviceLogin> => {
    const { scope: _, ...authorization } = await readJson(response, deviceAuthorizationSchema);
    const expires_at = Math.floor((options.now ?? Date.now)() / 1000) + authorization.expires_in;
    const { scope } = parameters;
    return { ...authorization, expires_at, ...(typeof scope === 'string' && { scope }) };
  };
  return postAuthenticated(server, client, form, read, options);
}
