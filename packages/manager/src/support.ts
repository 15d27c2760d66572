import {
  assertDetailsSupported,
  assertPkceSupported,
  explainGuess,
  OAuthError,
  type AuthorizationServer,
  type RequestParameters,
} from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE, toErrorText } from '@oa/types/rfc';
import { isPkceRequired } from './discovery-option.ts';
import type { Session } from './session.ts';

const MAX_NAMED_ISSUER_CHARACTERS = 200;

/**
 * Refuses a grant that needs what the server does not list, before a client is registered and a user is asked.
 *
 * @throws {OAuthError} `endpoint_missing`, `pkce_unsupported`, `authorization_details_unsupported`
 */
export async function assertGrantSupported(session: Session, parameters: RequestParameters): Promise<void> {
  const { context, grant_type, needsUser } = session;
  if (!needsUser && parameters['authorization_details'] === undefined) return;
  const server = await session.server();
  await explainGuess(server, {}, async () => {
    if (grant_type === 'authorization_code')
      assertPkceSupported(server, { requirePkce: isPkceRequired(context.options, server) });
    assertEndpoints(server, neededEndpoints(session, server));
    assertDetailsSupported(server, parameters);
  });
}

/** What helps where the endpoint is missing. */
const ENDPOINT_ADVICE = {
  authorization_endpoint: 'It has no login with a browser: use another grant.',
  device_authorization_endpoint: 'It has no device login: log in with a browser instead.',
  pushed_authorization_request_endpoint: 'No login can be pushed there.',
};
type EndpointName = keyof typeof ENDPOINT_ADVICE;

/** The endpoints of a login, besides the token endpoint that all metadata has. */
function neededEndpoints({ context, grant_type, needsUser }: Session, server: AuthorizationServer): EndpointName[] {
  if (!needsUser) return [];
  if (grant_type === DEVICE_CODE_GRANT_TYPE) return ['device_authorization_endpoint'];
  const isPushed = context.options.login?.par === 'require' || server['require_pushed_authorization_requests'] === true;
  return isPushed ? ['authorization_endpoint', 'pushed_authorization_request_endpoint'] : ['authorization_endpoint'];
}

function assertEndpoints(server: AuthorizationServer, names: readonly EndpointName[]): void {
  // Metadata of the caller may have null.
  const missing = names.find((name) => typeof server[name] !== 'string');
  if (missing === undefined) return;
  const issuer = toErrorText(server.issuer, MAX_NAMED_ISSUER_CHARACTERS);
  throw new OAuthError(
    'endpoint_missing',
    `${issuer} names no ${missing} in its metadata, which this login needs. ${ENDPOINT_ADVICE[missing]}`,
  );
}
