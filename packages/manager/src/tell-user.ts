import type { OAuthEvent } from '@oa/types';
import type { Session } from './session.ts';

/** Shows an event to the user of a login, as the login itself shows its events. A program without a user has the event only. */
export async function tellUser({ context, needsUser }: Session, event: OAuthEvent): Promise<void> {
  if (!needsUser) return;
  const { printEvent } = await import('@oa/loopback');
  printEvent(event, { print: context.options.login?.print });
}
