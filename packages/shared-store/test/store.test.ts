import { setTimeout as pause } from 'node:timers/promises';
import { tokenKey } from '@oa/token-cache';
import { OAuthError, type Token } from '@oa/types';
import { expect, it, vi } from 'vitest';
import { createSharedStore, type SharedStore } from '../src/index.ts';
import { createMemoryEngine, type MemoryEngine } from './engine.ts';

const key = tokenKey({ issuer: 'https://as.example', client_id: 'tool', grant_type: 'authorization_code' });
const otherKey = tokenKey({ issuer: 'https://as.example', client_id: 'other', grant_type: 'authorization_code' });

function token(access_token: string, seconds = 3600): Token {
  return { access_token, token_type: 'Bearer', expires_at: Math.floor(Date.now() / 1000) + seconds };
}

async function keysOf(store: SharedStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const each of store.keys()) keys.push(each);
  return keys;
}

async function errorOf(work: unknown): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('It did not reject.');
}

/** Two processes with one engine. */
function setup(): { engine: MemoryEngine; store: SharedStore; elsewhere: SharedStore } {
  const engine = createMemoryEngine();
  const place = 'the table of this test';
  return { engine, store: createSharedStore(engine, { place }), elsewhere: createSharedStore(engine, { place }) };
}

async function openTurn(store: SharedStore, work: () => Promise<unknown> = async () => undefined) {
  const started = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const ended = store.lock(key, async () => {
    started.resolve();
    await release.promise;
    return work();
  });
  ended.catch(() => undefined);
  await started.promise;
  return { ended, release: release.resolve };
}

it('returns what another process has stored', async () => {
  const { store, elsewhere } = setup();
  expect(await store.get(key)).toBeUndefined();
  const stored = token('a');
  await elsewhere.set(key, stored);
  expect(await store.get(key)).toEqual(stored);
  expect(await keysOf(store)).toEqual([key]);
  await elsewhere.delete(key);
  await vi.waitFor(async () => expect(await store.get(key)).toBeUndefined(), { timeout: 10_000 });
  expect(await keysOf(store)).toEqual([]);
});

it('returns a token from memory for a second, and then looks at the engine again', async () => {
  const { engine, store, elsewhere } = setup();
  await elsewhere.set(key, token('a'));
  expect(store.peek(key)).toBeUndefined();
  const read = await store.get(key);
  engine.trips.length = 0;
  expect(store.peek(key)).toBe(read);
  expect(store.get(key)).toBe(read);
  expect(engine.trips).toEqual([]);
  const newer = token('b');
  await elsewhere.set(key, newer);
  await vi.waitFor(async () => expect(await store.get(key)).toEqual(newer), { timeout: 10_000 });
});

it('returns what it has just written without a look at the engine, and the caller can not change it', async () => {
  const { engine, store } = setup();
  const written = token('a');
  await store.set(key, written);
  engine.trips.length = 0;
  const expected = { ...written };
  written.access_token = 'changed';
  expect(await store.get(key)).toEqual(expected);
  expect(Object.isFrozen(store.peek(key))).toBe(true);
  expect(engine.trips).toEqual([]);
});

it('returns a token that is still valid while the engine is away, and else the error of the engine', async () => {
  const { engine, store } = setup();
  await store.set(key, token('a', 30));
  engine.isAway = true;
  // The second of the memory has passed.
  await pause(1100);
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    expect(store.peek(key)).toBeUndefined();
    expect(await store.get(key)).toMatchObject({ access_token: 'a' });
    vi.setSystemTime(Date.now() + 30_000);
    expect(await errorOf(store.get(key))).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(await errorOf(store.get(otherKey))).toMatchObject({ code: 'storage_unavailable' });
  } finally {
    vi.useRealTimers();
  }
  engine.isAway = false;
  expect(await store.get(key)).toMatchObject({ access_token: 'a' });
});

it('never runs the work while the engine is away', async () => {
  const { engine, store } = setup();
  engine.isAway = true;
  const work = vi.fn<() => Promise<void>>();
  expect(await errorOf(store.lock(key, work))).toMatchObject({ code: 'storage_unavailable', retryable: true });
  expect(work).not.toHaveBeenCalled();
  engine.isAway = false;
  expect(await store.lock(key, async () => 'done')).toBe('done');
});

it('needs one round trip for each step of a refresh', async () => {
  const { engine, store } = setup();
  await store.set(key, token('a'));
  engine.trips.length = 0;
  await store.lock(key, async () => {
    expect(await store.get(key)).toMatchObject({ access_token: 'a' });
    const { interrupted, assertHeld } = await store.reserve(key);
    assertHeld?.();
    expect(interrupted).toBe(false);
    await store.set(key, token('b'));
  });
  expect(engine.trips).toEqual(['tryLock', 'reserve', 'write', 'end']);
});

it('reads what is stored at the second look with the lock held', async () => {
  const { store, elsewhere } = setup();
  await store.set(key, token('a'));
  await store.lock(key, async () => {
    expect(await store.get(key)).toMatchObject({ access_token: 'a' });
    await elsewhere.set(key, token('b'));
    expect(await store.get(key)).toMatchObject({ access_token: 'b' });
  });
});

it('runs the work of one key one after the other, in one process and in two', async () => {
  const { store, elsewhere } = setup();
  let running = 0;
  let most = 0;
  const work = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await pause(2);
    running -= 1;
  };
  await Promise.all([store, elsewhere].flatMap((each) => [1, 2, 3].map(async () => each.lock(key, work))));
  expect(most).toBe(1);
});

it('does not let the work of another key wait', async () => {
  const { store } = setup();
  const turn = await openTurn(store);
  expect(await store.lock(otherKey, async () => 'other')).toBe('other');
  turn.release();
  await turn.ended;
});

it.each(['store', 'elsewhere'] as const)('adopts what the holder in %s has stored', async (where) => {
  const all = setup();
  const turn = await openTurn(all[where], async () => all[where].set(key, token('new')));
  const work = vi.fn<() => Promise<Token>>();
  const adopted = all.store.lock(key, work, { whileWaiting: () => all.store.get(key) });
  turn.release();
  expect(await adopted).toMatchObject({ access_token: 'new' });
  expect(work).not.toHaveBeenCalled();
});

it.each(['store', 'elsewhere'] as const)('receives the failure of the holder in %s', async (where) => {
  const all = setup();
  const failure = new OAuthError('http_error', 'The server is busy.', { status: 503, retryable: true });
  const turn = await openTurn(all[where], () => Promise.reject(failure));
  const work = vi.fn<() => Promise<void>>();
  const waiting = errorOf(all.store.lock(key, work));
  await pause(5);
  turn.release();
  expect(await waiting).toMatchObject({ code: 'http_error', status: 503 });
  expect(work).not.toHaveBeenCalled();
  // A call that did not wait for it does its own work.
  expect(await all.store.lock(key, async () => 'own')).toBe('own');
});

it.each([new OAuthError('oauth_error', 'Refused.', { error: 'invalid_grant', status: 400 }), new Error('A bug')])(
  'does not receive a failure that may be true for the holder alone: %s',
  async (failure) => {
    const { store, elsewhere } = setup();
    const turn = await openTurn(elsewhere, () => Promise.reject(failure));
    const waiting = store.lock(key, async () => 'own');
    await pause(5);
    turn.release();
    expect(await waiting).toBe('own');
    expect(await errorOf(turn.ended)).toBe(failure);
  },
);

it('does the work itself where the failure of the holder is damaged', async () => {
  const { engine, store, elsewhere } = setup();
  const turn = await openTurn(elsewhere);
  const waiting = store.lock(key, async () => 'own');
  await pause(5);
  for (const row of engine.rows.values()) row.failure = { id: 'damaged', text: '{"code":' };
  turn.release();
  expect(await waiting).toBe('own');
});

it('refuses the write of a holder that has lost its lock to a newer one', async () => {
  const { engine, store, elsewhere } = setup();
  const turn = await openTurn(store, async () => store.set(key, token('stale')));
  engine.loseLock();
  await elsewhere.lock(key, async () => elsewhere.set(key, token('newer')));
  turn.release();
  expect(await errorOf(turn.ended)).toMatchObject({ code: 'lock_lost', retryable: true });
  expect(await store.get(key)).toMatchObject({ access_token: 'newer' });
});

it('says before a request that the lock is lost', async () => {
  const { engine, store } = setup();
  await store.lock(key, async () => {
    const { assertHeld } = await store.reserve(key);
    engine.loseLock();
    expect(() => assertHeld?.()).toThrow(expect.objectContaining({ code: 'lock_lost' }));
  });
});

it('tells the next holder of a request without an outcome', async () => {
  const { store, elsewhere } = setup();
  await store.lock(key, async () => store.reserve(key));
  await elsewhere.lock(key, async () => {
    const { interrupted, release } = await elsewhere.reserve(key);
    expect(interrupted).toBe(true);
    await release?.();
  });
  await store.lock(key, async () => {
    expect(await store.reserve(key)).toMatchObject({ interrupted: true });
    await store.set(key, token('a'));
    expect(await store.reserve(key)).toMatchObject({ interrupted: false });
  });
});

it('reserves only with the lock held', async () => {
  const { store } = setup();
  expect(await errorOf(store.reserve(key))).toBeInstanceOf(TypeError);
});

it('ends the wait at an abort, with the reason of the signal', async () => {
  const { store, elsewhere } = setup();
  const turn = await openTurn(elsewhere);
  const controller = new AbortController();
  const waiting = errorOf(store.lock(key, async () => undefined, { signal: controller.signal }));
  await pause(5);
  const reason = new Error('stop');
  controller.abort(reason);
  expect(await waiting).toBe(reason);
  turn.release();
  await turn.ended;
  expect(await store.lock(key, async () => 'free')).toBe('free');
});

it('frees a lock that the engine gives after the abort', async () => {
  const { engine, store, elsewhere } = setup();
  const delay = Promise.withResolvers<void>();
  engine.delay = delay.promise;
  const controller = new AbortController();
  const waiting = errorOf(store.lock(key, async () => undefined, { signal: controller.signal }));
  await pause(5);
  controller.abort(new Error('stop'));
  await waiting;
  delay.resolve();
  expect(await elsewhere.lock(key, async () => 'free')).toBe('free');
  expect(engine.trips).toContain('end');
});

it('forgets an attempt that fails after the abort', async () => {
  const { engine, store } = setup();
  const delay = Promise.withResolvers<void>();
  Object.assign(engine, { delay: delay.promise, isAway: true });
  const controller = new AbortController();
  const waiting = errorOf(store.lock(key, async () => undefined, { signal: controller.signal }));
  await pause(5);
  controller.abort(new Error('stop'));
  await waiting;
  delay.resolve();
  await vi.waitFor(() => expect(engine.trips).toEqual(['tryLock']));
});

it('tries once with a timeout of 0, also right after another lock', async () => {
  const { engine, store, elsewhere } = setup();
  expect(await store.lock(key, async () => 'first')).toBe('first');
  expect(await store.lock(key, async () => 'second', { timeout: 0 })).toBe('second');
  const turn = await openTurn(elsewhere);
  engine.trips.length = 0;
  const refused = await errorOf(store.lock(key, async () => undefined, { timeout: 0 }));
  expect(refused).toMatchObject({ code: 'lock_timeout', retryable: true });
  expect(engine.trips).toEqual(['tryLock']);
  turn.release();
  await turn.ended;
});

it('gives up after the timeout', async () => {
  const { store, elsewhere } = setup();
  const turn = await openTurn(elsewhere);
  expect(await errorOf(store.lock(key, async () => undefined, { timeout: 30 }))).toMatchObject({
    code: 'lock_timeout',
  });
  turn.release();
});

it('stores only under keys of tokenKey', async () => {
  const { store } = setup();
  expect(await errorOf(Promise.resolve(store.set('another key', token('a'))))).toBeInstanceOf(TypeError);
});

it('leaves out a damaged text, and stores the next token in its place', async () => {
  const { engine, store, elsewhere } = setup();
  await store.set(key, token('a'));
  for (const row of engine.rows.values()) row.text = row.text?.slice(0, 20);
  expect(await elsewhere.get(key)).toBeUndefined();
  expect(await keysOf(elsewhere)).toEqual([]);
  await elsewhere.set(key, token('b'));
  expect(await elsewhere.get(key)).toMatchObject({ access_token: 'b' });
});

it('asks for the encryption key before the request whose answer it is to store', async () => {
  const engine = createMemoryEngine();
  const problem = new OAuthError('storage_unavailable', 'The keychain is locked. Unlock it.', { retryable: true });
  const encryption = { id: 'locked', key: async () => Promise.reject(problem) };
  const store = createSharedStore(engine, { place: 'the table of this test', encryption });
  await store.lock(key, async () => {
    expect(await errorOf(store.reserve(key))).toBe(problem);
  });
  expect(engine.trips).toEqual(['tryLock', 'end']);
});

it('does not use a refresh token that is encrypted with a key that it does not have', async () => {
  const { engine, store } = setup();
  const encryption = { id: 'key', key: async () => new Uint8Array(32).fill(7) };
  await createSharedStore(engine, { place: 'the table of this test', encryption }).set(key, token('a'));
  await store.lock(key, async () => {
    expect(await errorOf(store.reserve(key))).toMatchObject({ code: 'decryption_failed' });
  });
  expect(await errorOf(store.get(key))).toMatchObject({ code: 'decryption_failed' });
  expect(await keysOf(store)).toEqual([key]);
});

it('describes what is stored without the encryption key, and shows no secret', async () => {
  const { engine, store } = setup();
  await store.set(otherKey, token('pl4nted'));
  const id = 'key-1';
  const encryption = { id, key: async () => new Uint8Array(32).fill(1) };
  await createSharedStore(engine, { place: 'the table of this test', encryption }).set(key, {
    ...token('pl4nted'),
    refresh_token: 'pl4nted',
  });
  engine.rows.set('damaged', { text: 'damaged', version: 1 });
  const lockedKey = async (): Promise<never> => {
    throw new OAuthError('storage_unavailable', 'The keychain is locked.', { retryable: true });
  };
  const expires_at: unknown = expect.any(Number);
  const shown = { issuer: 'https://as.example', grant_type: 'authorization_code', expires_at };
  for (const lost of [undefined, { id: 'key-2', key: encryption.key }, { id, key: lockedKey }]) {
    const listed: unknown[] = [];
    for await (const each of createSharedStore(engine, { place: 'the table of this test', encryption: lost }).list())
      listed.push(each);
    expect(listed).toEqual([
      { ...shown, key: otherKey, client_id: 'other', has_refresh_token: false },
      { ...shown, key, client_id: 'tool', has_refresh_token: true, encryption_key: id },
    ]);
    expect(JSON.stringify(listed)).not.toContain('pl4nted');
  }
});

it('looks once for many calls at the same moment', async () => {
  const { engine, store } = setup();
  const first = token('first');
  await createSharedStore(engine, { place: 'the table of this test' }).set(key, first);
  engine.trips.length = 0;
  const found = await Promise.all(Array.from({ length: 20 }, async () => store.get(key)));
  expect(found).toEqual(Array.from({ length: 20 }, () => first));
  expect(engine.trips).toEqual(['read']);
});

it('does not remember what a deletion has overtaken', async () => {
  const { engine, store, elsewhere } = setup();
  await elsewhere.set(key, token('a'));
  const answer = Promise.withResolvers<void>();
  const read = engine.read.bind(engine);
  engine.read = async (digest) => {
    const state = await read(digest);
    await answer.promise;
    return state;
  };
  const early = store.get(key);
  await store.delete(key);
  answer.resolve();
  expect(await early).toMatchObject({ access_token: 'a' });
  expect(await store.get(key)).toBeUndefined();
});

it('shares the failure of a look, and looks again with the next call', async () => {
  const { engine, store } = setup();
  engine.isAway = true;
  engine.trips.length = 0;
  const all = await Promise.allSettled([store.get(key), store.get(key)]);
  expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(engine.trips).toEqual(['read']);
  engine.isAway = false;
  expect(await store.get(key)).toBeUndefined();
});

it('serves no token from memory that could not be deleted because the engine is away', async () => {
  const { engine, store } = setup();
  await store.set(key, token('a'));
  engine.isAway = true;
  await expect(Promise.resolve(store.delete(key))).rejects.toMatchObject({ code: 'storage_unavailable' });
  await expect(Promise.resolve(store.get(key))).rejects.toMatchObject({ code: 'storage_unavailable' });
});

it('says in its messages what it could not read', async () => {
  const { engine } = setup();
  const place = 'the table of this test';
  const bytes = async (): Promise<Uint8Array> => new Uint8Array(32).fill(1);
  await createSharedStore(engine, { place, encryption: { id: 'key-1', key: bytes } }).set(key, token('a'));
  const other = createSharedStore(engine, { place, encryption: { id: 'key-2', key: bytes } });
  await expect(Promise.resolve(other.get(key))).rejects.toThrow(
    /^A token in the table of this test was encrypted with the key "key-1"/,
  );
});
