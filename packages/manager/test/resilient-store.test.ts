import { OAuthError, type OAuthEvent, type Store } from '@oa/types';
import { expect, test } from 'vitest';
import { createResilientStore } from '../src/resilient-store.ts';

/** A store that fails in the ways named. */
function failing(...ways: (keyof Store<string>)[]) {
  const broken = new Set(ways);
  const map = new Map<string, string>();
  const check = (way: keyof Store<string>): void => {
    if (broken.has(way)) throw new OAuthError('storage_unavailable', `no ${way}`);
  };
  const store: Store<string> = {
    get: (key) => (check('get'), map.get(key)),
    set: (key, value) => (check('set'), map.set(key, value)),
    delete: (key) => (check('delete'), map.delete(key)),
    reserve: async () => (check('reserve'), { interrupted: true }),
    lock: async (_, work) => (check('lock'), work()),
  };
  const events: OAuthEvent[] = [];
  return { map, broken, events, tolerant: createResilientStore(store, (event) => events.push(event)) };
}
const types = (events: OAuthEvent[]): string[] => events.map(({ type }) => type);

test('a store in order is passed through', async () => {
  const { tolerant, map, events } = failing();
  await tolerant.set('k', 'v');
  expect(map.get('k')).toBe('v');
  expect(await tolerant.get('k')).toBe('v');
  expect(await tolerant.reserve('k')).toEqual({ interrupted: true });
  expect(await tolerant.lock('k', async () => 'worked')).toBe('worked');
  await tolerant.delete('k');
  expect(map.size).toBe(0);
  expect(events).toEqual([]);
});

test('what could not be written is kept, told once, and written at the next use', async () => {
  const { tolerant, map, broken, events } = failing('set');
  await tolerant.set('k', 'v');
  expect(await tolerant.get('k')).toBe('v');
  expect(await tolerant.get('k')).toBe('v');
  expect(types(events)).toEqual(['persist_failed']);
  expect(await tolerant.reserve('k')).toEqual({ interrupted: false });
  broken.clear();
  expect(await tolerant.get('k')).toBe('v');
  expect(map.get('k')).toBe('v');
});

test('what somebody else has stored meanwhile is not overwritten by what could not be written', async () => {
  const { tolerant, map, broken, events } = failing('set');
  map.set('k', 'old');
  await tolerant.set('k', 'mine');
  expect(await tolerant.get('k')).toBe('mine');
  map.set('k', 'newer');
  expect(await tolerant.get('k')).toBe('newer');
  broken.clear();
  expect(await tolerant.get('k')).toBe('newer');
  expect(map.get('k')).toBe('newer');
  expect(types(events)).toEqual(['persist_failed']);
});

test('a store that can be read again does not outdo the value that could not be written', async () => {
  const { tolerant, map, broken } = failing('set');
  map.set('k', 'old');
  await tolerant.set('k', 'mine');
  broken.add('get');
  expect(await tolerant.get('k')).toBe('mine');
  broken.clear();
  expect(await tolerant.get('k')).toBe('mine');
  expect(map.get('k')).toBe('mine');
});

test('what is deleted is not kept in memory either', async () => {
  const { tolerant } = failing('set');
  await tolerant.set('k', 'v');
  await tolerant.delete('k');
  expect(await tolerant.get('k')).toBeUndefined();
});

test('trouble with reading is a miss and one event; room that can’t be had is still an error', async () => {
  const { tolerant, events } = failing('get', 'reserve', 'delete');
  expect(await tolerant.get('k')).toBeUndefined();
  expect(await tolerant.get('other')).toBeUndefined();
  expect(types(events)).toEqual(['store_unavailable']);
  await expect(tolerant.reserve('k')).rejects.toMatchObject({ code: 'storage_unavailable' });
  await expect(tolerant.delete('k')).rejects.toMatchObject({ code: 'storage_unavailable' });
});

test('without a usable lock there is one in this process: one at a time, the next ones adopt or share the failure', async () => {
  const { tolerant } = failing('lock');
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = tolerant.lock('k', async () => {
    order.push('first starts');
    await gate.promise;
    order.push('first ends');
    return 'first';
  });
  const second = tolerant.lock('k', async () => (order.push('second'), 'second'));
  const adopting = tolerant.lock('k', async () => 'not run', { whileWaiting: () => 'adopted' });
  await expect(tolerant.lock('k', async () => 'not run', { timeout: 0 })).rejects.toMatchObject({
    code: 'lock_timeout',
  });
  const elsewhere = await tolerant.lock('other', async () => 'elsewhere');
  gate.resolve();
  expect(await Promise.all([first, second, adopting])).toEqual(['first', 'second', 'adopted']);
  expect(elsewhere).toBe('elsewhere');
  expect(order).toEqual(['first starts', 'first ends', 'second']);
});

test('a plain Map has a lock then, and who waited for a failure shares it', async () => {
  const tolerant = createResilientStore(new Map<string, string>(), () => {});
  const failure = new OAuthError('http_error', 'down', { status: 503 });
  let runs = 0;
  const work = async (): Promise<string> => {
    runs += 1;
    await Promise.resolve();
    throw failure;
  };
  const all = await Promise.allSettled([tolerant.lock('k', work), tolerant.lock('k', work), tolerant.lock('k', work)]);
  expect(all.map((one) => one.status === 'rejected' && (one.reason as unknown))).toEqual([failure, failure, failure]);
  expect(runs).toBe(1);
  expect(await tolerant.lock('k', async () => 'later')).toBe('later');
  expect(await tolerant.reserve('k')).toEqual({ interrupted: false });
});

test('an abort while waiting does not run the work, and does not fail the others', async () => {
  const tolerant = createResilientStore(new Map<string, string>(), () => {});
  const controller = new AbortController();
  const reason = new Error('gone');
  const gate = Promise.withResolvers<void>();
  const first = tolerant.lock('k', () => gate.promise);
  const aborted = tolerant.lock('k', async () => 'not run', { signal: controller.signal });
  const third = tolerant.lock('k', async () => 'third');
  controller.abort(reason);
  gate.resolve();
  await first;
  await expect(aborted).rejects.toBe(reason);
  expect(await third).toBe('third');
});

test('bugs of a store, and failures of the work, are not taken for trouble with the store', async () => {
  const bug = new RangeError('a bug');
  const tolerant = createResilientStore<string>(
    {
      get: () => {
        throw bug;
      },
      set: () => {
        throw bug;
      },
      delete: () => undefined,
      lock: async (_, work) => work(),
    },
    () => {},
  );
  await expect(tolerant.get('k')).rejects.toBe(bug);
  await expect(tolerant.set('k', 'v')).rejects.toBe(bug);
  const full = new OAuthError('storage_unavailable', 'no room');
  let runs = 0;
  const work = async (): Promise<never> => {
    runs += 1;
    throw full;
  };
  await expect(tolerant.lock('k', work)).rejects.toBe(full);
  expect(runs).toBe(1);
});

test('without the store’s lock a stored value is not used up: reserve says why there is no lock', async () => {
  const { tolerant, broken } = failing('lock');
  await tolerant.set('k', 'v');
  await expect(tolerant.lock('k', async () => tolerant.reserve('k'))).rejects.toMatchObject({ message: 'no lock' });
  broken.clear();
  expect(await tolerant.lock('k', async () => tolerant.reserve('k'))).toEqual({ interrupted: true });
});

test('without the store’s lock a value that is in memory alone may be used up', async () => {
  const { tolerant } = failing('lock', 'set');
  await tolerant.set('k', 'v');
  expect(await tolerant.lock('k', async () => tolerant.reserve('k'))).toEqual({ interrupted: false });
});
