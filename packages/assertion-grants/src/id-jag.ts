import type { TokenEndpointOptions } from '@oa/token-endpoint';
import {
  isOAuthError,
  OAuthError,
  type AssertionRequest,
  type AssertionSource,
  type AuthorizationServer,
  type Client,
} from '@oa/types';
import { assertClient, toErrorText } from '@oa/types/rfc';
import { exchangeToken } from './exchange-token.ts';
import { assertAssertion } from './obtain-assertion.ts';
import { assertOtherParameters } from './request-by-assertions.ts';

const ID_JAG_TYPE = 'urn:ietf:params:oauth:token-type:id-jag';
const ID_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:id_token';
/** What {@link idJag} sets itself, or what has no place in its request. */
const RESERVED_ID_JAG_PARAMETERS = [
  'assertion',
  'audience',
  'requested_token_type',
  'subject_token',
  'actor_token',
  'actor_token_type',
];
/** The provider wants to see the user (OpenID Connect Core section 3.1.2.6, RFC 9470). */
const LOGIN_CODES: ReadonlySet<string | undefined> = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
  'insufficient_user_authentication',
]);

/** What {@link idJag} asks an identity provider for. Further members are sent as parameters. */
export interface IdJagRequest {
  /** The metadata of the identity provider, where the user is logged in. */
  idp: AuthorizationServer;
  /** The client, as the provider knows it. It may have another `client_id` at the server of the resource. */
  client: Client;
  /**
   * What proves that the user is logged in: an ID token, a refresh token or a SAML 2 assertion, or a function that resolves with one. It is
   * called for each request, with the issuer of the provider as its `audience`. {@link keptIdToken} makes one of a session.
   */
  subject: string | ((request: AssertionRequest) => Promise<unknown>);
  /**
   * The identifier of the type of `subject`. `urn:ietf:params:oauth:token-type:refresh_token` and `urn:ietf:params:oauth:token-type:saml2`
   * are the others.
   *
   * @default urn:ietf:params:oauth:token-type:id_token
   */
  subject_token_type?: string | undefined;
  /** The resource of the token that the assertion is for, as the resource publishes it. */
  resource?: string | readonly string[] | undefined;
  /** Scopes of the server of the resource, separated by spaces. */
  scope?: string | undefined;
  [parameter: string]: unknown;
}

/**
 * Makes a source of identity assertions for {@link jwtBearer}: cross-app access. The identity provider of a user says to the server of
 * another application who the user is, and that the application may act for the user. So no user is asked there.
 *
 * For each assertion it exchanges the `subject` at the provider. The audience is that of the {@link AssertionRequest}: the issuer of the
 * server that the assertion is for. No assertion is kept, because each is for one request.
 *
 * @param options those of the requests to the provider. The source passes on the signal that it is called with.
 * @returns a source that rejects with an `OAuthError`: `login_required`, which names the provider, if the provider wants the user to log in
 *   again, else the codes of {@link exchangeToken}
 * @throws {TypeError} if `idp`, `client` or `subject` is missing, or if a parameter is reserved
 * @see https://datatracker.ietf.org/doc/draft-ietf-oauth-identity-assertion-authz-grant/
 * @example
 * ```ts
 * const assertion = idJag({ idp, client: { client_id: 'my-id-at-the-provider', client_secret }, subject: idToken });
 * const token = await jwtBearer(server, client, { assertion, scope: 'chat.read' });
 * ```
 */
export function idJag(request: IdJagRequest, options: Omit<TokenEndpointOptions, 'signal'> = {}): AssertionSource {
  const { idp, client, subject, subject_token_type = ID_TOKEN_TYPE, ...parameters } = request;
  if (typeof idp?.token_endpoint !== 'string')
    throw new TypeError('idp must be the metadata of the identity provider, with issuer and token_endpoint.');
  assertClient(client);
  assertAssertion('subject', subject);
  assertOtherParameters(parameters, RESERVED_ID_JAG_PARAMETERS);
  const subject_token = typeof subject === 'string' ? subject : toSubjectSource(subject, idp);
  return async ({ audience, signal }) => {
    const exchanged = { ...parameters, subject_token, subject_token_type, audience, requested_token_type: ID_JAG_TYPE };
    const assertion = await exchangeToken(idp, client, exchanged, { ...options, signal }).catch((error: unknown) => {
      throw isOAuthError(error) ? toProviderError(error, idp) : error;
    });
    if (assertion.token_type === 'N_A') return assertion.access_token;
    throw new OAuthError(
      'invalid_response',
      `${nameOf(idp)} labels its identity assertion as an access token, where token_type must be N_A. It is not used. Report it to the operator of the provider.`,
    );
  };
}

function toSubjectSource(
  subject: (request: AssertionRequest) => Promise<unknown>,
  idp: AuthorizationServer,
): AssertionSource {
  return async (request) => {
    const token = await subject(request);
    if (typeof token === 'string' && token !== '') return token;
    throw new OAuthError(
      'assertion_unavailable',
      `The login at ${nameOf(idp)} has no token that could be exchanged. For an ID token, log in with the scope openid.`,
    );
  };
}

/** A program that talks to two servers must know at which of them its user must log in. */
function toProviderError(error: OAuthError, idp: AuthorizationServer): OAuthError {
  const wantsLogin = error.code === 'oauth_error' && LOGIN_CODES.has(error.error);
  if (error.code !== 'login_required' && !wantsLogin) return error;
  const explanation = `The user must log in again at the identity provider ${nameOf(idp)}, which then issues the identity assertion.`;
  return new OAuthError('login_required', `${explanation} ${error.message}`, error);
}

function nameOf({ issuer }: AuthorizationServer): string {
  return toErrorText(issuer, 200);
}
