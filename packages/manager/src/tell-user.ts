import type { OAuthEvent } from '@oa/types';
import { needsUser } from './credentials.ts';
import type { Session } from './session.ts';

/** Shows an event to the user of a login, as the login itself shows its events. A program without a user has the event only. */
export async function tellUser({ context, grant_type }: Session, event: OAuthEvent): Promise<void> {
  if (!needsUser(grant_type)) return;
  const { printEvent } = await import('@oa/loopback');
  printEvent(event, { print: context.options.login?.print });
}
