import { startDeadline } from '@oa/mechanisms';
import { requestToken, type TokenEndpointOptions } from '@oa/token-endpoint';
import {
  isOAuthError,
  OAuthError,
  type AuthorizationServer,
  type Client,
  type RequestParameters,
  type Token,
} from '@oa/types';
import { assertRequestParameters } from '@oa/types/rfc';
import {
  obtainAssertion,
  obtainOtherAssertion,
  type AssertionContext,
  type AssertionParameter,
} from './obtain-assertion.ts';
import { toRequestClient } from './without-client.ts';

/** The parameters of other grants and of the client. Such a parameter is a mistake, or an attack. */
const OTHER_GRANT_PARAMETERS = [
  'grant_type',
  'code',
  'code_verifier',
  'redirect_uri',
  'refresh_token',
  'username',
  'password',
];

/**
 * Refuses parameters that a grant must not have, before a source is asked.
 *
 * @throws {TypeError} that names the parameter
 */
export function assertOtherParameters(
  parameters: Record<string, unknown>,
  reserved: readonly string[] = [],
): asserts parameters is RequestParameters {
  assertRequestParameters(parameters as RequestParameters, [...OTHER_GRANT_PARAMETERS, ...reserved]);
}

/** A grant whose parameters include assertions. */
export interface AssertionGrant {
  /** All parameters but the assertions. */
  parameters: RequestParameters;
  assertions: readonly AssertionParameter[];
  /** Whether the error of the server is about one of the assertions. */
  isRefusal: (error: OAuthError) => boolean;
  /** What to do about a refusal, as a sentence. */
  advice: string;
}

/** The assertions of a request, by the names of their parameters. */
type SentAssertions = Record<string, string>;

/**
 * Requests a token with assertions. Where the server refuses them, the request is sent once more if a source has another one.
 *
 * @returns the token, and the assertions that it was issued for
 * @throws {OAuthError} `assertion_unavailable`, or an error of `requestToken`
 * @throws the error of a source
 */
export async function requestByAssertions(
  server: AuthorizationServer,
  given: Client | undefined,
  grant: AssertionGrant,
  options: TokenEndpointOptions,
): Promise<{ token: Token; sent: SentAssertions }> {
  const { client, authentication } = toRequestClient(given, options.authentication);
  const { signal, now = Date.now } = options;
  const remainingMs = startDeadline(options.timeout);
  const context = { audience: server.issuer, signal, remainingMs, now };
  const send = async (sent: SentAssertions): Promise<{ token: Token; sent: SentAssertions }> => {
    const parameters = { ...grant.parameters, ...sent };
    const timeout = remainingMs();
    try {
      return { token: await requestToken(server, client, parameters, { ...options, authentication, timeout }), sent };
    } catch (error) {
      throw isRefused(error, grant) ? new OAuthError(error.code, `${error.message} ${grant.advice}`, error) : error;
    }
  };
  const first = await obtainAll(grant, context);
  try {
    return await send(first);
  } catch (error) {
    if (!isRefused(error, grant)) throw error;
    const other = await obtainOthers(grant, context, first, error);
    if (other === undefined) throw error;
    const { code, status } = error;
    const url = server.token_endpoint.replace(/[?#].*/s, '');
    options.onEvent?.({ type: 'retry', url, attempt: 1, delay: 0, code, status });
    return send(other);
  }
}

function isRefused(error: unknown, { isRefusal }: AssertionGrant): error is OAuthError {
  return isOAuthError(error) && isRefusal(error);
}

async function obtainAll({ assertions }: AssertionGrant, context: AssertionContext): Promise<SentAssertions> {
  const sent: SentAssertions = {};
  for (const parameter of assertions) sent[parameter.name] = await obtainAssertion(parameter, context);
  return sent;
}

/** A refusal does not say which assertion it is about, so each source is asked. */
async function obtainOthers(
  { assertions }: AssertionGrant,
  context: AssertionContext,
  refused: SentAssertions,
  refusal: OAuthError,
): Promise<SentAssertions | undefined> {
  const others: SentAssertions = {};
  for (const parameter of assertions) {
    const { name } = parameter;
    const other = await obtainOtherAssertion(parameter, context, refused[name] ?? '').catch((error: unknown) => {
      // The source knows best what to do, and the refusal is why it was asked.
      throw isOAuthError(error) ? new OAuthError(error.code, `${error.message} ${refusal.message}`, error) : error;
    });
    if (other !== undefined) others[name] = other;
  }
  return Object.keys(others).length === 0 ? undefined : { ...refused, ...others };
}
