import { isObject, parseJson } from '@oa/mechanisms';
import type { AssertionSource } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { assertOptionalText, assertWaitingTime, audienceOf } from './arguments.ts';
import { readPlatformVariable } from './environment.ts';
import {
  isBusyStatus,
  isMetadataHost,
  METADATA_HOST,
  requestMetadata,
  unsafeAddress,
  type MetadataAnswer,
  type MetadataRequest,
} from './metadata-request.ts';
import { noAssertion, readyAssertion } from './ready-assertion.ts';

const AZURE_ONLY_CURE =
  'On Azure, try again. Elsewhere there is none: use the source of the platform that the program runs on.';
const IDENTITY_CURE =
  'Assign a managed identity to the machine or the app. For one that is assigned by a user, pass `client_id`. Check that the audience is an application of this tenant.';
const MAX_REASON_CHARACTERS = 300;
const TOKEN_WORD_PATTERN = /[\w~+/=.-]{40,}/g;
/** App Service on Linux has its endpoint at a link-local address, which no router passes on (RFC 3927 section 7). */
const LINK_LOCAL_PATTERN = /^169\.254\.\d{1,3}\.\d{1,3}$/;

/**
 * Makes a source that asks Azure for a token of the managed identity: on a virtual machine at 169.254.169.254 (IMDS), in App Service,
 * Functions and Container Apps at `IDENTITY_ENDPOINT`. Both are asked over plain http, since they are on the same machine or link.
 *
 * @param options `audience`: the resource that the token is for, by default the audience of the request; `client_id`: the identity, where a
 *   user assigned one or more; `timeout`: milliseconds for the whole exchange, by default 30,000, of which at most 2,000 for the connection;
 *   `now`: the clock, in milliseconds since the epoch, by default `Date.now`
 * @throws {TypeError} if `options.audience` or `options.client_id` is not a non-empty string, or `options.timeout` is wrong
 * @see https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token
 * @see https://learn.microsoft.com/en-us/azure/app-service/overview-managed-identity#rest-endpoint-reference
 * @example
 * const source = azureManagedIdentity({ audience: 'api://AzureADTokenExchange' });
 */
export function azureManagedIdentity(
  options: {
    audience?: string | undefined;
    client_id?: string | undefined;
    timeout?: number | undefined;
    now?: (() => number) | undefined;
  } = {},
): AssertionSource {
  const { audience, client_id, timeout, now = Date.now } = options;
  assertOptionalText(audience, 'options.audience');
  assertWaitingTime(timeout);
  assertOptionalText(client_id, 'options.client_id');
  return async (request) => {
    const { signal } = request;
    signal?.throwIfAborted();
    const asked = appServiceRequest() ?? machineRequest();
    asked.url.searchParams.set('resource', audienceOf(request, audience));
    if (client_id !== undefined) asked.url.searchParams.set('client_id', client_id);
    const answer = await requestMetadata(asked, { signal, timeout });
    const origin = { name: 'The token of the managed identity', cure: 'Try again.', renews: true };
    return readyAssertion(readAccessToken(answer, asked), origin, now);
  };
}

/** `undefined` outside of App Service, Functions and Container Apps. */
function appServiceRequest(): MetadataRequest | undefined {
  const endpoint = readPlatformVariable('IDENTITY_ENDPOINT');
  const secret = readPlatformVariable('IDENTITY_HEADER');
  if (endpoint === undefined || secret === undefined) return undefined;
  return {
    url: plainUrl('IDENTITY_ENDPOINT', endpoint, '2019-08-01'),
    headers: { 'x-identity-header': secret },
    service: 'The identity endpoint of the Azure app',
    absentCure: 'Try again, or check IDENTITY_ENDPOINT.',
  };
}

function machineRequest(): MetadataRequest {
  const variable = 'AZURE_POD_IDENTITY_AUTHORITY_HOST';
  const origin = readPlatformVariable(variable) ?? `http://${METADATA_HOST}`;
  return {
    url: plainUrl(variable, `${origin.replace(/\/$/, '')}/metadata/identity/oauth2/token`, '2018-02-01'),
    headers: { metadata: 'true' },
    service: 'The Azure Instance Metadata Service',
    absentCure: AZURE_ONLY_CURE,
  };
}

function plainUrl(variable: string, text: string, version: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && (isMetadataHost(url.hostname) || LINK_LOCAL_PATTERN.test(url.hostname));
  if (!isLocal || url.protocol !== 'http:' || url.username !== '' || url.password !== '')
    throw unsafeAddress(variable, 'an http URL of a loopback host or of a link-local address (169.254.0.0/16)');
  url.searchParams.set('api-version', version);
  return url;
}

function readAccessToken({ status, text }: MetadataAnswer, { service, headers, absentCure }: MetadataRequest): string {
  const json = parseJson(text);
  const body = isObject(json) ? json : {};
  if (status === 200) {
    if (typeof body['access_token'] === 'string') return body['access_token'];
    throw noAssertion(`${service} answered without a token. ${absentCure}`);
  }
  // 404 and 410: the service starts or is updated, says its documentation.
  const retryable = isBusyStatus(status) || status === 404 || status === 410;
  const reason = reasonIn(body, headers);
  throw noAssertion(
    `${service} answered with the status ${status}${reason}. ${retryable ? 'Try again. ' : ''}${IDENTITY_CURE}`,
    {
      status,
      retryable,
    },
  );
}

/** What the service says, such as that there is no identity. It could repeat the secret of the request. */
function reasonIn(body: Record<string, unknown>, headers: Record<string, string>): string {
  const text = [body['error_description'], body['message'], body['error']].find((each) => typeof each === 'string');
  if (typeof text !== 'string') return '';
  const secrets = Object.values(headers).filter(({ length }) => length > 8);
  const safe = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return `: ${toErrorText(safe.replace(TOKEN_WORD_PATTERN, '***'), MAX_REASON_CHARACTERS).replace(/\.$/, '')}`;
}
