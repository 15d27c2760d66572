/**
 * A small agent in place of a person with a browser: opens a page, fills in the forms it meets, sends them, follows the
 * redirects. It knows the pages of this server only.
 */
export interface Answer {
  /** Press "Deny" where the server asks for consent. */
  deny?: boolean;
}

interface Form {
  action: string;
  fields: URLSearchParams;
}

const MOST_STEPS = 20;

/**
 * Opens `start` on the server `issuer`, logs in, consents, and follows to the client's redirect URI.
 * Resolves with the client's answer to the callback (`response`), or with the server's last page if the flow ends there.
 */
export async function walk(
  issuer: string,
  start: string,
  user: { login: string; password: string },
  answer: Answer,
): Promise<{ response: Response } | { page: string }> {
  const cookies = new Map<string, string>();
  let url = new URL(start);
  if (url.origin !== issuer) throw new TypeError(`expected an address of ${issuer}`);
  let body: URLSearchParams | undefined;
  for (let step = 0; step < MOST_STEPS; step += 1) {
    if (url.origin !== issuer)
      return { response: await fetch(url, body === undefined ? {} : { method: 'POST', body }) };
    const response = await fetch(url, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { accept: 'text/html', cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      redirect: 'manual',
      ...(body === undefined ? {} : { body }),
    });
    remember(cookies, response);
    const location = response.headers.get('location');
    if (location !== null) {
      url = new URL(location, url);
      body = undefined;
      continue;
    }
    const html = await response.text();
    const form = readForm(html);
    // The page that asks for a user code again is where the device flow ends after a refusal.
    if (form === undefined || html.includes('id="op.deviceInputForm"')) return { page: words(html) };
    url = new URL(form.action, url);
    body = fillIn(form, html, user, answer);
  }
  throw new Error(`the login did not come to an end after ${MOST_STEPS} pages`);
}

function fillIn(form: Form, html: string, user: { login: string; password: string }, answer: Answer): URLSearchParams {
  const fields = form.fields;
  if (fields.has('password')) {
    fields.set('login', user.login);
    fields.set('password', user.password);
    fields.set('decision', 'allow');
  } else if (html.includes('name="decision"')) {
    fields.set('decision', answer.deny === true ? 'deny' : 'allow');
  }
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

/** What a person reads on a page. */
function words(html: string): string {
  return html
    .replace(/<style>[\s\S]*?<\/style>|<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

function remember(cookies: Map<string, string>, response: Response): void {
  for (const cookie of response.headers.getSetCookie()) {
    const [pair = '', ...attributes] = cookie.split(/;\s*/);
    const name = pair.slice(0, pair.indexOf('='));
    const expires = attributes.find((text) => /^expires=/i.test(text))?.slice('expires='.length);
    if (expires !== undefined && Date.parse(expires) <= Date.now()) cookies.delete(name);
    else cookies.set(name, pair.slice(name.length + 1));
  }
}
