import type { AssertionSource } from '@oa/types';
import { assertOptionalText, assertWaitingTime, audienceOf } from './arguments.ts';
import { readPlatformVariable } from './environment.ts';
import {
  isBusyStatus,
  isMetadataHost,
  METADATA_HOST,
  requestMetadata,
  unsafeAddress,
  type MetadataAnswer,
} from './metadata-request.ts';
import { noAssertion, readyAssertion } from './ready-assertion.ts';

const SERVICE = 'The metadata server of Google Cloud';
const GOOGLE_ONLY_CURE =
  'On Google Cloud, try again. Elsewhere there is none: use the source of the platform that the program runs on.';
const ACCOUNT_CURE =
  'Attach a service account to the instance or the service. In GKE, turn on Workload Identity Federation for the node pool.';
/** With the e-mail address of the service account and the instance in it. */
const PATH = '/computeMetadata/v1/instance/service-accounts/default/identity?format=full&audience=';

/**
 * Makes a source that asks the metadata server of Google Cloud for an ID token of the attached service account: Compute Engine, GKE, Cloud
 * Run, Cloud Functions and App Engine. It is asked over plain http, since it is on the same machine: at 169.254.169.254, or where
 * `GCE_METADATA_HOST` says.
 *
 * @param options `audience`: that of the token, by default that of the request; `timeout`: milliseconds for the whole exchange, by default
 *   30,000, of which at most 2,000 for the connection; `now`: the clock, in milliseconds since the epoch, by default `Date.now`
 * @throws {TypeError} if `options.audience` is not a non-empty string, or `options.timeout` is wrong
 * @see https://docs.cloud.google.com/compute/docs/instances/verifying-instance-identity
 * @example
 * const source = gcpMetadata();
 * const assertion = await source({ audience: 'https://as.example' });
 */
export function gcpMetadata(
  options: {
    audience?: string | undefined;
    timeout?: number | undefined;
    now?: (() => number) | undefined;
  } = {},
): AssertionSource {
  const { audience, timeout, now = Date.now } = options;
  assertOptionalText(audience, 'options.audience');
  assertWaitingTime(timeout);
  return async (request) => {
    const { signal } = request;
    signal?.throwIfAborted();
    const url = new URL(`${PATH}${encodeURIComponent(audienceOf(request, audience))}`, metadataOrigin());
    const headers = { 'metadata-flavor': 'Google' };
    const asked = { url, headers, service: SERVICE, absentCure: GOOGLE_ONLY_CURE };
    const answer = await requestMetadata(asked, { signal, timeout });
    const origin = { name: `The ID token of ${lowerService()}`, cure: 'Try again.', renews: true };
    return readyAssertion(readIdentity(answer), origin, now);
  };
}

function lowerService(): string {
  return SERVICE.replace('The', 'the');
}

/** The scheme is plain http always. The variable has a host, and a port where that is not 80. */
function metadataOrigin(): string {
  const host = readPlatformVariable('GCE_METADATA_HOST');
  if (host === undefined) return `http://${METADATA_HOST}`;
  const origin = `http://${host.replace(/^http:\/\//, '').replace(/\/$/, '')}`;
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  const isKnown =
    url !== undefined && (isMetadataHost(url.hostname) || /^metadata\.google\.internal\.?$/.test(url.hostname));
  if (!isKnown || url.username !== '' || url.password !== '' || url.pathname !== '/')
    throw unsafeAddress('GCE_METADATA_HOST', `metadata.google.internal, ${METADATA_HOST} or a loopback host`);
  return origin;
}

function readIdentity({ status, headers, text }: MetadataAnswer): string {
  // A network can answer for an address that it does not know.
  if (headers['metadata-flavor'] !== 'Google')
    throw noAssertion(`Something other than ${lowerService()} answered with the status ${status}. ${GOOGLE_ONLY_CURE}`);
  if (status === 200) return text;
  throw noAssertion(
    `${SERVICE} answered with the status ${status}. ${isBusyStatus(status) ? 'Try again.' : ACCOUNT_CURE}`,
    {
      status,
      retryable: isBusyStatus(status),
    },
  );
}
