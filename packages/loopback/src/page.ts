import type { OAuthError } from '@oa/types';
import { toBase64 } from '@oa/mechanisms';

/**
 * How a login ended, as the browser shows it. `expired`: the callback belongs to a login that does not wait any more. `refused`: the
 * browser belongs to another user of the machine.
 */
export type LoginOutcome =
  | { type: 'success' }
  | { type: 'expired' }
  | { type: 'refused' }
  | { type: 'failed'; error: OAuthError };

/** An HTML page as an HTTP response. */
export interface LoginPage {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const STYLE = `
:root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif; color: #1f2328; background: #f6f8fa }
body { margin: 0; min-height: 100vh; display: grid; place-items: center }
main { box-sizing: border-box; width: min(34rem, 100%); padding: 2rem; overflow-wrap: anywhere; border-top: 6px solid; border-radius: 4px; background: #fff }
.success { border-color: #1a7f37 } .failed { border-color: #cf222e } .expired, .refused { border-color: #9a6700 }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.25 } p { margin: .5rem 0 }
code { padding: .1rem .3rem; border-radius: 4px; background: #eaeef2; font: .9em ui-monospace, monospace }
@media (prefers-color-scheme: dark) { :root { color: #e6edf3; background: #0d1117 } main { background: #161b22 } code { background: #30363d } }
`;

/** The headers of every response of the receiver. */
export const COMMON_HEADERS: Record<string, string> = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * Renders the page for an outcome. It has no script, loads nothing, and repeats nothing of the request, except for the error text of
 * the server: filtered by `OAuthError`, and escaped.
 */
export async function renderLoginPage(outcome: LoginOutcome): Promise<LoginPage> {
  const { title, paragraphs } = toPageText(outcome);
  return {
    status: outcome.type === 'success' ? 200 : outcome.type === 'refused' ? 403 : 400,
    headers: {
      ...COMMON_HEADERS,
      'content-type': 'text/html; charset=utf-8',
      // RFC 9700 section 4.2.4 and OAuth 2.1 section 2.3.6: the page loads nothing from other sites, and other sites can't embed it.
      'content-security-policy': `default-src 'none'; style-src 'sha256-${await styleHash()}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    },
    body: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${STYLE}</style>
<main class="${outcome.type}">
<h1>${title}</h1>
${paragraphs.map((each) => `<p>${each}</p>`).join('\n')}
</main>
</html>
`,
  };
}

function toPageText(outcome: LoginOutcome): { title: string; paragraphs: string[] } {
  if (outcome.type === 'success')
    return { title: 'Login received', paragraphs: ['You can close this page and go back to the program.'] };
  if (outcome.type === 'expired')
    return {
      title: 'This login has expired',
      paragraphs: ['This page belongs to a login that has ended. Go back to the program and log in again.'],
    };
  if (outcome.type === 'refused')
    return {
      title: 'This login belongs to another user',
      paragraphs: [
        'The program that waits for this login runs as another user of this machine, so it did not accept your browser. If it is your program, open its login in a browser of that user, or paste the address of this page into the program.',
      ],
    };
  const { error } = outcome;
  const code =
    error.error === undefined ? [] : [`The error code of the server: <code>${escapeHtml(error.error)}</code>`];
  return {
    title: error.error === 'access_denied' ? 'Login denied' : 'Login failed',
    paragraphs: [escapeHtml(error.message), ...code, 'You can close this page and go back to the program.'],
  };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

async function styleHash(): Promise<string> {
  return toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STYLE))));
}
