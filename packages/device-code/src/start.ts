import { OAuthError, type AuthorizationServer, type Client, type RequestParameters } from '@oa/types';
import type { TokenEndpointOptions } from '@oa/token-endpoint';

/** The server's answer (RFC 8628 section 3.2), with every member that it sent. */
export interface DeviceAuthorization {
  /** This program's own; never shown. */
  device_code: string;
  /** What the person types in, or compares. */
  user_code: string;
  verification_uri: string;
  /** The same with the user code in it. */
  verification_uri_complete?: string;
  /** Lifetime in seconds, counted from the moment of the response. */
  expires_in: number;
  /** Seconds between two polls: 5 where the server does not say. */
  interval: number;
  [member: string]: unknown;
}

/** A device login that waits for the person. */
export interface DeviceLogin extends DeviceAuthorization {
  /** When the code expires, in seconds since the epoch. */
  expires_at: number;
}

/** The call's own. */
const OWN = ['client_id', 'client_secret', 'grant_type', 'device_code'];

/**
 * Asks for a code that the person enters on another device. Nothing is shown yet: that is `awaitDeviceLogin`'s part, or
 * the program's.
 *
 * Only for a person who asked for it, and has no browser on this machine: whoever enters such a code logs in the program
 * that shows it, wherever that is, so it can be phished. Prefer `@oa/loopback`.
 *
 * Ends in `endpoint_missing`, `oauth_error`, `invalid_response`, or a code of `@oa/http`.
 *
 * @see RFC 8628 sections 3.1, 3.2 and 5.4
 */
export async function startDeviceLogin(
  server: AuthorizationServer,
  client: Client,
  parameters: RequestParameters = {},
  options: TokenEndpointOptions = {},
): Promise<DeviceLogin> {
  if (typeof client?.client_id !== 'string' || client.client_id === '')
    throw new TypeError('client.client_id has to be a string that is not empty');
  const own = OWN.find((name) => parameters[name] !== undefined);
  if (own !== undefined) throw new TypeError(`parameters.${own} is not yours to set: it follows from the call`);
  const url = server.device_authorization_endpoint;
  if (typeof url !== 'string')
    throw new OAuthError(
      'endpoint_missing',
      `${server.issuer} names no device_authorization_endpoint: it has no device login. Log in with a browser instead.`,
    );

  const [{ postForm }, { authenticateClient }, { deviceLoginSchema }] = await Promise.all([
    import('@oa/http'),
    import('@oa/token-endpoint'),
    import('./schema.ts'),
  ]);
  const { headers, parameters: proof } = await authenticateClient(server, client, { ...options, url });
  // A second code does no harm: the first expires unused.
  const network = { ...options, headers, idempotent: true };
  const answer = await postForm(url, { ...parameters, ...proof }, deviceLoginSchema, network);
  return { ...answer, expires_at: Math.floor((options.now ?? Date.now)() / 1000) + answer.expires_in };
}
