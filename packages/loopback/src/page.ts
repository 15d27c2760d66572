import type { OAuthError } from '@oa/types';
import { toBase64 } from '@oa/mechanisms';

/** How a login ended, as the browser shows it. `expired`: an answer to a login that is not waiting (any more). */
export type Outcome = { type: 'success' } | { type: 'expired' } | { type: 'failed'; error: OAuthError };

export interface Page {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const STYLE = `
:root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif; color: #1f2328; background: #f6f8fa }
body { margin: 0; min-height: 100vh; display: grid; place-items: center }
main { box-sizing: border-box; width: min(34rem, 100%); padding: 2rem; overflow-wrap: anywhere; border-top: 6px solid; border-radius: 4px; background: #fff }
.success { border-color: #1a7f37 } .failed { border-color: #cf222e } .expired { border-color: #9a6700 }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.25 } p { margin: .5rem 0 }
code { padding: .1rem .3rem; border-radius: 4px; background: #eaeef2; font: .9em ui-monospace, monospace }
@media (prefers-color-scheme: dark) { :root { color: #e6edf3; background: #0d1117 } main { background: #161b22 } code { background: #30363d } }
`;

/**
 * The page for an outcome: no script, nothing from elsewhere, nothing of the request in it. What the server said about
 * its refusal is shown as the text that `OAuthError` let through, escaped.
 */
export async function renderPage(outcome: Outcome): Promise<Page> {
  const { title, text } = describe(outcome);
  return {
    status: outcome.type === 'success' ? 200 : 400,
    headers: {
      ...COMMON_HEADERS,
      'content-type': 'text/html; charset=utf-8',
      // RFC 9700 section 4.2.4 and OAuth 2.1 section 2.3.6: a callback page includes nobody else and is included by nobody.
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
${text.map((each) => `<p>${each}</p>`).join('\n')}
</main>
</html>
`,
  };
}

/** What every answer of the receiver carries. */
export const COMMON_HEADERS: Record<string, string> = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function describe(outcome: Outcome): { title: string; text: string[] } {
  if (outcome.type === 'success')
    return { title: 'Login received', text: ['You can close this page and go back to the program that asked for it.'] };
  if (outcome.type === 'expired')
    return {
      title: 'This login has expired',
      text: ['This page belongs to a login that is over. Go back to the program and start again from there.'],
    };
  const { error } = outcome;
  const denied = error.error === 'access_denied';
  return {
    title: denied ? 'Login denied' : 'Login failed',
    text: [
      escape(error.message),
      ...(error.error === undefined ? [] : [`The server's code for it: <code>${escape(error.error)}</code>`]),
      'You can close this page and go back to the program that asked for the login.',
    ],
  };
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

async function styleHash(): Promise<string> {
  return toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STYLE))));
}
