import { isObject } from '@oa/mechanisms';
import { assertPublicKeys } from './public-keys.ts';

/**
 * What a client states about itself. Any other member is sent as it is. A member that is `undefined` is not sent.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-2
 */
export interface ClientMetadata {
  redirect_uris?: readonly string[] | undefined;
  client_name?: string | undefined;
  client_uri?: string | undefined;
  logo_uri?: string | undefined;
  grant_types?: readonly string[] | undefined;
  response_types?: readonly string[] | undefined;
  /** Scopes separated by spaces. */
  scope?: string | undefined;
  /** `private_key_jwt` needs `jwks` or `jwks_uri`. */
  token_endpoint_auth_method?: string | undefined;
  /** The public keys of the client, as a JWK set. A private key in it is a TypeError. */
  jwks?: { readonly keys: readonly object[] } | undefined;
  application_type?: 'native' | 'web' | undefined;
  contacts?: readonly string[] | undefined;
  software_id?: string | undefined;
  software_version?: string | undefined;
  /**
   * A signed statement about the client. Any server that receives it can register with it. So send it to a server that the program
   * names itself, and not to one that a resource names.
   *
   * @see https://www.rfc-editor.org/rfc/rfc7591#section-2.3
   */
  software_statement?: string | undefined;
  /** Only the server issues it. */
  client_id?: undefined;
  /** Only the server issues it. */
  client_secret?: undefined;
  /** Only the server issues it. */
  registration_access_token?: undefined;
  [member: string]: unknown;
}

const ISSUED_MEMBERS = ['client_id', 'client_secret', 'registration_access_token'] as const;
const ARRAY_MEMBERS = ['redirect_uris', 'grant_types', 'response_types', 'contacts'] as const;
const STRING_MEMBERS = [
  'client_name',
  'client_uri',
  'logo_uri',
  'scope',
  'token_endpoint_auth_method',
  'application_type',
  'software_id',
  'software_version',
  'software_statement',
] as const;

type Members = Readonly<Record<string, unknown>>;

/**
 * Rejects the metadata of a new client before it is sent. The error of a server seldom names the member.
 *
 * @throws {TypeError} if a member has the wrong type, or is one that only the server issues
 */
export function assertNewClientMetadata(metadata: Members): void {
  assertMemberTypes(metadata, {});
  for (const name of ISSUED_MEMBERS)
    if (metadata[name] !== undefined)
      throw new TypeError(
        `metadata.${name} must not be set: only the server issues it. Leave it out, or change a registered client with updateClient.`,
      );
}

/**
 * Rejects metadata with members of the wrong type. A member that is unchanged in `registered` is not checked: servers return `null`
 * and other values for members that they do not know, and get them back.
 *
 * @throws {TypeError} if a member has the wrong type, or if `jwks` has a private key
 */
export function assertMemberTypes(metadata: Members, registered: Members): void {
  if (!isObject(metadata)) throw new TypeError('metadata must be an object such as { client_name, redirect_uris }.');
  const isChanged = (name: string): boolean => metadata[name] !== undefined && metadata[name] !== registered[name];
  for (const name of ARRAY_MEMBERS)
    if (isChanged(name) && !isArrayOfStrings(metadata[name]))
      throw new TypeError(`metadata.${name} must be an array of strings.`);
  for (const name of STRING_MEMBERS)
    if (isChanged(name) && typeof metadata[name] !== 'string')
      throw new TypeError(`metadata.${name} must be a string.`);
  if (isChanged('jwks')) assertPublicKeys(metadata['jwks'], 'metadata.jwks', 'the server');
}

function isArrayOfStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}
