/** Authorization server metadata (RFC 8414 section 2), with every member the server published. */
export interface AuthorizationServer {
  /** An opaque string: compared byte for byte, never rebuilt. */
  issuer: string;
  token_endpoint: string;
  authorization_endpoint?: string;
  registration_endpoint?: string;
  device_authorization_endpoint?: string;
  revocation_endpoint?: string;
  introspection_endpoint?: string;
  jwks_uri?: string;
  scopes_supported?: string[];
  response_types_supported?: string[];
  grant_types_supported?: string[];
  code_challenge_methods_supported?: string[];
  token_endpoint_auth_methods_supported?: string[];
  revocation_endpoint_auth_methods_supported?: string[];
  /** RFC 9207: an authorization response without `iss` is then refused. */
  authorization_response_iss_parameter_supported?: boolean;
  /** The client may be identified by the URL of its metadata document. */
  client_id_metadata_document_supported?: boolean;
  [member: string]: unknown;
}

/** Protected resource metadata (RFC 9728 section 2), with every member the resource published. */
export interface ProtectedResource {
  /** An opaque string: sent on unchanged as the `resource` parameter (RFC 8707). */
  resource: string;
  authorization_servers?: string[];
  scopes_supported?: string[];
  bearer_methods_supported?: string[];
  [member: string]: unknown;
}

/** A client as it is registered with one authorization server (RFC 7591 section 3.2.1). */
export interface Client {
  client_id: string;
  client_secret?: string;
  /** Seconds since the epoch; 0 means never. */
  client_secret_expires_at?: number;
  client_id_issued_at?: number;
  registration_access_token?: string;
  registration_client_uri?: string;
  redirect_uris?: string[];
  grant_types?: string[];
  response_types?: string[];
  token_endpoint_auth_method?: string;
  scope?: string;
  [member: string]: unknown;
}

/** Wire parameters. An array is sent as repeated parameters; `undefined` is not sent. */
export type RequestParameters = Record<string, string | readonly string[] | undefined>;
