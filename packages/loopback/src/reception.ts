import { OAuthError } from '@oa/types';
import type { IgnoredReason, ReceiverAddresses } from './addresses.ts';
import type { LoginOutcome } from './outcome.ts';
import type { PageRenderer } from './page.ts';
import type { StartAddress } from './start-address.ts';

/** How long a login waits for the browser to load the last page. It takes a few milliseconds, if the browser loads it at all. */
const MAX_LAST_PAGE_WAIT_MS = 1_000;

/** What a receiver needs of its login. */
export interface ReceiverHooks {
  /** Reads the code from the URL of a callback. */
  readCode: (url: string) => string;
  /** Takes note of a request that was ignored. `unverified` is what an answer without `state` says. */
  onIgnored: (reason: IgnoredReason, unverified?: string) => void;
  render: PageRenderer;
}

/** The state of a receiver. */
export interface Reception extends ReceiverHooks {
  addresses: ReceiverAddresses;
  code: PromiseWithResolvers<string>;
  ended: PromiseWithResolvers<void>;
  lastPage: PromiseWithResolvers<void>;
  start?: StartAddress;
  /** Set by the first callback that belongs to the login, or by an interception. */
  end?: ReceptionEnd;
}

/** How the login of a receiver ended. */
export interface ReceptionEnd {
  outcome: LoginOutcome;
  /** The query of the callback. The same one may come again: browsers prefetch, reload and restore, and scanners follow links. */
  answer?: string;
}

/** Creates the state of a receiver that waits. */
export function createReception(addresses: ReceiverAddresses, hooks: ReceiverHooks): Reception {
  const lastPage = Promise.withResolvers<void>();
  // A login that was aborted does not wait for the page.
  lastPage.promise.catch(() => undefined);
  return { ...hooks, addresses, code: Promise.withResolvers(), ended: Promise.withResolvers(), lastPage };
}

/** Ends the login. The browser has a short time to load its last page. */
export function endReception(reception: Reception, end: ReceptionEnd): ReceptionEnd {
  reception.end = end;
  reception.ended.resolve();
  const { promise, resolve } = reception.lastPage;
  const timer = setTimeout(resolve, MAX_LAST_PAGE_WAIT_MS);
  const clear = (): void => clearTimeout(timer);
  promise.then(clear, clear);
  return end;
}

/**
 * Ends the login because two programs opened the start address. A code that one of them delivered is not exchanged, and a token that was
 * requested with it is not used.
 */
export function interceptReception(reception: Reception): ReceptionEnd {
  const error = new OAuthError(
    'login_intercepted',
    'Another program has opened this login, so it has ended. Log in again. If it happens each time, open the printed URL instead.',
  );
  reception.code.reject(error);
  reception.lastPage.reject(error);
  return endReception(reception, { outcome: { type: 'failed', error } });
}
