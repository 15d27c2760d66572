/** What the agent does on the consent page. */
export interface AgentChoice {
  /** Whether it presses "Deny". @default false */
  deny?: boolean;
}

interface Form {
  action: string;
  fields: URLSearchParams;
}

const MAX_PAGES = 20;

/**
 * Acts as a user with a browser: opens `start`, which is on the server `issuer` or redirects there, sends the forms with the account that is
 * filled in, and follows the redirects to the client's redirect URI. It knows the pages of this server only.
 *
 * @returns the client's response to the callback, or the text of the server's last page if the flow ends there
 */
export async function runAgent(
  issuer: string,
  start: string,
  choice: AgentChoice = {},
): Promise<{ response: Response } | { page: string }> {
  const cookies = new Map<string, string>();
  let url = await leaveStartAddress(new URL(start), issuer);
  if (url.origin !== issuer) throw new TypeError(`The agent logs in at ${issuer} only.`);
  let body: URLSearchParams | undefined;
  for (let step = 0; step < MAX_PAGES; step += 1) {
    if (url.origin !== issuer)
      return { response: await fetch(url, body === undefined ? {} : { method: 'POST', body }) };
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    storeCookies(cookies, response);
    const location = response.headers.get('location');
    if (location !== null) {
      url = new URL(location, url);
      body = undefined;
      continue;
    }
    const html = await response.text();
    const form = readForm(html);
    // After a refusal the device flow ends on the page that asks for a user code.
    if (form === undefined || html.includes('id="op.deviceInputForm"')) return { page: visibleText(html) };
    url = new URL(form.action, url);
    body = fillIn(form, html, choice);
  }
  throw new Error(`The login did not end after ${MAX_PAGES} pages.`);
}

/** The authorization URL of a login that gave the agent its one-time start address, as it gives a browser. */
async function leaveStartAddress(start: URL, issuer: string): Promise<URL> {
  if (start.origin === issuer) return start;
  const response = await fetch(start, { redirect: 'manual' });
  return new URL(response.headers.get('location') ?? '', start);
}

function fillIn({ fields }: Form, html: string, choice: AgentChoice): URLSearchParams {
  if (fields.has('password')) fields.set('decision', 'allow');
  else if (html.includes('name="decision"')) fields.set('decision', choice.deny === true ? 'deny' : 'allow');
  return fields;
}

function readForm(html: string): Form | undefined {
  const form = /<form[^>]*>[\s\S]*?<\/form>/.exec(html)?.[0];
  if (form === undefined) return undefined;
  const action = attribute(form, 'action');
  if (action === undefined) return undefined;
  const fields = new URLSearchParams();
  for (const [input] of form.matchAll(/<input[^>]*>/g)) {
    const name = attribute(input, 'name');
    if (name !== undefined) fields.set(name, attribute(input, 'value') ?? '');
  }
  return { action, fields };
}

function attribute(html: string, name: string): string | undefined {
  return new RegExp(`\\s${name}="([^"]*)"`)
    .exec(html)?.[1]
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

/** The text of a page, without its tags and style. */
function visibleText(html: string): string {
  return html
    .replace(/<style>[\s\S]*?<\/style>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function storeCookies(cookies: Map<string, string>, response: Response): void {
  for (const cookie of response.headers.getSetCookie()) {
    const [pair = '', ...attributes] = cookie.split(/;\s*/);
    const name = pair.slice(0, pair.indexOf('='));
    const expires = attributes.find((text) => /^expires=/i.test(text))?.slice('expires='.length);
    if (expires !== undefined && Date.parse(expires) <= Date.now()) cookies.delete(name);
    else cookies.set(name, pair.slice(name.length + 1));
  }
}
