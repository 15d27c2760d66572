import { toBase64 } from '@oa/mechanisms';
import { toPageContent, type LoginNames, type LoginOutcome, type LoginPageContent } from './outcome.ts';

/** An HTML page as an HTTP response. */
interface LoginPage {
  status: number;
  headers: Record<string, string>;
  body: string;
}

const STYLE = `
:root { color-scheme: light dark; font: 18px/1.5 system-ui, sans-serif; color: #1f2328; background: #f6f8fa }
body { margin: 0; min-height: 100vh; display: grid; place-items: center }
main { box-sizing: border-box; width: min(34rem, 100%); padding: 2rem; overflow-wrap: anywhere; border-top: 6px solid; border-radius: 4px; background: #fff }
.success { border-color: #1a7f37 } .failed, .denied { border-color: #cf222e } .expired, .refused, .unverified, .too_large { border-color: #9a6700 }
small { display: block; margin-top: 1.5rem; opacity: .75 } h1 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.25 } p { margin: .5rem 0 }
code { padding: .1rem .3rem; border-radius: 4px; background: #eaeef2; font: .9em ui-monospace, monospace }
@media (prefers-color-scheme: dark) { :root { color: #e6edf3; background: #0d1117 } main { background: #161b22 } code { background: #30363d } }
`;

/** The headers of every response of the receiver. */
export const COMMON_HEADERS: Record<string, string> = {
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Renders the page for an outcome. */
export type PageRenderer = (outcome: LoginOutcome) => Promise<LoginPage>;

/** Returns the HTML of a page of the program's own. */
export type CustomPage = (content: LoginPageContent) => string | Promise<string>;

const PAGE_STATUS_CODES: Record<LoginOutcome['type'], number> = {
  success: 200,
  expired: 400,
  failed: 400,
  unverified: 400,
  refused: 403,
  too_large: 431,
};

/**
 * Creates the renderer of the pages of a login. If the page of the program fails, the built-in one is used. `canPaste`: whether the program
 * reads what the user pastes.
 */
export function createPageRenderer(
  names: LoginNames,
  custom?: CustomPage,
  canPaste: () => boolean = () => true,
): PageRenderer {
  return async (outcome) => {
    const content = toPageContent(outcome, names, canPaste());
    const own = custom && (await renderCustomPage(custom, content));
    const style = own === undefined ? `'sha256-${await styleHash()}'` : "'unsafe-inline'";
    return {
      status: PAGE_STATUS_CODES[outcome.type],
      headers: {
        ...COMMON_HEADERS,
        'content-type': 'text/html; charset=utf-8',
        // RFC 9700 section 4.2.4 and OAuth 2.1 section 2.3.6: the page loads nothing from other sites, and other sites can't embed it.
        'content-security-policy': `default-src 'none'; style-src ${style}; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      },
      body: own ?? renderLoginPage(content),
    };
  };
}

/** A failure of the program's page must not leave the user without one. */
async function renderCustomPage(custom: CustomPage, content: LoginPageContent): Promise<string | undefined> {
  try {
    const page: unknown = await custom(content);
    return typeof page === 'string' ? page : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Renders the built-in page. It has no script, loads nothing, and repeats nothing of the request, except for the error text of the
 * server: filtered by `OAuthError`, and escaped.
 */
function renderLoginPage({ type, title, paragraphs, error }: LoginPageContent): string {
  const code = error === undefined ? '' : `<small>Error code: <code>${escapeHtml(error)}</code></small>\n`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${STYLE}</style>
<main class="${type}">
<div role="status">
<h1>${title}</h1>
${paragraphs.map((each) => `<p>${escapeHtml(each)}</p>`).join('\n')}
</div>
${code}</main>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

async function styleHash(): Promise<string> {
  return toBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(STYLE))));
}
