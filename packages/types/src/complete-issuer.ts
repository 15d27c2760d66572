import { OAuthError } from './oauth-error.ts';
import { findPlaceholder, toErrorText } from './rfc.ts';

const MAX_SHOWN_ISSUER_CHARACTERS = 200;

/**
 * Refuses an issuer with a placeholder, such as `https://as.example/{tenant}`, before a request is sent.
 *
 * @throws {OAuthError} `metadata_not_found`
 */
export function assertCompleteIssuer(issuer: string): void {
  const placeholder = findPlaceholder(issuer);
  if (placeholder === undefined) return;
  const shown = issuer.replace(/\/\/[^/@]*@/, '//').replace(/[?#][^]*$/, '');
  throw new OAuthError(
    'metadata_not_found',
    `The issuer "${toErrorText(shown, MAX_SHOWN_ISSUER_CHARACTERS)}" has the placeholder ${toErrorText(placeholder, MAX_SHOWN_ISSUER_CHARACTERS)}. ` +
      'Put the value of your own account in its place, such as the identifier of your tenant, realm or domain. No request was sent.',
  );
}
