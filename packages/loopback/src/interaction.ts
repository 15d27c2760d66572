import { OAuthError } from '@oa/types';
import { toErrorText } from '@oa/types/rfc';
import { hasTerminal, isCi, readEnvironment } from './environment.ts';
import type { LoginOptions } from './options.ts';

/** The options that decide whether a login may ask the user. */
type InteractionOptions = Pick<LoginOptions, 'interaction' | 'openBrowser' | 'paste'>;

/** The longest value of `CI` that is shown. */
const MAX_VALUE_CHARACTERS = 20;

/**
 * Whether {@link login} with these options can ask the user to log in. Without a user it rejects with `login_required`.
 *
 * @returns `true` if `interaction` is `always`, or if it is `auto` and stdin or stderr is a terminal and `CI` is not set, or
 *   `openBrowser` is a function, or `paste` are streams
 */
export function isInteractive(options: InteractionOptions = {}): boolean {
  return reasonNotInteractive(options) === undefined;
}

/**
 * Why {@link login} with these options can't ask the user, and the way out, for the text of an error.
 *
 * @returns one or two sentences, `undefined` if it can ask the user
 */
export function reasonNotInteractive(options: InteractionOptions = {}): string | undefined {
  const { interaction = 'auto', openBrowser, paste } = options;
  if (interaction === 'always') return undefined;
  if (interaction === 'never') return "No user can be asked, because the option interaction is 'never'.";
  if (typeof openBrowser === 'function' || typeof paste === 'object') return undefined;
  const { env } = readEnvironment();
  if (!hasTerminal()) return 'No user can be asked, because neither stdin nor stderr is a terminal.';
  if (!isCi(env)) return undefined;
  const value = toErrorText(env['CI'] ?? '', MAX_VALUE_CHARACTERS);
  return `No user can be asked, because the environment variable CI is set (CI=${value}). If you are at this terminal, unset CI, or set CI=false.`;
}

/**
 * Rejects a login that can't ask the user.
 *
 * @throws {OAuthError} `login_required`
 */
export function assertInteractive(options: LoginOptions): void {
  const reason = reasonNotInteractive(options);
  if (reason === undefined) return;
  throw new OAuthError('login_required', `A login is required. ${reason} Log in from a terminal first.`);
}
