import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CaseContext, ContractCase } from './case.ts';
import { assertStorageError, FREE_PROMISE, inTime, outcomeOf, startWaiter } from './outcome.ts';
import { isInterrupted } from './reservations.ts';
import { keyOf, tokenNamed } from './tokens.ts';

/** Twice the time after which locks that end by themselves must have ended. */
const STOPPED_MS = 6000;
const REWRITE_KILLS = 6;

type Phase = 'lock' | 'reserve' | 'set';

/** Kills a holder after a phase, and asserts what a waiter and later calls find. */
async function assertAfterKill({ open, startPeer }: CaseContext, phase: Phase): Promise<void> {
  const [store, holder] = [await open(), await startPeer()];
  await store.set(keyOf(), tokenNamed('before'));
  await holder.call('take', keyOf());
  if (phase !== 'lock') await holder.call('reserve', keyOf());
  if (phase === 'set') await holder.call('set', keyOf(), tokenNamed('after'));
  const waiter = startWaiter(store, keyOf(), async () => {
    const { interrupted, release } = await store.reserve(keyOf());
    await release?.();
    return { interrupted, token: await store.get(keyOf()) };
  });
  await waiter.waits;
  await holder.end('SIGKILL');
  const token = tokenNamed(phase === 'set' ? 'after' : 'before');
  deepStrictEqual(await waiter.outcome, { value: { interrupted: phase === 'reserve', token } });
  strictEqual(await isInterrupted(await open()), phase === 'reserve');
}

/** The cases about holders that do not end by themselves. */
export const deathCases: Record<string, ContractCase> = {
  'frees the lock, and is no interruption, before reserve': async (context) => assertAfterKill(context, 'lock'),

  'frees the lock, and is an interruption, after reserve': async (context) => assertAfterKill(context, 'reserve'),

  'frees the lock, and is no interruption, after set: the next holder has the new value': async (context) =>
    assertAfterKill(context, 'set'),

  'is no interruption any more when the next holder has stored a value': async ({ open, startPeer }) => {
    const [store, holder] = [await open(), await startPeer()];
    await holder.call('take', keyOf());
    await holder.call('reserve', keyOf());
    await holder.end('SIGKILL');
    await store.lock(keyOf(), async () => {
      strictEqual((await store.reserve(keyOf())).interrupted, true);
      await store.set(keyOf(), tokenNamed('new'));
    });
    strictEqual(await isInterrupted(await open()), false);
  },

  'does not stop the others where it only waited for the lock': async ({ open, startPeer }) => {
    const [store, holder, waiter] = [await open(), await startPeer(), await startPeer()];
    await holder.call('take', keyOf());
    await waiter.call('wait', keyOf());
    const later = startWaiter(store, keyOf(), async () => 'work');
    await later.waits;
    await waiter.end('SIGKILL');
    await holder.call('end', keyOf());
    deepStrictEqual(await inTime(later.outcome, FREE_PROMISE), { value: 'work' });
  },

  'leaves an old or a new value, and no half of one, in the middle of a write': async ({ open, startPeer }) => {
    for (let turn = 0; turn < REWRITE_KILLS; turn += 1) {
      const writer = await startPeer();
      await writer.call('rewrite', keyOf());
      await sleep(turn * 3);
      await writer.end('SIGKILL');
      const text = (await (await open()).get(keyOf()))?.access_token ?? '';
      ok(/^(?:a+|b+)$/.test(text), `The value has ${text.length} characters, of two writes or none.`);
    }
  },

  'keeps a lock that its stopped process holds, or refuses its later write': async ({
    open,
    startPeer,
    note,
    skip,
  }) => {
    if (process.platform === 'win32') return skip('Windows can not stop a process.');
    const [store, holder] = [await open(), await startPeer()];
    await store.set(keyOf(), tokenNamed('before'));
    await holder.call('take', keyOf());
    await holder.call('reserve', keyOf());
    holder.signal('SIGSTOP');
    const takeOver = async (): Promise<boolean> => {
      const { interrupted } = await store.reserve(keyOf());
      await store.set(keyOf(), tokenNamed('taken over'));
      return interrupted;
    };
    const taken = await outcomeOf(() => store.lock(keyOf(), takeOver, { timeout: STOPPED_MS }));
    holder.signal('SIGCONT');
    if (taken.error !== undefined) {
      note('The stopped holder kept its lock.');
      await rejects(Promise.reject(taken.error), { code: 'lock_timeout' });
      await holder.call('assertHeld');
      await holder.call('set', keyOf(), tokenNamed('late'));
      await holder.call('end', keyOf());
      deepStrictEqual(await store.lock(keyOf(), async () => store.get(keyOf())), tokenNamed('late'));
      return;
    }
    note('The lock of the stopped holder ended, and its later write was refused.');
    strictEqual(
      taken.value,
      true,
      'The next holder must learn that the request of the stopped one may have been sent.',
    );
    await rejects(holder.call('assertHeld'), { code: 'lock_lost' });
    const late = await outcomeOf(() => holder.call('set', keyOf(), tokenNamed('late')));
    assertStorageError(late.error, 'set of a holder whose lock was lost');
    await outcomeOf(() => holder.call('end', keyOf()));
    deepStrictEqual(await store.lock(keyOf(), async () => store.get(keyOf())), tokenNamed('taken over'));
  },
};
