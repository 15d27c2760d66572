import { attempt, type AuthorizationServer, type OAuthError } from '@oa/types';
import { mayAskAgain } from './ask-again.ts';
import type { Session } from './session.ts';

/** What a server answers at an address that it no longer uses (RFC 9110 sections 15.5.5, 15.5.6 and 15.5.11). */
const GONE_STATUSES: ReadonlySet<number | undefined> = new Set([404, 405, 410]);

/**
 * Runs `work` with the metadata of the server. If an endpoint is gone, the metadata is read anew, and `work` runs once more where it has
 * changed. `work` must be repeatable.
 */
export async function withServer<T>(session: Session, work: (server: AuthorizationServer) => Promise<T>): Promise<T> {
  const server = await session.server();
  const result = await attempt(work(server));
  if (result.ok) return result.value;
  if (!isEndpointGone(result.error) || !mayAskAgain(session.context, session.issuer)) throw result.error;
  const reread = await attempt(session.server({ fresh: true }));
  if (!reread.ok || JSON.stringify(reread.value) === JSON.stringify(server)) throw result.error;
  return work(reread.value);
}

function isEndpointGone({ status, error }: OAuthError): boolean {
  return GONE_STATUSES.has(status) && error === undefined;
}
