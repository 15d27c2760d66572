import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import { postgresStore } from '@oa/store-postgres';
import { attempt, type OAuthError } from '@oa/types';
import { Pool, type PoolConfig } from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { holdReserved, isInstalled, KEY, TOKEN, usePostgres } from './setup.ts';

const FOREIGN_KEY = KEY.replace('"p"', '"q"');

describe.skipIf(!isInstalled)('an engine that fails', () => {
  const fixture = usePostgres();

  /** What each call of a store rejects with, after it was checked. */
  async function failuresOf(options: PoolConfig, table?: string, timeout = 2000): Promise<OAuthError> {
    const pool = fixture.pool(options);
    const store = postgresStore({ pool, table, timeout });
    let runs = 0;
    const list = async (): Promise<void> => {
      for await (const _ of store.keys()) runs += 1;
    };
    const calls = [
      async () => store.get(KEY),
      async () => store.set(KEY, TOKEN),
      async () => store.delete(KEY),
      list,
      async () => store.lock(KEY, async () => (runs += 1)),
    ];
    const errors: OAuthError[] = [];
    for (const call of calls) errors.push(await rejectionOf(call()));
    expect(runs).toBe(0);
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
      expect(error.message).toBe(errors[0]?.message);
      expect(error.message).toMatch(/^[A-Z].*[.;]$/);
      const shown = inspectAll(error);
      for (const secret of [fixture.server.password, 's3cret', 'postgres://', 'wrong-passw0rd'])
        expect(shown).not.toContain(secret);
    }
    return errors[0] as OAuthError;
  }

  const connectionString = (change: Partial<URL>): string =>
    String(Object.assign(new URL(fixture.server.connectionString), change));

  it('names the password, the user and the database that are wrong', async () => {
    expect(
      (await failuresOf({ connectionString: connectionString({ password: 'wrong-passw0rd' }) })).message,
    ).toContain('(28P01). It refused the password.');
    expect((await failuresOf({ connectionString: connectionString({ pathname: '/nowhere' }) })).message).toContain(
      '(3D000). It has no database of this name.',
    );
  });

  it('says that nothing listens, and that a port is closed', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { message } = await failuresOf({ connectionString: connectionString({ port: String(port) }) });
    expect(message).toContain("(ECONNREFUSED). It can't be reached");
  });

  it('has the statement that makes a missing table', async () => {
    const { message } = await failuresOf({}, 'public.missing');
    expect(message).toContain(
      'has no table public.missing. Create it: create table if not exists "public"."missing" (',
    );
    const statement = message.slice(message.indexOf('create table'));
    await fixture.pool().query(statement);
    const store = postgresStore({ pool: fixture.pool(), table: 'public.missing' });
    await store.set(KEY, TOKEN);
    expect(await store.get(KEY)).toEqual(TOKEN);
  });

  it('says that the role has no right to the table, and leaves no lock', async () => {
    await fixture.open({ table: 'guarded' });
    await fixture.pool().query("create role guest login password 'planted-passw0rd'");
    const { message } = await failuresOf({ connectionString: connectionString({ username: 'guest' }) }, 'guarded');
    expect(message).toContain('(42501). The role has no right to this table.');
    const { rows } = await fixture.pool().query("select * from pg_locks where locktype = 'advisory'");
    expect(rows).toEqual([]);
  });

  it('says that the table has other columns', async () => {
    await fixture.pool().query('create table other_columns (id int)');
    expect((await failuresOf({}, 'other_columns')).message).toContain('(42703). The table has other columns.');
  });

  it('says that the pool has no free connection, and uses one that comes later', async () => {
    await fixture.open();
    const pool = fixture.pool({ max: 1 });
    const client = await pool.connect();
    const store = postgresStore({ pool, timeout: 200 });
    const error = await rejectionOf(Promise.resolve(store.get(KEY)));
    expect(error.message).toMatch(/^The pool gave no connection .* within 0.2 seconds\./);
    client.release();
    await store.set(KEY, TOKEN);
    expect(pool.totalCount).toBe(1);
  });

  it('says that the database is read-only, and reserve rejects before a request', async () => {
    const writer = await fixture.open();
    await writer.set(KEY, TOKEN);
    const store = postgresStore({ pool: fixture.pool({ options: '-c default_transaction_read_only=on' }) });
    expect(await store.get(KEY)).toEqual(TOKEN);
    const error = await rejectionOf(store.lock(KEY, async () => store.reserve(KEY)));
    expect(error).toMatchObject({ code: 'storage_unavailable', retryable: true });
    expect(error.message).toContain('(25006). It is read-only, as a standby is.');
  });

  it('says that a statement took too long: its own timeout, or that of the engine', async () => {
    await fixture.open({ table: 'busy' });
    const blocker = await fixture.pool().connect();
    await blocker.query('begin; lock table busy in access exclusive mode');
    try {
      const { message } = await failuresOf({}, 'busy', 300);
      expect(message).toContain('did not answer within 0.3 seconds');
      const limited = await failuresOf({ options: '-c statement_timeout=100' }, 'busy');
      expect(limited.message).toContain('(57014). A statement took longer than its statement_timeout.');
    } finally {
      await blocker.query('rollback');
      blocker.release();
    }
    const { rows } = await fixture.pool().query("select * from pg_locks where locktype = 'advisory'");
    expect(rows).toEqual([]);
  });

  it('does not end the program when an idle connection of the pool breaks', async () => {
    await fixture.open();
    const pool = new Pool({ connectionString: fixture.server.connectionString });
    onTestFinished(() => pool.end());
    const store = postgresStore({ pool });
    expect(postgresStore({ pool })).toBeDefined();
    expect(pool.listenerCount('error')).toBe(1);
    await store.set(KEY, TOKEN);
    const broken = new Promise((resolve) => pool.once('error', resolve));
    await fixture.pool().query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()');
    await broken;
    expect(await store.get(FOREIGN_KEY)).toBeUndefined();
  });

  it('is told from one that goes on: stopped, killed or paused, it serves what this process has read', async () => {
    const valid = { ...TOKEN, expires_at: Math.floor(Date.now() / 1000) + 600 };
    const { server } = fixture;
    const outages: readonly (readonly [() => Promise<void>, () => Promise<void>])[] = [
      [server.stop, server.start],
      [server.kill, server.start],
      [async () => server.pause(), async () => server.resume()],
    ];
    for (const [end, begin] of outages) {
      const store = await fixture.open({ timeout: 500 });
      await store.set(KEY, valid);
      await store.get(KEY);
      await end();
      // Past the memory of a second.
      await sleep(1100);
      try {
        expect(await store.get(KEY)).toEqual(valid);
        for (const call of [async () => store.get(FOREIGN_KEY), async () => store.set(KEY, valid)])
          expect(await rejectionOf(call())).toMatchObject({ code: 'storage_unavailable', retryable: true });
        let runs = 0;
        const locked = store.lock(KEY, async () => (runs += 1));
        expect(await rejectionOf(locked)).toMatchObject({ code: 'storage_unavailable', retryable: true });
        expect(runs).toBe(0);
      } finally {
        await begin();
      }
      await expect
        .poll(async () => (await attempt(Promise.resolve(store.get(KEY)))).ok, { timeout: 20_000 })
        .toBe(true);
      const held = await holdReserved(store);
      await held.release?.();
      await held.end();
    }
  });

  it('lets an abort end a wait for it', async () => {
    const store = await fixture.open({ timeout: 60_000 });
    fixture.server.pause();
    try {
      const reason = new Error('no longer needed');
      const lock = store.lock(KEY, async () => 'locked', { signal: AbortSignal.timeout(100) });
      await expect(lock).rejects.toMatchObject({ name: 'TimeoutError' });
      const controller = new AbortController();
      controller.abort(reason);
      await expect(store.lock(KEY, async () => 'locked', { signal: controller.signal })).rejects.toBe(reason);
    } finally {
      fixture.server.resume();
    }
    // The lock that came later was freed.
    const other = await fixture.open();
    expect(await other.lock(KEY, async () => 'next')).toBe('next');
  });

  it('is away where the network swallows all: no wait is longer than the timeout', async () => {
    const sockets = new Set<Socket>();
    let isCut = false;
    const proxy = createServer((socket) => {
      const target = connect(fixture.server.port, '127.0.0.1');
      for (const each of [socket, target]) sockets.add(each.on('error', () => undefined));
      socket.on('data', (data) => isCut || target.write(data));
      target.on('data', (data) => isCut || socket.write(data));
    }).listen(0, '127.0.0.1');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      proxy.close();
    });
    await new Promise((resolve) => proxy.once('listening', resolve));
    const port = String((proxy.address() as AddressInfo).port);
    const pool = fixture.pool({ connectionString: connectionString({ port }) });
    const store = postgresStore({ pool, timeout: 300 });
    const held = await holdReserved(store);
    isCut = true;
    const queued = [FOREIGN_KEY, `${FOREIGN_KEY}2`].map((key) => rejectionOf(Promise.resolve(store.get(key))));
    const errors = await Promise.all(queued);
    expect(errors).toMatchObject([{ retryable: true }, { retryable: true }]);
    expect(errors[0]?.message).toContain('did not answer within 0.3 seconds');
    // The connection of the lock was the one that did not answer.
    expect(() => held.assertHeld?.()).toThrow(expect.objectContaining({ code: 'lock_lost', retryable: true }));
    await held.end();
  });
});
