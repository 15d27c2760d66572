import { assertDetailsSupported, assertPkceSupported, explainGuess, type RequestParameters } from '@oa/types';
import { isPkceRequired } from './discovery-option.ts';
import type { Session } from './session.ts';

/**
 * Refuses a grant that needs what the server does not list, before a client is registered and a user is asked.
 *
 * @throws {OAuthError} `pkce_unsupported`, `authorization_details_unsupported`
 */
export async function assertGrantSupported(session: Session, parameters: RequestParameters): Promise<void> {
  const { context, grant_type } = session;
  const isLogin = grant_type === 'authorization_code';
  if (!isLogin && parameters['authorization_details'] === undefined) return;
  const server = await session.server();
  await explainGuess(server, {}, async () => {
    if (isLogin) assertPkceSupported(server, { requirePkce: isPkceRequired(context.options, server) });
    assertDetailsSupported(server, parameters);
  });
}
