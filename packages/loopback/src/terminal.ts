import type { OAuthEvent } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { hasHyperlinks, toHyperlink } from './hyperlink.ts';
import type { LoginOptions } from './options.ts';

/** The longest resource that is shown. */
const MAX_RESOURCE_CHARACTERS = 200;
/** Names of units, with their seconds. A duration of fewer than two is told in the next smaller unit. */
const DURATION_UNITS = [
  ['days', 86_400],
  ['hours', 3600],
  ['minutes', 60],
] as const;

/**
 * Shows the text of an event to the user, as {@link login} does. Most events have none.
 *
 * @param options with a `print`, it receives the text. Otherwise stderr does.
 *
 * @example
 * ```ts
 * printEvent({ type: 'login_elsewhere', issuer: 'https://as.example' });
 * ```
 */
export function printEvent(event: OAuthEvent, options: Pick<LoginOptions, 'print'> = {}): void {
  const { print } = options;
  const text = toTerminalText(event);
  if (text === undefined) return;
  if (print !== undefined) print(text);
  else process.stderr.write(withHyperlink(text, event));
}

/** Makes the URL of a login a hyperlink where the terminal shows one. */
export function withHyperlink(text: string, event: OAuthEvent): string {
  const isLink = event.type === 'login_waiting' && process.stderr.isTTY && hasHyperlinks(process.env);
  return isLink ? toHyperlink(text, event.url) : text;
}

/** The text that the terminal shows for an event of a login, `undefined` if it shows none. */
export function toTerminalText(event: OAuthEvent): string | undefined {
  // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the other events have no text for the user
  switch (event.type) {
    case 'login_waiting':
      return `To log in${toPurposeText(event)}, open this URL in your browser (the login expires in ${toDurationText(event.expires_in)}):\n\n${event.url}\n\n${toGuessText(
        event.guessed_after,
      )}${
        event.paste ? 'If the browser ends on a page that does not load, paste its address here and press Enter.\n' : ''
      }`;
    case 'browser_unavailable':
      return `${event.hint}\n`;
    case 'callback_ignored':
      if (event.reason === 'routine') return undefined;
      if (event.unverified !== undefined)
        return `An answer arrived that can not be verified, because it has no state. It may come from any program, so the login goes on. It says: ${event.unverified}\n`;
      if (event.reason === 'headers')
        return `The browser sent too many cookies. Delete the cookies of 127.0.0.1 and localhost in the browser, and load the page again${event.paste === true ? ', or paste its address here' : ''}.\n`;
      // Only at 1, 10, 100, ...: many such requests must not scroll the URL away.
      return /^10*$/.test(String(event.count))
        ? `Ignored ${event.count} request${event.count === 1 ? '' : 's'} that did not belong to this login.\n`
        : undefined;
    case 'code_exchanged':
      return `Logged in${toHostText(event.issuer)}.\n`;
    case 'refresh_token_missing':
      return `${toServerText(event.issuer)} gave no refresh token, although offline_access was asked for: you must log in again when the token expires${
        event.expires_in === undefined ? '' : ` (in ${toDurationText(event.expires_in)})`
      }.\n`;
    case 'login_elsewhere':
      return `Another program of yours is logging in${toHostText(event.issuer)}. This one waits for it: finish that login, or end that program.\n`;
    case 'persist_failed':
      return `This login can't be stored, so you must log in again at the next run. ${toPlainText(event.message)}\n`;
    case 'store_unavailable':
      return `The stored logins can't be used, so you may have to log in at every run. ${toPlainText(event.message)}\n`;
    case 'port_waiting':
      return `Another login uses port ${event.port}. This one waits for it: complete that login, or end its program.\n`;
    case 'pasted_ignored':
      if (event.unverified !== undefined)
        return `That address has no state, so it can not be verified. It says: ${event.unverified}\nPaste the whole address from the address bar of the browser.\n`;
      return event.code === 'state_mismatch'
        ? 'That address belongs to another login. Paste the address that this login ended on.\n'
        : 'That is not the address that this login ends on. Paste the whole address from the address bar of the browser.\n';
    default:
      return undefined;
  }
}

/** An address that is only guessed may end on a page that does not exist. */
function toGuessText(asked: readonly string[] | undefined): string {
  if (asked === undefined) return '';
  const urls = asked.map((url) => toErrorText(url, MAX_RESOURCE_CHARACTERS)).join(', ');
  return `This address is guessed: there is no metadata at ${urls}. If the page does not exist, check whether the issuer is complete (realm, tenant).\n`;
}

/** Where the user logs in, and for what: the URL itself is long, and a resource may have chosen the issuer. */
function toPurposeText({
  issuer,
  resource = [],
}: {
  issuer: string;
  resource?: readonly string[] | undefined;
}): string {
  const resources = resource.map(toResourceText).join(' and ');
  return `${toHostText(issuer)}${resources === '' ? '' : ` for ${resources}`}`;
}

function toHostText(issuer: string): string {
  return URL.canParse(issuer) ? ` at ${new URL(issuer).host}` : '';
}

function toServerText(issuer: string): string {
  return URL.canParse(issuer) ? new URL(issuer).host : 'The server';
}

/** The error may be of a store of the program: a terminal would obey control characters. */
function toPlainText(message: string): string {
  return message.replace(/\p{C}/gu, '');
}

/** A URL has its host first if it has no user name. The parser writes the host in ASCII, where no letter looks like another one. */
function toResourceText(resource: string): string {
  const url = new URL(resource);
  url.username = '';
  url.password = '';
  return url.href.replace(/[^\x21-\x7e]/g, '').slice(0, MAX_RESOURCE_CHARACTERS);
}

function toDurationText(seconds: number): string {
  const [unit, size] = DURATION_UNITS.find(([, each]) => seconds >= 2 * each) ?? ['seconds', 1];
  return `${Math.round(seconds / size)} ${unit}`;
}
