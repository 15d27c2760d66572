// A store that keeps the contract, with a lock that ends by itself, and what breaks it: each fault is one line, as an author could write it.
import { setTimeout as sleep } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import type { ContractStore } from '@oa/store-contract';
import { isShareableError, OAuthError, parseOAuthError, type LockOptions, type Token } from '@oa/types';
import type { Engine } from './engine.ts';

const LEASE_MS = 2900;
const POLL_MS = 10;

/** The clock of all processes of the machine, also across a stop. */
const now = (): number => Number(process.hrtime.bigint() / 1_000_000n);

interface Held {
  fence: number;
  until: number;
}

/** What a store without a lock between processes has. */
const processLocks = new Set<string>();

export function createStore(engine: Engine, fault: string): ContractStore {
  const held = new Map<string, Held>();
  const memory = new Map<string, Token>();
  const rowOf = (key: string): string => (fault === 'keys without case' ? key.toLowerCase() : key);
  const failedOf = (key: string): string => (fault === 'a failure of any key' ? 'failure' : key);
  const lockOf = (key: string): string => (fault === 'one lock for all keys' ? 'lock' : key);

  function get(key: string): Token | undefined {
    if (fault === 'memory without a bound' && memory.has(key)) return memory.get(key);
    if (fault === 'missing while away' && engine.isAway()) return undefined;
    if (fault === 'one damage is all' && isAnyDamaged()) return undefined;
    const [row] = engine.run('SELECT token FROM tokens WHERE key = ? AND token IS NOT NULL', rowOf(key));
    if (row === undefined) return fault === 'missing is null' ? (null as unknown as undefined) : undefined;
    let token: Token;
    try {
      token = deserialize(row['token'] as Uint8Array) as Token;
    } catch (error) {
      if (fault === 'damage is a bug') throw error;
      return undefined;
    }
    memory.set(key, token);
    return token;
  }

  function isAnyDamaged(): boolean {
    return engine.run("SELECT key FROM tokens WHERE token = x'00'").length > 0;
  }

  async function set(key: string, token: Token): Promise<void> {
    if (fault === 'damage stays' && isAnyDamaged()) return;
    if (fault === 'set is quiet while away' && engine.isAway()) return;
    assertHeld(key, fault === 'stale writes');
    const text = fault === 'plain JSON' ? (JSON.parse(JSON.stringify(token)) as Token) : token;
    const known = fault === 'known members only' ? pick(token) : text;
    const stored = fault === 'cut at 64 KB' ? { ...known, access_token: known.access_token.slice(0, 65_536) } : known;
    const write = (value: Token): unknown =>
      engine.run(
        `INSERT INTO tokens (key, token) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET token = excluded.token${fault === 'the sign stays after set' ? '' : ', sign = 0'}`,
        rowOf(key),
        serialize(value),
      );
    if (fault === 'two writes for a value') {
      write({ ...stored, access_token: `${stored.access_token.slice(1)}-` });
      await sleep(20);
    }
    if (fault === 'set does not wait') return void setTimeout(() => engine.isAway() || write(stored), 50);
    write(stored);
    memory.delete(key);
  }

  function assertHeld(key: string, isQuiet = false): void {
    const lock = held.get(key);
    if (lock === undefined || lock.fence === 0 || isQuiet) return;
    const [row] = engine.run('SELECT fence, until FROM locks WHERE key = ?', lockOf(key));
    if (row?.['fence'] === lock.fence && now() < Number(row['until'])) return;
    lost();
  }

  function tryLock(key: string): Held | undefined {
    const until = now() + LEASE_MS;
    if (fault === 'a lock of the process only') return processLocks.has(key) ? undefined : { fence: 0, until };
    const [row] = engine.run(
      `INSERT INTO locks VALUES (?1, abs(random()) >> 12, ?2)
       ON CONFLICT (key) DO UPDATE SET fence = fence + 1, until = ?2 WHERE until < ?3 RETURNING fence`,
      lockOf(key),
      until,
      now(),
    );
    return row === undefined ? undefined : { fence: Number(row['fence']), until };
  }

  function enqueue(key: string): unknown {
    return engine.run('INSERT INTO queue (key) VALUES (?) RETURNING id', key)[0]?.['id'];
  }

  function isNext(key: string, ticket: unknown): boolean {
    return (
      ticket === undefined || engine.run('SELECT min(id) AS id FROM queue WHERE key = ?', key)[0]?.['id'] === ticket
    );
  }

  function failureOf(key: string): { number: number; error: OAuthError | undefined } {
    const [row] = engine.run('SELECT number, error FROM failures WHERE key = ?', failedOf(key));
    if (row === undefined) return { number: 0, error: undefined };
    return { number: Number(row['number']), error: parseOAuthError(JSON.parse(String(row['error']))) };
  }

  async function lock<T>(key: string, work: () => Promise<T>, options: LockOptions<T> = {}): Promise<T> {
    const { signal, timeout = 600_000, whileWaiting } = options;
    if (fault !== 'abort is ignored') signal?.throwIfAborted();
    if (fault === 'no lock') return work();
    if (fault === 'unlocked while away' && engine.isAway()) return work();
    const end = performance.now() + timeout;
    const before = fault === 'old failures are shared' ? 0 : failureOf(key).number;
    let waited = false;
    const adopt = async (): Promise<T | undefined> => {
      const value = fault === 'no waiter adopts' ? undefined : await whileWaiting?.();
      const failure = failureOf(key);
      if (value === undefined && failure.number !== before && failure.error !== undefined) throw failure.error;
      return value;
    };
    let lease: Held | undefined;
    const ticket = fault === 'a queue of waiters' ? enqueue(key) : undefined;
    while ((lease = isNext(key, ticket) ? tryLock(key) : undefined) === undefined) {
      waited = true;
      const value = await adopt();
      if (value !== undefined) return value;
      if (performance.now() >= end && fault !== 'timeout is ignored')
        throw new OAuthError('lock_timeout', 'Another process or call holds the lock.', { retryable: true });
      if (fault !== 'abort is ignored' && signal?.aborted === true) throw signal.reason;
      await sleep(POLL_MS);
    }
    if (ticket !== undefined) engine.run('DELETE FROM queue WHERE id = ?', Number(ticket));
    const result = await hold(key, lease, work, waited ? adopt : async () => undefined);
    return fault === 'no result' ? (undefined as T) : result;
  }

  async function hold<T>(
    key: string,
    lease: Held,
    work: () => Promise<T>,
    adopt: () => Promise<T | undefined>,
  ): Promise<T> {
    if (fault === 'a lock is a sign') sign(rowOf(key));
    held.set(key, lease);
    processLocks.add(key);
    const renewal = setInterval(() => renew(key, lease), LEASE_MS / 4);
    renewal.unref();
    try {
      return (await adopt()) ?? (await work());
    } catch (error) {
      if (fault === 'errors of the work are wrapped') throw new Error('The work has failed.', { cause: error });
      const isShared =
        fault === 'every failure is shared' || (isShareableError(error) && fault !== 'no failure is shared');
      if (isShared && !engine.isAway())
        engine.run(
          'INSERT INTO failures VALUES (?, 1, ?) ON CONFLICT (key) DO UPDATE SET number = number + 1, error = excluded.error',
          failedOf(key),
          JSON.stringify(error instanceof OAuthError ? error : new OAuthError('http_error', String(error))),
        );
      throw error;
    } finally {
      clearInterval(renewal);
      held.delete(key);
      processLocks.delete(key);
      const isKept = engine.isAway() || fault === 'the lock stays';
      if (!isKept) engine.run('DELETE FROM locks WHERE key = ? AND fence = ?', lockOf(key), lease.fence);
    }
  }

  function renew(key: string, lease: Held): void {
    if (engine.isAway() || fault === 'no renewal') return;
    const extend = 'UPDATE locks SET until = ? WHERE key = ? AND fence = ? AND until > ?';
    engine.run(extend, now() + LEASE_MS, lockOf(key), lease.fence, now());
  }

  function sign(row: string): void {
    engine.run('INSERT INTO tokens (key, sign) VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET sign = sign + 1', row);
  }

  async function reserve(key: string): ReturnType<ContractStore['reserve']> {
    if (!held.has(key) && fault !== 'reserve without a lock')
      throw new TypeError('reserve must be called with the lock of its key held.');
    const row = fault === 'one sign for all keys' ? 'sign' : rowOf(key);
    const [found] = engine.run('SELECT sign FROM tokens WHERE key = ?', row);
    if (fault === 'reserve deletes') engine.run('DELETE FROM tokens WHERE key = ?', row);
    sign(row);
    let isOpen = true;
    function release(): void {
      const [left] = engine.run('SELECT sign FROM tokens WHERE key = ?', row);
      const sign = fault === 'release removes every sign' ? 0 : Math.max(Number(left?.['sign']) - 1, 0);
      if (fault === 'release deletes') engine.run('DELETE FROM tokens WHERE key = ?', row);
      if (isOpen && fault !== 'release does nothing') engine.run('UPDATE tokens SET sign = ? WHERE key = ?', sign, row);
      isOpen = false;
    }
    const interrupted = Number(found?.['sign'] ?? 0) > 0 && fault !== 'no interruption';
    if (fault === 'every lock is lost') return { interrupted, release, assertHeld: lost };
    const checks = fault === 'assertHeld is quiet' ? {} : { assertHeld: () => assertHeld(key) };
    return { interrupted, release, ...checks };
  }

  return {
    get,
    set,
    delete: (key) => {
      if (fault !== 'nothing is deleted') engine.run('DELETE FROM tokens WHERE key = ?', rowOf(key));
      memory.delete(key);
    },
    *keys() {
      if (fault === 'damage ends the list' && isAnyDamaged()) throw new SyntaxError('Damaged.');
      for (const row of engine.run('SELECT key, token FROM tokens WHERE token IS NOT NULL'))
        yield `${String(row['key'])}${fault === 'tokens in keys' ? Buffer.from(row['token'] as Uint8Array).toString('latin1') : ''}`;
    },
    lock,
    reserve,
  };
}

function lost(): never {
  throw new OAuthError('lock_lost', 'The lock has ended.', { retryable: true });
}

function pick({ access_token, token_type, expires_at, refresh_token }: Token): Token {
  return {
    access_token,
    token_type,
    ...(expires_at !== undefined && { expires_at }),
    ...(refresh_token !== undefined && { refresh_token }),
  };
}
