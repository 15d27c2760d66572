import { OAuthError } from '@oa/types';
import { expect, it } from 'vitest';
import { toLoginNames, type LoginOutcome, type LoginPageContent } from '../src/outcome.ts';
import { createPageRenderer } from '../src/page.ts';

const names = toLoginNames('my-tool', 'https://as.example/realm');
const render = createPageRenderer(names);
const denied = new OAuthError('oauth_error', 'Denied.', {
  error: 'access_denied',
  error_description: 'Denied by <b>you</b> & others',
});
const failed = new OAuthError('oauth_error', 'Failed.', { error: 'in<valid>' });
const incomplete = new OAuthError('invalid_callback', 'The code is missing.');

it.each<[string, number, LoginOutcome]>([
  ['Login received', 200, { type: 'success' }],
  ['This login has expired', 400, { type: 'expired' }],
  ['This login belongs to another user', 403, { type: 'refused' }],
  ['This answer can not be verified', 400, { type: 'unverified' }],
  ['Your browser sent too many cookies', 431, { type: 'too_large' }],
  ['Login denied', 400, { type: 'failed', error: denied }],
  ['Login failed', 400, { type: 'failed', error: failed }],
  ['Login failed', 400, { type: 'failed', error: incomplete }],
])(
  'shows the title "%s" with status %i, and tells the user what to do in the program',
  async (title, status, outcome) => {
    const page = await render(outcome);
    expect(page.status).toBe(status);
    expect(page.body).toContain(`<title>${title}</title>`);
    expect(page.body).toContain(`<h1>${title}</h1>`);
    expect(page.body).toContain('<div role="status">');
    expect(page.body).toMatch(
      /<p>[^<]*(You can close this page and go back to my-tool|Go back to my-tool|[Pp]aste the address of this page into my-tool)[^<]*<\/p>/,
    );
    expect(page.body).not.toMatch(/the program|the person/);
  },
);

it.each(['refused', 'too_large'] as const)('offers no pasting if the program reads nothing (%s)', async (type) => {
  const withoutPaste = createPageRenderer(names, undefined, () => false);
  expect((await withoutPaste({ type })).body).not.toMatch(/paste/i);
  expect((await render({ type })).body).toMatch(/paste the address of this page into my-tool/i);
});

it('names the server in the pages about its answer, and a program without a name "the program"', async () => {
  for (const outcome of [{ type: 'success' }, { type: 'failed', error: denied }] as const)
    expect((await render(outcome)).body).toContain(' as.example ');
  const { body } = await createPageRenderer(toLoginNames(undefined, 'https://as.example'))({ type: 'success' });
  expect(body).toContain('<p>You can close this page and go back to the program.</p>');
});

it('escapes the texts of the server, and shows its error code once, small and last', async () => {
  const { body } = await render({ type: 'failed', error: denied });
  expect(body).toContain('<p>Denied by &#60;b&#62;you&#60;/b&#62; &#38; others</p>');
  expect(body.match(/access_denied/g)).toHaveLength(1);
  expect(body).toMatch(/<\/div>\n<small>Error code: <code>access_denied<\/code><\/small>\n<\/main>/);
  expect((await render({ type: 'failed', error: failed })).body).toContain('<code>in&#60;valid&#62;</code>');
  expect((await render({ type: 'failed', error: incomplete })).body).not.toContain('<code>');
});

it('keeps markup, control and bidirectional characters of a client_name out of the page', async () => {
  const evil = createPageRenderer(toLoginNames('<script>\u202Egnp.\u0000exe'.repeat(100), 'https://as.example'));
  const { body } = await evil({ type: 'success' });
  for (const each of ['<script', '\u202E', '\u0000']) expect(body).not.toContain(each);
  expect(body.length).toBeLessThan(5000);
});

it('shows the page of the program in its language, which can load nothing and run no script', async () => {
  const contents: LoginPageContent[] = [];
  const own = createPageRenderer(names, (content) => {
    contents.push(content);
    return `<!doctype html><html lang="de"><h1>Anmeldung: ${content.type}</h1></html>`;
  });
  const page = await own({ type: 'failed', error: denied });
  expect(page.body).toBe('<!doctype html><html lang="de"><h1>Anmeldung: denied</h1></html>');
  expect([page.status, page.headers['content-security-policy']]).toEqual([
    400,
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  ]);
  expect(contents).toEqual([
    {
      program: 'my-tool',
      server: 'as.example',
      type: 'denied',
      title: 'Login denied',
      paragraphs: [
        'The login at as.example was denied.',
        'Denied by <b>you</b> & others',
        'You can close this page and go back to my-tool.',
      ],
      error: 'access_denied',
    },
  ]);
});

it.each([
  ['throws', () => Promise.reject(new Error('no'))],
  ['returns no text', () => undefined as unknown as string],
])('shows the built-in page if that of the program %s', async (_, page) => {
  expect((await createPageRenderer(names, page)({ type: 'success' })).body).toContain('<h1>Login received</h1>');
});
