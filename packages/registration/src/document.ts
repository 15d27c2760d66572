import { assertClientMetadataUrl, documentRedirectUris } from '@oa/types/rfc';
import { assertMemberTypes } from './metadata.ts';
import { assertPublicKeys, hasKeys } from './public-keys.ts';

/** What a program states about itself in its client metadata document. Any other member is copied as it is. */
export interface ClientDocumentMembers {
  /** The URL where the document is served. */
  client_id: string;
  /** The name that the server shows to the user. */
  client_name: string;
  /**
   * The ports that the program receives authorization responses on, at most 40. Without them the redirect URIs have no port, and a server that
   * compares ports, against RFC 8252 section 7.3, refuses the login.
   */
  ports?: readonly number[] | undefined;
  client_uri?: string | undefined;
  logo_uri?: string | undefined;
  /**
   * The grants of the client.
   *
   * @default ['authorization_code', 'refresh_token']
   */
  grant_types?: readonly string[] | undefined;
  /**
   * What an authorization response may have.
   *
   * @default ['code']
   */
  response_types?: readonly string[] | undefined;
  /**
   * `private_key_jwt` needs `jwks` or `jwks_uri`. A method with a shared secret is a TypeError.
   *
   * @default 'none'
   */
  token_endpoint_auth_method?: string | undefined;
  /**
   * Whether the client runs on the machine of the user.
   *
   * @default 'native'
   */
  application_type?: 'native' | 'web' | undefined;
  /** Made of `ports`. */
  redirect_uris?: undefined;
  /** A document is public. */
  client_secret?: undefined;
  [member: string]: unknown;
}

/** A client metadata document, to serve as JSON at its `client_id`. */
export interface ClientMetadataDocument {
  client_id: string;
  client_name: string;
  redirect_uris: string[];
  grant_types: readonly string[];
  response_types: readonly string[];
  token_endpoint_auth_method: string;
  application_type: 'native' | 'web';
  [member: string]: unknown;
}

/** Only the server issues these, or they are secrets of the client. The document has neither. */
const FORBIDDEN_MEMBERS = [
  'client_secret',
  'client_secret_expires_at',
  'registration_access_token',
  'registration_client_uri',
  'redirect_uris',
];
/** Servers may refuse a larger document. */
const MAX_DOCUMENT_BYTES = 5120;

/**
 * Makes the client metadata document of a program that logs users in with a loopback redirect. Serve it as JSON at the URL that is its
 * `client_id`: servers that support such documents (`client_id_metadata_document_supported`) fetch it, and no registration is needed.
 *
 * @example
 * ```ts
 * const document = clientMetadataDocument({
 *   client_id: 'https://tool.example/client.json',
 *   client_name: 'My tool',
 *   ports: [28391, 28392],
 * });
 * console.log(JSON.stringify(document, undefined, 2));
 * ```
 *
 * @returns the document, with the redirect URI `/callback` on each loopback host and port
 * @throws {TypeError} if `client_id` can't be the URL of a document, if a member has the wrong type or does not belong into a public
 *   document, if `private_key_jwt` has no keys, or if the document has more than 5,120 bytes
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-client-id-metadata-document/
 */
export function clientMetadataDocument(members: ClientDocumentMembers): ClientMetadataDocument {
  assertMemberTypes(members, {});
  const { ports, client_id, client_name, ...others } = members;
  assertClientMetadataUrl(client_id, 'client_id');
  if (typeof client_name !== 'string' || client_name === '')
    throw new TypeError('client_name must be a non-empty string: the server shows it to the user.');
  assertPublicMembers(others);
  const document: ClientMetadataDocument = {
    ...others,
    client_id,
    client_name,
    redirect_uris: documentRedirectUris(ports, 'ports'),
    grant_types: others.grant_types ?? ['authorization_code', 'refresh_token'],
    response_types: others.response_types ?? ['code'],
    token_endpoint_auth_method: others.token_endpoint_auth_method ?? 'none',
    application_type: others.application_type ?? 'native',
  };
  const { length } = new TextEncoder().encode(JSON.stringify(document));
  if (length <= MAX_DOCUMENT_BYTES) return document;
  throw new TypeError(
    `The client metadata document has ${length} bytes. Servers may refuse more than ${MAX_DOCUMENT_BYTES}: use fewer ports or shorter members.`,
  );
}

/** @throws {TypeError} if a member is secret, or belongs to a registration */
function assertPublicMembers(members: Readonly<Record<string, unknown>>): void {
  for (const name of FORBIDDEN_MEMBERS)
    if (members[name] !== undefined)
      throw new TypeError(`${name} must not be set: a client metadata document is public, and not registered.`);
  const { token_endpoint_auth_method: method, jwks, jwks_uri } = members;
  if (typeof method === 'string' && method.startsWith('client_secret_'))
    throw new TypeError(`token_endpoint_auth_method must not be ${method}: a public document can share no secret.`);
  if (jwks !== undefined) assertPublicKeys(jwks, 'jwks', 'every reader of the document');
  if (method === 'private_key_jwt' && jwks_uri === undefined && !hasKeys(jwks))
    throw new TypeError(
      'token_endpoint_auth_method private_key_jwt needs jwks or jwks_uri: the server verifies the signatures of the program with its public keys. Set one of them.',
    );
}
