import type { Dpop } from '@oa/dpop';
import { withHeaders, type OutgoingCall } from './authorized-request.ts';
import { nextHop, type Hop } from './redirect.ts';
import { isProofRefused } from './refusal.ts';

/**
 * Sends a request with a token of type DPoP. The proof is for one URL, so a redirect is followed here: within the origin with a proof for
 * each URL, and to another origin as `fetch` does, without token and proof.
 *
 * @throws {OAuthError} `redirect_refused`
 * @see https://www.rfc-editor.org/rfc/rfc9449#section-7.1
 */
export async function sendProven(call: OutgoingCall, accessToken: string, dpop: Dpop): Promise<Response> {
  const { copy, url, headers } = call;
  let hop: Hop | undefined = { url, method: copy.method, headers, keepsBody: true, count: 0 };
  for (;;) {
    const response = await sendHop(call, hop, accessToken, dpop);
    const next: Hop | undefined = copy.redirect === 'follow' ? nextHop(response, hop, copy.canReplay) : undefined;
    if (next === undefined) return hop.count === 0 ? response : asRedirected(response);
    await response.body?.cancel();
    if (next.url.origin !== url.origin) return asRedirected(await sendElsewhere(call, next));
    hop = next;
  }
}

/** Sends one request, and once more after a refusal of its proof that another proof can answer (RFC 9449 section 9). */
async function sendHop(call: OutgoingCall, hop: Hop, accessToken: string, dpop: Dpop): Promise<Response> {
  const { copy, onNotReplayed } = call;
  for (let attempt = 1; ; attempt += 1) {
    const { method, url, headers } = hop;
    const proof = await dpop.proof({ method, url, accessToken });
    const authorized = withHeaders(headers, { authorization: `DPoP ${accessToken}`, dpop: proof });
    // `error` and `manual` of the caller stay.
    const redirect = copy.redirect === 'follow' ? 'manual' : copy.redirect;
    const response = await sendTo(call, hop, { headers: authorized, redirect });
    // A function that follows redirects although it is told not to returns the answer of another URL.
    const isNewer = !response.redirected && dpop.learnFrom(proof, response);
    if (attempt > 1 || !isNewer || !isProofRefused(response)) return response;
    if (hop.keepsBody && !copy.canReplay) {
      onNotReplayed();
      return response;
    }
    await response.body?.cancel();
  }
}

/** The platform follows further redirects, without the token and without the proof (RFC 9700 section 4.9.1). */
async function sendElsewhere(call: OutgoingCall, hop: Hop): Promise<Response> {
  const headers = new Headers(hop.headers);
  // What `fetch` removes on a redirect to another origin. `authorization` and `dpop` are not in it yet.
  for (const name of ['cookie', 'host', 'proxy-authorization']) headers.delete(name);
  return sendTo(call, hop, { headers, redirect: 'follow' });
}

async function sendTo({ copy, fetch }: OutgoingCall, hop: Hop, more: RequestInit): Promise<Response> {
  if (hop.count === 0) return fetch(copy.next(), { ...copy.init, ...more });
  const { href } = hop.url;
  const { body: _, ...init } = copy.init;
  const body = hop.keepsBody ? await copy.readBody() : undefined;
  return fetch(href, {
    ...init,
    ...more,
    method: hop.method,
    signal: copy.signal ?? null,
    ...(body !== undefined && { body }),
  });
}

/** `fetch` says this of a response after a redirect that it followed itself. */
function asRedirected(response: Response): Response {
  return Object.defineProperty(response, 'redirected', { value: true });
}
