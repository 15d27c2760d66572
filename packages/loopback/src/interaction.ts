import { OAuthError } from '@oa/types';
import { hasTerminal, readEnvironment } from './environment.ts';
import type { LoginOptions } from './options.ts';

/**
 * Whether {@link login} with these options can ask the user to log in. Without a user it rejects with `login_required`.
 *
 * @returns `true` if `interaction` is `always`, or if it is `auto` and stdin or stderr is a terminal and `CI` is not set, or
 *   `openBrowser` is a function, or `paste` are streams
 */
export function isInteractive(options: Pick<LoginOptions, 'interaction' | 'openBrowser' | 'paste'> = {}): boolean {
  const { interaction = 'auto', openBrowser, paste } = options;
  if (interaction !== 'auto') return interaction === 'always';
  return typeof openBrowser === 'function' || typeof paste === 'object' || hasTerminal(readEnvironment());
}

/**
 * Rejects a login that can't ask the user.
 *
 * @throws {OAuthError} `login_required`
 */
export function assertInteractive(options: LoginOptions): void {
  if (isInteractive(options)) return;
  throw new OAuthError(
    'login_required',
    options.interaction === 'never'
      ? 'A login is required, but the option interaction is "never". Log in from a terminal first.'
      : 'A login is required, but there is no terminal, or CI is set. Log in from a terminal first.',
  );
}
