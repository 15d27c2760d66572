import type { IncomingMessage } from 'node:http';
import { toErrorText } from '@oa/types/rfc';

/** The longest answer in the body of a request. A header of this length is accepted, too. */
const MAX_FORM_BYTES = 262_144;
/** The longest text of an unverified answer that is shown. */
const MAX_UNVERIFIED_CHARACTERS = 200;
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i;

/** Whether a request may hold the answer of a server with `response_mode=form_post` in its body. */
export function isFormPost({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return method === 'POST' && FORM_TYPE.test(headers['content-type'] ?? '');
}

/**
 * Reads an answer from the body of a request.
 *
 * @returns the parameters in the form of a query, `undefined` if there are too many or they do not arrive whole
 * @see https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html
 */
export async function readFormPost(request: IncomingMessage): Promise<string | undefined> {
  let body = '';
  try {
    for await (const chunk of request.setEncoding('latin1')) {
      body += chunk;
      if (body.length > MAX_FORM_BYTES) return undefined;
    }
  } catch {
    // The connection has ended.
    return undefined;
  }
  return body;
}

/**
 * What an answer without `state` says, `undefined` if it has one. Some servers lose the state in an error, and some put an answer into the
 * fragment, which no browser sends. Any program and any web site can send such an answer, so it is told and not believed.
 *
 * @returns a text of the characters of RFC 6749 section 5.2
 */
export function toUnverifiedText(query: string): string | undefined {
  const parameters = new URLSearchParams(query);
  if (parameters.has('state')) return undefined;
  const [error, description] = ['error', 'error_description'].map((name) =>
    toErrorText(parameters.get(name) ?? '', MAX_UNVERIFIED_CHARACTERS),
  );
  if (error) return description ? `${error}: ${description}` : error;
  return parameters.has('code')
    ? 'a code without state'
    : 'neither a code nor an error (the server may have put them into the fragment, after a #)';
}
