import type { OAuthEvent } from '@oa/types';

/** What a person without another user interface is told, for the events of a login. */
export function textFor(event: OAuthEvent): string | undefined {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the other events are not for a person
  switch (event.type) {
    case 'login_waiting':
      return `To log in, open this URL in your browser (it waits for ${duration(event.expires_in)}):\n\n${event.url}\n\n${
        event.paste ? 'If it ends on a page that does not load, paste its address here and press Enter.\n' : ''
      }`;
    case 'browser_unavailable':
      return `${event.hint}\n`;
    case 'callback_ignored':
      // 1, 10, 100, ...: a flood must not bury the URL.
      return /^10*$/.test(String(event.count))
        ? `Ignored ${event.count} request${event.count === 1 ? '' : 's'} that did not belong to this login.\n`
        : undefined;
    case 'pasted_ignored':
      return event.code === 'state_mismatch'
        ? 'That address belongs to another login. Paste the one that this login ended on.\n'
        : 'That is not the address that this login ends on. Paste all of it, from the browser’s address bar.\n';
    default:
      return undefined;
  }
}

function duration(seconds: number): string {
  return seconds < 120 ? `${Math.round(seconds)} seconds` : `${Math.round(seconds / 60)} minutes`;
}
