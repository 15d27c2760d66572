import { OAuthError } from '@oa/types';
import type { Session } from './session.ts';

/**
 * The error where the program has no client at a server, and can't register one.
 *
 * @param refusal what the registration endpoint answered, where there is one
 */
export function clientRequired(session: Session, refusal?: OAuthError): OAuthError {
  const { issuer } = session;
  const problem =
    refusal === undefined
      ? `${issuer} does not register clients dynamically.`
      : `${issuer} does not register this program (${toAnswer(refusal)}).`;
  const lastWay =
    refusal === undefined
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
