import type { OAuthError } from '@oa/types';

/**
 * How a request of a browser ended. `expired`: the callback belongs to a login that does not wait any more. `refused`: the browser belongs
 * to another user of the machine. `unverified`: an answer without `state`. `too_large`: the headers can't be read.
 */
export type LoginOutcome =
  | { type: 'success' | 'expired' | 'refused' | 'unverified' | 'too_large' }
  | { type: 'failed'; error: OAuthError };

/** The names that a page shows. */
export interface LoginNames {
  /** The program that waits for the login. */
  program: string;
  /** The host of the authorization server. */
  server: string;
}

/** What a page of the login says. The texts are plain: a page in HTML must escape them. */
export interface LoginPageContent extends LoginNames {
  /** `denied`: the user or the server denied the login. The other failures are `failed`. */
  type: LoginOutcome['type'] | 'denied';
  title: string;
  /** The sentences for the user, in English. */
  paragraphs: string[];
  /** The error code of the server, if it sent one. */
  error?: string | undefined;
}

/** The longest name of a program that a page shows. */
const MAX_NAME_CHARACTERS = 100;

/** Returns the names to show. A server may have chosen `client_name`, so control and format characters are removed. */
export function toLoginNames(program: unknown, issuer: string): LoginNames {
  const name = typeof program === 'string' ? program.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '').trim() : '';
  return {
    program: name.slice(0, MAX_NAME_CHARACTERS) || 'the program',
    server: URL.canParse(issuer) ? new URL(issuer).host : 'the server',
  };
}

/** Returns what the page for an outcome says. `canPaste`: whether the program reads what the user pastes. */
export function toPageContent(outcome: LoginOutcome, names: LoginNames, canPaste: boolean): LoginPageContent {
  if (outcome.type === 'failed') return { ...names, ...toFailureContent(outcome.error, names) };
  return { ...names, type: outcome.type, ...PAGE_TEXTS[outcome.type](names, canPaste) };
}

const PAGE_TEXTS: Record<
  Exclude<LoginOutcome['type'], 'failed'>,
  (names: LoginNames, canPaste: boolean) => Pick<LoginPageContent, 'title' | 'paragraphs'>
> = {
  success: ({ program, server }) => ({
    title: 'Login received',
    paragraphs: [`Your login at ${server} has arrived.`, `You can close this page and go back to ${program}.`],
  }),
  expired: ({ program }) => ({
    title: 'This login has expired',
    paragraphs: [
      'This page belongs to a login that has ended.',
      `Go back to ${program}. If it waits for a login, use the page that it has opened last. Otherwise log in again.`,
    ],
  }),
  refused: ({ program }, canPaste) => ({
    title: 'This login belongs to another user',
    paragraphs: [
      `The login was started by another user of this machine, so ${program} did not accept your browser. If you started it, open it in a browser of that user${canPaste ? `, or paste the address of this page into ${program}` : ''}.`,
    ],
  }),
  unverified: ({ program }) => ({
    title: 'This answer can not be verified',
    paragraphs: [
      `It does not say which login it belongs to, so ${program} did not accept it.`,
      `Go back to ${program}. It still waits for your login.`,
    ],
  }),
  too_large: ({ program }, canPaste) => ({
    title: 'Your browser sent too many cookies',
    paragraphs: [
      `The cookies of all programs on this machine come with each request, and they are too large for ${program}.`,
      `${canPaste ? `Paste the address of this page into ${program}, or delete` : 'Delete'} the cookies of 127.0.0.1 and localhost and load this page again.`,
    ],
  }),
};

function toFailureContent(
  error: OAuthError,
  { program, server }: LoginNames,
): Pick<LoginPageContent, 'type' | 'title' | 'paragraphs' | 'error'> {
  const isDenied = error.error === 'access_denied';
  const back = `You can close this page and go back to ${program}.`;
  const description = error.error_description ? [error.error_description] : [];
  const what = isDenied ? `The login at ${server} was denied.` : `${server} did not complete the login.`;
  return {
    type: isDenied ? 'denied' : 'failed',
    title: isDenied ? 'Login denied' : 'Login failed',
    paragraphs: error.code === 'oauth_error' ? [what, ...description, back] : [error.message, back],
    error: error.error,
  };
}
