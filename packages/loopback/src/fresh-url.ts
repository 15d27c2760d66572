import { sleep } from '@oa/mechanisms';
import { attempt, type Result } from '@oa/types';
import type { LoginUrl } from './login-url.ts';

/**
 * The shortest time that RFC 9126 section 2.2 expects. A server that names less must not be asked without a pause, and the user must have
 * the time to copy a URL.
 */
const MIN_URL_LIFETIME_SECONDS = 5;

/** What a URL that expires is replaced by, and where. */
export interface UrlReplacement {
  /** Makes another URL, until the signal aborts. */
  create: (signal: AbortSignal) => Promise<LoginUrl>;
  show: (url: URL) => void;
  /** Whether a browser still needs a URL. */
  isNeeded: () => boolean;
}

/**
 * Replaces the URL each time the server has forgotten its parameters, until `signal` aborts. A user who opens the printed URL on another
 * machine can take longer than the minute that servers keep them.
 *
 * A failure is not the end of the login: the user may be logging in with an earlier URL.
 */
export async function keepUrlFresh(
  { expires_in }: LoginUrl,
  { create, show, isNeeded }: UrlReplacement,
  signal: AbortSignal,
): Promise<void> {
  if (expires_in === undefined) return;
  for (let seconds = expires_in; ;) {
    await sleep(Math.max(seconds, MIN_URL_LIFETIME_SECONDS) * 1000, signal).catch(() => undefined);
    if (signal.aborted || !isNeeded()) return;
    const created = await createUnlessAborted(create, signal);
    if (created === undefined || !isNeeded()) return;
    if (!created.ok) continue;
    show(created.value.url);
    seconds = created.value.expires_in ?? seconds;
  }
}

/** `undefined` if the login has ended meanwhile. */
async function createUnlessAborted(
  create: UrlReplacement['create'],
  signal: AbortSignal,
): Promise<Result<LoginUrl> | undefined> {
  try {
    const created = await attempt(create(signal));
    return signal.aborted ? undefined : created;
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}
