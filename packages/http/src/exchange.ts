import { isOAuthError, OAuthError } from '@oa/types';
import { readBody } from './body.ts';
import { toOAuthError } from './failure.ts';
import { loadSend, type Outgoing } from './ky.ts';

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Enough for a trailing slash and a renamed path. */
const MOST_HOPS = 3;

/** An answer whose body was read. */
export interface Answer {
  url: string;
  status: number;
  headers: Headers;
  text: string;
}

/** One request, its same-origin redirects where it is a GET, and the body. Every failure is an OAuthError or the signal's reason. */
export async function exchange(url: URL, outgoing: Outgoing): Promise<Answer> {
  const { name } = outgoing;
  // Not to be taken for a failure of the network, if it fails.
  const send = await loadSend();
  let current = url;
  for (let hops = 0; ; hops += 1) {
    const { href } = current;
    const response = await orOAuthError(outgoing, () => send(href, outgoing));
    const next = redirectOf(response, current, outgoing);
    if (next === undefined) {
      const text = await orOAuthError(outgoing, () => readBody(response, name));
      return { url: href, status: response.status, headers: response.headers, text };
    }
    if (hops === MOST_HOPS) throw refused(name, 'redirects in circles');
    await orOAuthError(outgoing, async () => response.body?.cancel());
    current = next;
  }
}

async function orOAuthError<T>({ signal, name }: Outgoing, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    throw isOAuthError(error) ? error : toOAuthError(error, name);
  }
}

/**
 * Where to go on. A body with secrets is never sent to another place (RFC 9700 section 4.12), and a GET stays with its origin: the
 * document there was asked of this server, and of no other.
 */
function redirectOf(response: Response, url: URL, { method, name }: Outgoing): URL | undefined {
  // A browser hides the target of a redirect that it was told not to follow. A fetch that followed it anyway was not told.
  if (response.type === 'opaqueredirect' || response.redirected) throw refused(name, 'redirects');
  const location = response.headers.get('location');
  if (!REDIRECTS.has(response.status) || location === null) return undefined;
  if (method !== 'GET') throw refused(name, 'redirects a request that carries credentials', response.status);
  const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  if (next === undefined || next.origin !== url.origin || next.username !== '' || next.password !== '')
    throw refused(name, 'redirects to another origin', response.status);
  return next;
}

function refused(name: string, what: string, status?: number): OAuthError {
  const message = `${name} ${what}, which is not followed. Use the address that the server itself publishes.`;
  return new OAuthError('redirect_refused', message, status === undefined ? {} : { status });
}
