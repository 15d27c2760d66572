import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { isOAuthError, OAuthError } from '@oa/types';
import type { CaseContext, ContractCase } from './case.ts';
import { toSentFailure } from './messages.ts';
import { describeError, startWaiter } from './outcome.ts';
import { keyOf } from './tokens.ts';

const SHARED_FAILURE = new OAuthError('http_error', 'The server is out of service. Try again later.', {
  status: 503,
  retryable: true,
  retryAfter: 30,
});
const DENIED = new OAuthError('oauth_error', 'The user has denied the login.', { error: 'access_denied' });

/** Failures that can depend on one process, so that the others must find out themselves. */
const OWN_FAILURES: [string, Error][] = [
  [
    'what the server says of the credentials',
    new OAuthError('oauth_error', 'No.', { error: 'invalid_client', status: 401 }),
  ],
  ['a storage error', new OAuthError('storage_unavailable', 'Too many open files.', { retryable: true })],
  ['login_required', new OAuthError('login_required', 'A user must log in.')],
  ['a bug', new RangeError('A bug.')],
];

/** Lets a peer fail while two calls wait, and returns what they get. */
async function failBeforeWaiters(context: CaseContext, failure: Error, key: string = keyOf()) {
  const [store, peer] = [await context.open(), await context.startPeer()];
  await peer.call('take', key);
  let runs = 0;
  const waiters = [1, 2].map(() => startWaiter(store, key, async () => (runs += 1)));
  for (const { waits } of waiters) await waits;
  await rejects(peer.call('end', key, toSentFailure(failure)));
  const outcomes = await Promise.all(waiters.map(async ({ outcome }) => outcome));
  return { store, peer, outcomes, runs: () => runs };
}

async function assertShared(context: CaseContext, failure: OAuthError): Promise<void> {
  const { outcomes, runs } = await failBeforeWaiters(context, failure);
  for (const { error } of outcomes) {
    ok(isOAuthError(error), `A waiter must get the failure of the holder, not ${describeError(error)}.`);
    deepStrictEqual(error.toJSON(), failure.toJSON());
  }
  strictEqual(runs(), 0, 'A waiter has repeated the work.');
}

/** The cases about the failure that waiters share. */
export const failureCases: Record<string, ContractCase> = {
  'is the error of the calls that waited, where it can succeed later': async (context) =>
    assertShared(context, SHARED_FAILURE),

  'is the error of the calls that waited, where a user decided it': async (context) => assertShared(context, DENIED),

  'is shared among the calls of one process': async ({ open }) => {
    const store = await open();
    const [started, end] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let runs = 0;
    const holder = store.lock(keyOf(), () => (started.resolve(), end.promise));
    await started.promise;
    const waiters = [1, 2, 3].map(() => startWaiter(store, keyOf(), async () => (runs += 1)));
    for (const { waits } of waiters) await waits;
    end.reject(SHARED_FAILURE);
    await rejects(holder, (error) => error === SHARED_FAILURE);
    for (const { outcome } of waiters) {
      const { error } = await outcome;
      ok(isOAuthError(error));
      deepStrictEqual(error.toJSON(), SHARED_FAILURE.toJSON());
    }
    strictEqual(runs, 0);
  },

  ...Object.fromEntries(
    OWN_FAILURES.map(([what, failure]): [string, ContractCase] => [
      `is not shared where it is ${what}`,
      async (context) => {
        const { outcomes } = await failBeforeWaiters(context, failure);
        deepStrictEqual(new Set(outcomes.map(({ value }) => value)), new Set([1, 2]));
      },
    ]),
  ),

  'is not the error of later calls, also if they wait for another holder': async (context) => {
    const { store, peer } = await failBeforeWaiters(context, SHARED_FAILURE);
    strictEqual(await store.lock(keyOf(), async () => 'own work'), 'own work');
    await rejects(
      store.lock(keyOf(), async () => Promise.reject(SHARED_FAILURE)),
      (error) => error === SHARED_FAILURE,
    );
    await peer.call('take', keyOf());
    const waiter = startWaiter(store, keyOf(), async () => 'own work');
    await waiter.waits;
    await peer.call('end', keyOf());
    deepStrictEqual(await waiter.outcome, { value: 'own work' });
  },

  'is not the error of calls that wait for another key': async (context) => {
    const [store, holder] = [await context.open(), await context.startPeer()];
    await holder.call('take', keyOf('other'));
    const waiter = startWaiter(store, keyOf('other'), async () => 'own work');
    await waiter.waits;
    await failBeforeWaiters(context, SHARED_FAILURE);
    await holder.call('end', keyOf('other'));
    deepStrictEqual(await waiter.outcome, { value: 'own work' });
  },
};
