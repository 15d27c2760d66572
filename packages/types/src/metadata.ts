/**
 * Authorization server metadata, with every member that the server published.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-2
 */
export interface AuthorizationServer {
  /** An opaque string, as the server publishes it: never rebuilt. */
  issuer: string;
  token_endpoint: string;
  authorization_endpoint?: string;
  registration_endpoint?: string;
  device_authorization_endpoint?: string;
  /**
   * Where the parameters of a login are sent before the browser opens.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9126#section-5
   */
  pushed_authorization_request_endpoint?: string;
  revocation_endpoint?: string;
  introspection_endpoint?: string;
  userinfo_endpoint?: string;
  jwks_uri?: string;
  scopes_supported?: string[];
  response_types_supported?: string[];
  grant_types_supported?: string[];
  code_challenge_methods_supported?: string[];
  token_endpoint_auth_methods_supported?: string[];
  /** The algorithms of the signatures of clients. */
  token_endpoint_auth_signing_alg_values_supported?: string[];
  revocation_endpoint_auth_methods_supported?: string[];
  revocation_endpoint_auth_signing_alg_values_supported?: string[];
  introspection_endpoint_auth_methods_supported?: string[];
  introspection_endpoint_auth_signing_alg_values_supported?: string[];
  /**
   * The types of {@link AuthorizationDetail} that the server understands.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9396#section-10
   */
  authorization_details_types_supported?: string[];
  /**
   * Whether every authorization response has `iss`. A response without it is then refused.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9207#section-3
   */
  authorization_response_iss_parameter_supported?: boolean;
  /** Whether the server accepts no other logins than those with pushed parameters. */
  require_pushed_authorization_requests?: boolean;
  /**
   * The endpoints for clients that authenticate with a certificate, by the names of the other ones.
   *
   * @see https://www.rfc-editor.org/rfc/rfc8705#section-5
   */
  mtls_endpoint_aliases?: Record<string, string>;
  /**
   * The algorithms of DPoP proofs. A server that lists none may not support DPoP.
   *
   * @see https://www.rfc-editor.org/rfc/rfc9449#section-5.1
   */
  dpop_signing_alg_values_supported?: string[];
  /** Whether the URL of a client metadata document can be used as `client_id`. */
  client_id_metadata_document_supported?: boolean;
  /**
   * Set if the endpoints are guessed, because the server publishes no metadata: the metadata addresses that were asked before. It is not a
   * member of the metadata that servers publish.
   */
  guessed_after?: readonly string[];
  [member: string]: unknown;
}

/**
 * Protected resource metadata, with every member that the resource published.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9728#section-2
 */
export interface ProtectedResource {
  /** An opaque string: sent on unchanged as the parameter `resource` (RFC 8707). */
  resource: string;
  authorization_servers?: string[];
  scopes_supported?: string[];
  bearer_methods_supported?: string[];
  [member: string]: unknown;
}

/**
 * A client as one authorization server has registered it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
 */
export interface Client {
  client_id: string;
  client_secret?: string;
  /** Seconds since the epoch. 0 means that the secret never expires. */
  client_secret_expires_at?: number;
  /** Seconds since the epoch. */
  client_id_issued_at?: number;
  registration_access_token?: string;
  registration_client_uri?: string;
  redirect_uris?: string[];
  grant_types?: string[];
  response_types?: string[];
  token_endpoint_auth_method?: string;
  /** Scopes separated by spaces. */
  scope?: string;
  [member: string]: unknown;
}

/** The parameters of a request to an OAuth endpoint. An array is sent as repeated parameters. `undefined` is not sent. */
export type RequestParameters = Record<string, string | readonly string[] | undefined>;
