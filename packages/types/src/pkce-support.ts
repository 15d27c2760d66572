import type { AuthorizationServer } from './metadata.ts';
import { OAuthError } from './oauth-error.ts';
import { toErrorText } from './rfc.ts';

const MAX_SHOWN_METHODS_CHARACTERS = 200;

/**
 * Refuses a server that does not support PKCE with S256, before a user is sent there. A server that lists other methods only is always
 * refused: it would ignore the challenge, and a stolen code could be used.
 *
 * @param options `requirePkce` also refuses a server that lists no methods. Many of those support S256 all the same.
 * @throws {OAuthError} `pkce_unsupported`
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-2
 * @see https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1
 */
export function assertPkceSupported(
  { issuer, code_challenge_methods_supported: listed }: AuthorizationServer,
  options: { requirePkce?: boolean | undefined } = {},
): void {
  const { requirePkce = false } = options;
  // Metadata of the caller may have null, or a text in place of the list.
  const methods = [listed ?? []].flat();
  if (methods.includes('S256') || (methods.length === 0 && !requirePkce)) return;
  const what =
    methods.length === 0
      ? 'lists no PKCE methods (code_challenge_methods_supported), and the option requirePkce is set'
      : `lists only other PKCE methods than S256: ${methods.join(', ')}`;
  throw new OAuthError(
    'pkce_unsupported',
    `${toErrorText(issuer, MAX_SHOWN_METHODS_CHARACTERS)} ${toErrorText(what, MAX_SHOWN_METHODS_CHARACTERS)}. No login was started, because a stolen code could be used there. Ask the server operator to support S256 and to publish it.`,
  );
}
