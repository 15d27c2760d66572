import { OAuthError } from '@oa/types';
import { expect, it } from 'vitest';
import { renderLoginPage, type LoginOutcome } from '../src/page.ts';

const denied = new OAuthError('oauth_error', 'Denied by <b>"you"</b> & others.', { error: 'access_denied' });
const failed = new OAuthError('oauth_error', 'Failed.', { error: 'in<valid>' });
const incomplete = new OAuthError('invalid_callback', 'The code is missing.');

it.each<[string, number, LoginOutcome]>([
  ['Login received', 200, { type: 'success' }],
  ['This login has expired', 400, { type: 'expired' }],
  ['This login belongs to another user', 403, { type: 'refused' }],
  ['Login denied', 400, { type: 'failed', error: denied }],
  ['Login failed', 400, { type: 'failed', error: failed }],
  ['Login failed', 400, { type: 'failed', error: incomplete }],
])('shows the title "%s" with status %i, and speaks to the user', async (title, status, outcome) => {
  const page = await renderLoginPage(outcome);
  expect(page.status).toBe(status);
  expect(page.body).toContain(`<title>${title}</title>`);
  expect(page.body).toContain(`<h1>${title}</h1>`);
  expect(page.body).toMatch(
    /<p>[^<]*(You can close this page and go back to the program|Go back to the program|paste the address of this page)[^<]*<\/p>/,
  );
});

it('escapes the texts of the server', async () => {
  const { body } = await renderLoginPage({ type: 'failed', error: denied });
  expect(body).toContain('<p>Denied by &#60;b&#62;&#34;you&#34;&#60;/b&#62; &#38; others.</p>');
  expect((await renderLoginPage({ type: 'failed', error: failed })).body).toContain('<code>in&#60;valid&#62;</code>');
});

it('shows an error code only if the server sent one', async () => {
  expect((await renderLoginPage({ type: 'failed', error: incomplete })).body).not.toContain('<code>');
});
