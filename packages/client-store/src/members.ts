import { isObject } from '@oa/mechanisms';
import type { Client } from '@oa/types';

const toText = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const toNumber = (value: unknown): number | undefined => (Number.isFinite(value) ? (value as number) : undefined);
const toBoolean = (value: unknown): boolean | undefined => (typeof value === 'boolean' ? value : undefined);
const toTexts = (value: unknown): unknown[] | undefined =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : undefined;
const toObject = (value: unknown): object | undefined => (isObject(value) ? value : undefined);

/**
 * The members that are stored: those of RFC 7591 sections 2 and 3.2.1, of RFC 7592 section 3 and of RFC 9126 section 6, and the
 * `application_type` of OpenID Connect, which `@oa/registration` sends. With any other member a server could fill the file.
 */
const STORED_MEMBERS: Readonly<Record<string, (value: unknown) => unknown>> = {
  client_id: toText,
  client_secret: toText,
  client_secret_expires_at: toNumber,
  client_id_issued_at: toNumber,
  registration_access_token: toText,
  registration_client_uri: toText,
  redirect_uris: toTexts,
  grant_types: toTexts,
  response_types: toTexts,
  token_endpoint_auth_method: toText,
  application_type: toText,
  require_pushed_authorization_requests: toBoolean,
  scope: toText,
  client_name: toText,
  client_uri: toText,
  logo_uri: toText,
  tos_uri: toText,
  policy_uri: toText,
  contacts: toTexts,
  jwks_uri: toText,
  jwks: toObject,
  software_id: toText,
  software_version: toText,
  software_statement: toText,
};

/** The names of the members that are stored. */
export const STORED_MEMBER_NAMES: readonly string[] = Object.keys(STORED_MEMBERS);

/** Copies the members of `value` that are stored, if their types are right. Returns `undefined` if `value` is not a client. */
export function toClient(value: unknown): Client | undefined {
  if (!isObject(value)) return undefined;
  const { client_id, client_secret = null } = value;
  if (typeof client_id !== 'string' || client_id === '') return undefined;
  // Other programs write an absent secret as null.
  if (client_secret !== null && typeof client_secret !== 'string') return undefined;
  const client: Client = { client_id };
  for (const [name, convert] of Object.entries(STORED_MEMBERS)) {
    const member = Object.hasOwn(value, name) ? convert(value[name]) : undefined;
    if (member !== undefined) client[name] = member;
  }
  return client;
}

/** @throws {TypeError} if `value` is not a client */
export function toStorableClient(value: unknown): Client {
  const client = toClient(value);
  if (client === undefined) throw new TypeError('A client to store must have a client_id, a non-empty string.');
  return client;
}
