import { redactShared } from './redact.ts';
import type { HttpResponse } from './request.ts';
import { secretsSentFor } from './secrets.ts';
import { toDisplayUrl } from './url.ts';

/** Returns how errors name the endpoint that answered: its address, without the secrets that were sent there. A success needs no name. */
export function responseName(response: HttpResponse): string {
  const url = new URL(response.url);
  // A redirect can put into the path what the server was sent.
  url.pathname = redactShared(url.pathname, secretsSentFor(response));
  return toDisplayUrl(url);
}
