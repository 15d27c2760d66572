import { isObject } from '@oa/mechanisms';
import type { AuthorizationDetail, RequestParameters, Token } from '@oa/types';
import type { Session } from './session.ts';

/** @throws {TypeError} if `details` are something else than authorization details, such as their JSON */
export function assertDetails(details: unknown = []): void {
  if (!Array.isArray(details) || !details.every(isDetail))
    throw new TypeError(
      "credentials.authorization_details must be an array of objects with a type, such as [{ type: 'payment' }].",
    );
}

function isDetail(value: unknown): boolean {
  return isObject(value) && typeof value['type'] === 'string' && value['type'] !== '';
}

/** The parameter as it goes over the wire (RFC 9396 section 2), none where there are no details. */
export function toDetailsParameter(details: readonly AuthorizationDetail[] | undefined): RequestParameters {
  return details === undefined || details.length === 0 ? {} : { authorization_details: JSON.stringify(details) };
}

/**
 * What a refresh of `token` asks for: the details that were granted, or those that were asked for where the server did not say. Without the
 * parameter the server would choose at its discretion (RFC 9396 section 7).
 */
export function refreshedDetails(
  { parameters }: Session,
  { authorization_details: granted }: Token,
): RequestParameters {
  const { authorization_details: asked } = parameters;
  if (asked === undefined) return {};
  return granted === undefined ? { authorization_details: asked } : toDetailsParameter(granted);
}
