import type { Reply, ScriptedServer } from '@oa-internal/scripted-server';
import type { AuthorizationServer, Client } from '@oa/types';

export const client: Client = { client_id: 'oa-test' };
export const GRANTED: Reply = { json: { access_token: 'secret-access-token', token_type: 'Bearer', expires_in: 60 } };
export const PENDING: Reply = refusal('authorization_pending');
/** A device authorization response without an interval. */
export const authorization = {
  device_code: 'secret-device-code',
  user_code: 'WDJB-MJHT',
  verification_uri: 'https://as.example/device',
  verification_uri_complete: 'https://as.example/device?user_code=WDJB-MJHT',
  expires_in: 600,
};

export function refusal(error: string, more: Reply = {}): Reply {
  return { status: 400, json: { error }, ...more };
}

/** The metadata of a scripted server. */
export function metadataOf({ origin }: ScriptedServer): AuthorizationServer {
  return { issuer: origin, token_endpoint: `${origin}/token`, device_authorization_endpoint: `${origin}/device` };
}

/** Answers the polls in turn, and repeats the last answer. */
export function answerPolls(server: ScriptedServer, ...replies: Reply[]): void {
  let polls = 0;
  server.script({
    '/device': { json: authorization },
    '/token': () => replies[Math.min(polls++, replies.length - 1)],
  });
}
