import { OAuthError } from '@oa/types';
import { isLabelledAsPage, mediaType } from './media-type.ts';
import type { HttpResponse } from './request.ts';
import { responseName } from './response-name.ts';

/** Makes the error for a body that is not the JSON of an endpoint, or not labelled as such. */
export function toUnreadableError(response: HttpResponse, json: unknown): OAuthError {
  const { status, text } = response;
  // JSON that broke off or is not UTF-8 is broken, whatever its label.
  const isBroken = json === undefined ? isCutJson(text) : !isLabelledAsPage(response);
  const type = isBroken ? 'application/json' : mediaType(response);
  const name = responseName(response);
  if (text.trim() === '')
    return new OAuthError('invalid_json', `${name} answered with an empty body instead of JSON. Check the address.`, {
      status,
    });
  if (type === '' || /^application\/(.+\+)?json$/.test(type))
    return new OAuthError(
      'invalid_json',
      `${name} answered with a body that is not valid JSON. Report it to the server operator.`,
      { status },
    );
  return new OAuthError(
    'unexpected_content_type',
    `${name} answered with something other than JSON, such as a web page. Check that the address is an OAuth endpoint.`,
    { status },
  );
}

/** Whether a text that is not JSON began as a JSON object. */
function isCutJson(text: string): boolean {
  return /^\s*\{\s*"/.test(text);
}
