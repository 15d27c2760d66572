/**
 * What a client says of itself (RFC 7591 section 2). Every other member is sent as it is; a member that is `undefined` is
 * not sent.
 */
export interface ClientMetadata {
  redirect_uris?: readonly string[];
  client_name?: string;
  client_uri?: string;
  logo_uri?: string;
  grant_types?: readonly string[];
  response_types?: readonly string[];
  /** Scopes separated by spaces. */
  scope?: string;
  token_endpoint_auth_method?: string;
  application_type?: 'native' | 'web';
  contacts?: readonly string[];
  software_id?: string;
  software_version?: string;
  software_statement?: string;
  [member: string]: unknown;
}

/** Refuses, at once, what is no metadata: a server would answer something that nobody understands. */
export function checkedMetadata(metadata: ClientMetadata): ClientMetadata {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    throw new TypeError('metadata must be an object such as { client_name, redirect_uris }');
  for (const name of ['redirect_uris', 'grant_types', 'response_types'] as const) {
    const value: unknown = metadata[name];
    if (value !== undefined && !(Array.isArray(value) && value.every((one) => typeof one === 'string')))
      throw new TypeError(`metadata.${name} must be an array of strings`);
  }
  for (const name of ['scope', 'token_endpoint_auth_method', 'application_type'] as const)
    if (metadata[name] !== undefined && typeof metadata[name] !== 'string')
      throw new TypeError(`metadata.${name} must be a string`);
  return metadata;
}
