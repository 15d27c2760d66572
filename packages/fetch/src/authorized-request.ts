import { createLoader } from '@oa/mechanisms';
import type { CopiedRequest } from './replay.ts';
import type { UsableToken } from './usable-token.ts';

const loadProvenRequests = createLoader(() => import('./proven-request.ts'));

/** One call, with what all of its requests have in common. */
export interface OutgoingCall {
  copy: CopiedRequest;
  url: URL;
  /** Those of the caller. */
  headers: Headers;
  fetch: typeof globalThis.fetch;
  /** Called if a proof was refused, and the body can't be sent a second time. */
  onNotReplayed: () => void;
}

/** Sends the request of a call with `token`, or without one. */
export async function sendAuthorized(call: OutgoingCall, token: UsableToken | undefined): Promise<Response> {
  const { copy, headers, fetch } = call;
  if (token === undefined) return fetch(copy.next(), { ...copy.init, headers });
  const { access_token, dpop } = token;
  if (dpop === undefined)
    return fetch(copy.next(), {
      ...copy.init,
      headers: withHeaders(headers, { authorization: `Bearer ${access_token}` }),
    });
  const { sendProven } = await loadProvenRequests();
  return sendProven(call, access_token, dpop);
}

/** Returns a copy of `headers` with more of them. */
export function withHeaders(headers: Headers, more: Record<string, string>): Headers {
  const copy = new Headers(headers);
  for (const [name, value] of Object.entries(more)) copy.set(name, value);
  return copy;
}
