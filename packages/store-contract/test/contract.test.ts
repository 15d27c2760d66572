import { runNodeTests } from '@oa-internal/testing';
import { describe, expect, it } from 'vitest';

const CONTRACT = new URL('broken-stores/contract.ts', import.meta.url);

/** What an author can do wrong, with the cases that show it. */
const FAULTS: Record<string, string[]> = {
  'no lock': ['loses no update of several processes on one key', 'excludes the other calls of a process'],
  'a lock of the process only': [
    'loses no update of several processes on one key',
    'loses no update of several processes on many keys',
  ],
  'one lock for all keys': ['leaves the lock of another key free'],
  'a queue of waiters': [
    'does not stop the others where it only waited for the lock',
    'rejects with the reason of the signal that ends the wait, and the lock stays usable',
  ],
  'no renewal': ['stays with its holder while the holder works, however long'],
  'errors of the work are wrapped': ['rejects with the error of the work, and is free then'],
  'the lock stays': ['rejects with the error of the work, and is free then'],
  'memory without a bound': [
    'shows what another process has written or deleted within a second',
    'shows its holder what the holder before has written, at once',
  ],
  'keys without case': ['keeps the values of similar keys apart', 'lists the keys of all stored values, whole'],
  'known members only': ['returns a token exactly as it was stored, with unknown members and any text'],
  'plain JSON': ['keeps the numbers that JSON can express: 1e400 and -0'],
  'cut at 64 KB': ['keeps a value of 1 MB'],
  'one name for all': ['shares nothing between two names'],
  'tokens in keys': ['shows no token in its keys, its description and its errors'],
  'two writes for a value': ['leaves an old or a new value, and no half of one, in the middle of a write'],
  'timeout is ignored': [
    'tries once with a timeout of 0, and rejects with lock_timeout',
    'rejects with lock_timeout when the timeout is over, and never runs the work',
    'rejects with lock_timeout for another call of the same process too',
  ],
  'abort is ignored': [
    'rejects with the reason of the signal that ends the wait, and the lock stays usable',
    'rejects with the reason of a signal that has aborted before',
  ],
  'no waiter adopts': [
    'lets a waiter adopt what the holder has stored, before the lock is free',
    'lets a call of the same process adopt, before the lock is free',
  ],
  'no failure is shared': [
    'is the error of the calls that waited, where it can succeed later',
    'is the error of the calls that waited, where a user decided it',
    'is shared among the calls of one process',
  ],
  'every failure is shared': [
    'is not shared where it is what the server says of the credentials',
    'is not shared where it is a bug',
    'is not shared where it is a storage error',
    'is not shared where it is login_required',
  ],
  'old failures are shared': ['is not the error of later calls, also if they wait for another holder'],
  'reserve without a lock': ['is refused with a TypeError where the lock is not held'],
  'no interruption': [
    'frees the lock, and is an interruption, after reserve',
    'leaves a sign after the lock has ended, where the outcome of the request is unknown',
  ],
  'release removes every sign': ['releases its own sign, and not the one of an earlier interruption'],
  'the sign stays after set': [
    'ends all signs with the next set',
    'frees the lock, and is no interruption, after set: the next holder has the new value',
    'is no interruption any more when the next holder has stored a value',
  ],
  'stale writes': [
    'keeps a lock that its stopped process holds, or refuses its later write',
    'refuses the write of a holder whose lock was lost',
  ],
  'assertHeld is quiet': ['keeps a lock that its stopped process holds, or refuses its later write'],
  'unlocked while away': ['never lets lock run its work without a lock'],
  'missing while away': ['lets get return the value, or reject with a retryable storage_unavailable'],
  'set is quiet while away': [
    'makes set, delete and keys reject',
    'makes reserve and set of a holder reject, and everything works afterwards',
  ],
  'set does not wait': [
    'frees the lock, and is no interruption, after set: the next holder has the new value',
    'loses no confirmed update of several processes while the engine goes and comes',
  ],
  'damage is a bug': ['counts as missing, or rejects with a storage error'],
  'nothing is deleted': ['replaces and deletes a value', 'keeps the values of 100 keys apart'],
  'missing is null': ['returns undefined for a missing value, and deletes it without an error'],
  'no result': ['resolves with the result of the work'],
  'a failure of any key': ['is not the error of calls that wait for another key'],
  'release does nothing': ['finds no sign at first, and its release leaves none'],
  'every lock is lost': ['can tell its holder that the lock is still held'],
  'reserve deletes': ['leaves the value as it is'],
  'release deletes': ['keeps a value that was stored before its release'],
  'one sign for all keys': ['leaves a sign for its own key only'],
  'a lock is a sign': ['frees the lock, and is no interruption, before reserve'],
  'one damage is all': ['leaves the other values'],
  'damage ends the list': ['does not end the list of the keys'],
  'damage stays': [
    'is replaced by the next set',
    'is replaced by the next set of a lock holder, and is no interruption',
  ],
};

async function run(fault: string, ...nodeOptions: string[]): ReturnType<typeof runNodeTests> {
  return runNodeTests(CONTRACT, { env: { ...process.env, OA_FAULT: fault }, nodeOptions });
}

describe('the contract', () => {
  it('is kept by a store that does all that it promises, with a lock that ends by itself', async () => {
    const { code, failed, skipped, passed } = await run('');
    expect({ code, failed, skipped }).toEqual({ code: 0, failed: [], skipped: {} });
    // Each case has a fault that makes it fail.
    expect(passed.toSorted()).toEqual([...new Set(Object.values(FAULTS).flat())].toSorted());
  });

  it.concurrent.each(Object.entries(FAULTS))('shows the fault "%s"', async (fault, titles) => {
    const patterns = titles.map((title) => title.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
    const { code, failed } = await run(fault, `--test-name-pattern=(${patterns.join('|')})$`);
    expect({ code, failed: failed.toSorted() }).toEqual({ code: 1, failed: titles.toSorted() });
  });
});
