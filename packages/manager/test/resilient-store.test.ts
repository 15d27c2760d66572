import { OAuthError, type OAuthEvent, type Store } from '@oa/types';
import { expect, it } from 'vitest';
import { createResilientStore } from '../src/resilient-store.ts';

/** A store whose named methods fail. */
function failing(...ways: (keyof Store<string> | 'overtaken')[]) {
  const broken = new Set(ways);
  const map = new Map<string, string>();
  const assertCurrent = (): void => {
    if (broken.has('overtaken')) throw new OAuthError('lock_lost', 'Another process has stored a newer value.');
  };
  const check = (way: keyof Store<string>): void => {
    if (broken.has(way)) throw new OAuthError('storage_unavailable', `no ${way}`);
  };
  const store: Store<string> = {
    get: (key) => (check('get'), map.get(key)),
    set: (key, value) => (check('set'), assertCurrent(), map.set(key, value)),
    delete: (key) => (check('delete'), map.delete(key)),
    reserve: async () => (check('reserve'), { interrupted: true }),
    lock: async (_, work) => (check('lock'), work()),
    keys: () => map.keys(),
  };
  const events: OAuthEvent[] = [];
  return { map, broken, events, resilient: createResilientStore(store, (event) => events.push(event)) };
}
const types = (events: OAuthEvent[]): string[] => events.map(({ type }) => type);

it('passes a store that works through', async () => {
  const { resilient, map, events } = failing();
  await resilient.set('k', 'v');
  expect(map.get('k')).toBe('v');
  expect(await resilient.get('k')).toBe('v');
  expect(await resilient.reserve('k')).toEqual({ interrupted: true });
  expect(await resilient.lock('k', async () => 'worked')).toBe('worked');
  await resilient.delete('k');
  expect(map.size).toBe(0);
  expect(events).toEqual([]);
});

it('keeps a value that could not be written, reports it once, and writes it at the next use', async () => {
  const { resilient, map, broken, events } = failing('set');
  await resilient.set('k', 'v');
  expect(await resilient.get('k')).toBe('v');
  expect(await resilient.get('k')).toBe('v');
  expect(types(events)).toEqual(['persist_failed']);
  expect(await resilient.reserve('k')).toEqual({ interrupted: false });
  broken.clear();
  expect(await resilient.get('k')).toBe('v');
  expect(map.get('k')).toBe('v');
});

it('does not keep a value that another process has overtaken, and never writes it', async () => {
  const { resilient, map, broken, events } = failing('overtaken');
  map.set('k', 'newer');
  expect(await resilient.set('k', 'late')).toMatchObject({ code: 'lock_lost' });
  expect(await resilient.get('k')).toBe('newer');
  broken.clear();
  expect(await resilient.get('k')).toBe('newer');
  expect(map.get('k')).toBe('newer');
  expect(events).toEqual([]);
});

it('keeps a value that could not be written where nothing can be read after the failed write', async () => {
  const { resilient, map, broken } = failing();
  map.set('k', 'used');
  expect(await resilient.get('k')).toBe('used');
  for (const way of ['get', 'set', 'reserve', 'lock'] as const) broken.add(way);
  await resilient.set('k', 'successor');
  broken.clear();
  expect(await resilient.get('k')).toBe('successor');
  expect(map.get('k')).toBe('successor');
});

it('does not overwrite what another process has stored meanwhile with a value that could not be written', async () => {
  const { resilient, map, broken, events } = failing('set');
  map.set('k', 'old');
  await resilient.set('k', 'mine');
  expect(await resilient.get('k')).toBe('mine');
  map.set('k', 'newer');
  expect(await resilient.get('k')).toBe('newer');
  broken.clear();
  expect(await resilient.get('k')).toBe('newer');
  expect(map.get('k')).toBe('newer');
  expect(types(events)).toEqual(['persist_failed']);
});

it('prefers the value that could not be written to an old one that can be read again', async () => {
  const { resilient, map, broken } = failing('set');
  map.set('k', 'old');
  await resilient.set('k', 'mine');
  broken.add('get');
  expect(await resilient.get('k')).toBe('mine');
  broken.clear();
  expect(await resilient.get('k')).toBe('mine');
  expect(map.get('k')).toBe('mine');
});

it('neither uses nor writes a kept value without the lock of a store that may be back in a moment: the write may have arrived', async () => {
  const away = new OAuthError('storage_unavailable', 'The engine is away.', { retryable: true });
  const map = new Map<string, string>();
  let isLockAway = false;
  let isSetAway = true;
  const resilient = createResilientStore<string>(
    {
      get: (key) => map.get(key),
      set(key, value) {
        if (isSetAway) throw away;
        map.set(key, value);
      },
      delete: (key) => map.delete(key),
      reserve: async () => ({ interrupted: false }),
      async lock(_, work) {
        if (isLockAway) throw away;
        return work();
      },
    },
    () => {},
  );
  await resilient.set('k', 'successor');
  isLockAway = true;
  await expect(resilient.lock('k', async () => resilient.reserve('k'))).rejects.toBe(away);
  isSetAway = false;
  expect(await resilient.get('k')).toBe('successor');
  expect(map.has('k')).toBe(false);
  isLockAway = false;
  expect(await resilient.get('k')).toBe('successor');
  expect(map.get('k')).toBe('successor');
});

it('keeps no deleted value in memory', async () => {
  const { resilient } = failing('set');
  await resilient.set('k', 'v');
  await resilient.delete('k');
  expect(await resilient.get('k')).toBeUndefined();
});

it('takes a failed read as a miss with one event; a failed reserve and a failed delete still reject', async () => {
  const { resilient, events } = failing('get', 'reserve', 'delete');
  expect(await resilient.get('k')).toBeUndefined();
  expect(await resilient.get('other')).toBeUndefined();
  expect(types(events)).toEqual(['store_unavailable']);
  await expect(resilient.reserve('k')).rejects.toMatchObject({ code: 'storage_unavailable' });
  await expect(resilient.delete('k')).rejects.toMatchObject({ code: 'storage_unavailable' });
});

it('locks within this process where the lock of the store can not be used: one at a time, and waiters may adopt', async () => {
  const { resilient } = failing('lock');
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = resilient.lock('k', async () => {
    order.push('first starts');
    await gate.promise;
    order.push('first ends');
    return 'first';
  });
  const second = resilient.lock('k', async () => (order.push('second'), 'second'));
  const adopting = resilient.lock('k', async () => 'not run', { whileWaiting: () => 'adopted' });
  await expect(resilient.lock('k', async () => 'not run', { timeout: 0 })).rejects.toMatchObject({
    code: 'lock_timeout',
  });
  const elsewhere = await resilient.lock('other', async () => 'elsewhere');
  gate.resolve();
  expect(await Promise.all([first, second, adopting])).toEqual(['first', 'second', 'adopted']);
  expect(elsewhere).toBe('elsewhere');
  expect(order).toEqual(['first starts', 'first ends', 'second']);
});

it('gives a plain Map a lock whose waiters receive the error of the holder', async () => {
  const resilient = createResilientStore(new Map<string, string>(), () => {});
  const failure = new OAuthError('http_error', 'down', { status: 503, retryable: true });
  let runs = 0;
  const work = async (): Promise<string> => {
    runs += 1;
    await Promise.resolve();
    throw failure;
  };
  const all = await Promise.allSettled([
    resilient.lock('k', work),
    resilient.lock('k', work),
    resilient.lock('k', work),
  ]);
  expect(all.map((one) => one.status === 'rejected' && (one.reason as unknown))).toEqual([failure, failure, failure]);
  expect(runs).toBe(1);
  expect(await resilient.lock('k', async () => 'later')).toBe('later');
  expect(await resilient.reserve('k')).toEqual({ interrupted: false });
});

it('does not run the work of a waiter that aborts, and fails no other waiter', async () => {
  const resilient = createResilientStore(new Map<string, string>(), () => {});
  const controller = new AbortController();
  const reason = new Error('gone');
  const gate = Promise.withResolvers<void>();
  const first = resilient.lock('k', () => gate.promise);
  const aborted = resilient.lock('k', async () => 'not run', { signal: controller.signal });
  const third = resilient.lock('k', async () => 'third');
  controller.abort(reason);
  gate.resolve();
  await first;
  await expect(aborted).rejects.toBe(reason);
  expect(await third).toBe('third');
});

it('ends the wait of a call that aborts at once, and the next one still waits for the work that runs', async () => {
  const resilient = createResilientStore(new Map<string, string>(), () => {});
  const controller = new AbortController();
  const gate = Promise.withResolvers<void>();
  const order: string[] = [];
  const first = resilient.lock('k', () => gate.promise.then(() => order.push('first')));
  const aborted = resilient.lock('k', async () => 'not run', { signal: controller.signal });
  const adopted = resilient.lock('k', async () => 'not run', { whileWaiting: () => 'adopted' });
  const last = resilient.lock('k', async () => order.push('last'));
  const reason = new Error('gone');
  controller.abort(reason);
  await expect(aborted).rejects.toBe(reason);
  expect(await adopted).toBe('adopted');
  expect(order).toEqual([]);
  gate.resolve();
  await Promise.all([first, last]);
  expect(order).toEqual(['first', 'last']);
});

it('passes bugs of a store and failures of the work on', async () => {
  const bug = new RangeError('a bug');
  const resilient = createResilientStore<string>(
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
  await expect(resilient.get('k')).rejects.toBe(bug);
  await expect(resilient.set('k', 'v')).rejects.toBe(bug);
  const full = new OAuthError('storage_unavailable', 'no room');
  let runs = 0;
  const work = async (): Promise<never> => {
    runs += 1;
    throw full;
  };
  await expect(resilient.lock('k', work)).rejects.toBe(full);
  expect(runs).toBe(1);
});

it('rejects reserve without the lock of the store, with the reason', async () => {
  const { resilient, broken } = failing('lock');
  await resilient.set('k', 'v');
  await expect(resilient.lock('k', async () => resilient.reserve('k'))).rejects.toMatchObject({ message: 'no lock' });
  broken.clear();
  expect(await resilient.lock('k', async () => resilient.reserve('k'))).toEqual({ interrupted: true });
});

it('allows reserve without the lock of the store for a value that is only in memory', async () => {
  const { resilient } = failing('lock', 'set');
  await resilient.set('k', 'v');
  expect(await resilient.lock('k', async () => resilient.reserve('k'))).toEqual({ interrupted: false });
});

it('lists the keys of values in the store and of those that could not be written, each once', async () => {
  const { resilient, map, broken } = failing('set');
  map.set('stored', 'v').set('both', 'v');
  expect(await resilient.set('memory', 'v')).toMatchObject({ code: 'storage_unavailable' });
  await resilient.set('both', 'new');
  const keys: string[] = [];
  for await (const key of resilient.keys?.() ?? []) keys.push(key);
  expect(keys.toSorted()).toEqual(['both', 'memory', 'stored']);
  broken.clear();
  expect(await resilient.set('memory', 'v')).toBeUndefined();
});
