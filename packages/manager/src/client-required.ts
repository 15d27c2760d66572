import { OAuthError } from '@oa/types';
import type { Session } from './session.ts';

/** A registration endpoint that is not there: the conventional one is a guess, and some servers name one that they have switched off. */
const NO_REGISTRATION_STATUSES: ReadonlySet<number | undefined> = new Set([404, 405, 410, 501]);
const REFUSING_STATUSES: ReadonlySet<number | undefined> = new Set([401, 403]);

/** Whether an answer of the registration endpoint means that it does not register this program. */
export function isRefusalToRegister({ status }: OAuthError): boolean {
  return NO_REGISTRATION_STATUSES.has(status) || REFUSING_STATUSES.has(status);
}

/**
 * The error where the program has no client at a server, and can't register one.
 *
 * @param refusal what the registration endpoint answered, where there is one
 */
export function clientRequired(session: Session, refusal?: OAuthError): OAuthError {
  const { issuer } = session;
  const isMissing = refusal === undefined || NO_REGISTRATION_STATUSES.has(refusal.status);
  const answer = refusal === undefined ? '' : ` (${toAnswer(refusal)})`;
  const problem = `${issuer} does not register ${isMissing ? 'clients dynamically' : 'this program'}${answer}.`;
  const lastWay = isMissing
    ? 'or use an issuer that supports dynamic registration (RFC 7591)'
    : adviceForToken(session, refusal);
  return new OAuthError(
    'client_required',
    `${problem} There are three ways out: register the program there by hand and pass its client_id; ` +
      `set clientMetadata, if the server supports client metadata documents; ${lastWay}.`,
    refusal,
  );
}

function toAnswer({ error, error_description, status }: OAuthError): string {
  return [`status ${status}`, error, error_description?.replace(/\.$/, '')]
    .filter((each) => each !== undefined && each !== '')
    .join(', ');
}

/** RFC 7591 section 3: a server may register only clients that send an initial access token. */
function adviceForToken({ context, isPinned }: Session, { status }: OAuthError): string {
  if (context.options.initialAccessToken === undefined)
    return 'or set initialAccessToken, if the server operator gives one out';
  if (!isPinned)
    return 'or pass { resource, issuer } as the target: initialAccessToken is not sent to an issuer that only a resource names';
  return `or ask the server operator for another initialAccessToken: the server refused this one with status ${status}`;
}
