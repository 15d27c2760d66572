import { type Reply, startScriptedServer } from '@oa-internal/scripted-server';
import { requestToken, type TokenEndpointOptions } from '@oa/token-endpoint';
import type { RequestParameters, Token } from '@oa/types';

/** Milliseconds since the epoch. */
export const NOW_MS = 1_800_000_000_500;

/** The token that the library makes of `reply`. */
export async function tokenFrom(
  reply: Reply,
  parameters: RequestParameters = {},
  options: TokenEndpointOptions = {},
): Promise<Token> {
  await using server = await startScriptedServer(() => reply);
  const metadata = { issuer: server.origin, token_endpoint: `${server.origin}/token` };
  const all = { grant_type: 'authorization_code', ...parameters };
  return await requestToken(metadata, { client_id: 'c' }, all, { now: () => NOW_MS, ...options });
}

/** A token response with these members. */
export function tokenReply(members: object): Reply {
  return { json: { access_token: 'at', token_type: 'Bearer', ...members } };
}
