import { createLoader } from '@oa/mechanisms';
import { OAuthError } from '@oa/types';
import type { PreparedRequest } from './ky.ts';

/** What explains failures by sockets, certificates and proxies. */
const loadExplanations = createLoader(() => import('./failure.ts'));

/**
 * Converts what `fetch` or a body stream threw. Only error codes and fixed texts are read, because messages and causes of HTTP clients
 * contain URLs, headers and bodies. `sent` is `false` only where the failure came before the request left this machine.
 */
export async function toNetworkError(thrown: unknown, request: PreparedRequest, url: URL): Promise<OAuthError> {
  const explanations = await explanationsOfPlatform();
  if (explanations !== undefined) return explanations.explainFailure(thrown, request, url);
  const message = `No answer from ${request.name}. The connection failed or broke. Check the address and the network.`;
  return new OAuthError('network_error', message, { retryable: true, sent: true });
}

/**
 * Returns the hint for a request that had no answer in time.
 *
 * @param fetch the function of the caller. It may use a proxy of its own, so there is no hint then.
 */
export async function timeoutHint(url: URL, fetch: PreparedRequest['fetch']): Promise<string> {
  if (fetch !== undefined) return '';
  const explanations = await explanationsOfPlatform();
  return explanations?.explainTimeout(url) ?? '';
}

/**
 * A browser tells no reason for a failure, and has no proxy of an environment. So it loads no explanations, which it could not do while it
 * is offline. A process with too many open files can't load them either.
 */
async function explanationsOfPlatform(): Promise<typeof import('./failure.ts') | undefined> {
  if (globalThis.process === undefined) return undefined;
  return loadExplanations().catch(() => undefined);
}
