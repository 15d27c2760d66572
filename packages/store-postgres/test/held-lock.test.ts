import { setTimeout as sleep } from 'node:timers/promises';
import { postgresStore } from '@oa/store-postgres';
import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import { holdReserved, isInstalled, isInterrupted, KEY, TOKEN, usePostgres } from './setup.ts';
import { digestOfKey } from './table.ts';

const SETTINGS = `select name, setting from pg_settings where name like 'tcp_keepalives_%'
  or name in ('client_connection_check_interval', 'idle_session_timeout') order by name`;
const RENEWED = { ...TOKEN, access_token: 'renewed', refresh_token: 'rotated' };

describe.skipIf(!isInstalled)('a lock whose connection ends while its holder lives', () => {
  const fixture = usePostgres();

  /** Ends the sessions that hold advisory locks. */
  async function terminateHolders(admin: Pool): Promise<number> {
    const { rowCount } = await admin.query(
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted",
    );
    return rowCount ?? 0;
  }

  /** The processes of the engine that hold advisory locks, once for each lock. */
  async function holdersOf(admin: Pool): Promise<number[]> {
    const { rows } = await admin.query<{ pid: number }>(
      "select pid from pg_locks where locktype = 'advisory' and granted",
    );
    return rows.map(({ pid }) => pid);
  }

  async function countLocks(admin: Pool): Promise<number> {
    return (await holdersOf(admin)).length;
  }

  it('is lost while the engine is away: assertHeld throws, and reserve rejects', async () => {
    const store = await fixture.open();
    const lost = { code: 'lock_lost', retryable: true };
    const held = await holdReserved(store);
    held.assertHeld?.();
    await fixture.server.stop();
    expect(attemptSync(held.assertHeld)).toMatchObject(lost);
    await expect(Promise.resolve(store.reserve(KEY))).rejects.toMatchObject(lost);
    await fixture.server.start();
    await expect.poll(() => attemptSync(held.assertHeld), { timeout: 10_000 }).toBeUndefined();
    await held.release?.();
    await held.end();
    expect(await isInterrupted(await fixture.open())).toBe(false);
  });

  it('is taken again, before another process that finds its sign may have it; its write is stored', async () => {
    const [store, other, admin] = [await fixture.open(), await fixture.open(), fixture.pool()];
    await store.set(KEY, TOKEN);
    const held = await holdReserved(store);
    const adopted = other.lock(KEY, async () => 'taken over', {
      whileWaiting: async () => ((await other.get(KEY))?.access_token === 'renewed' ? 'adopted' : undefined),
    });
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await terminateHolders(admin)).toBeGreaterThan(0);
      await expect.poll(async () => countLocks(admin), { timeout: 20_000 }).toBe(1);
      await expect.poll(() => attemptSync(held.assertHeld), { timeout: 20_000 }).toBeUndefined();
    }
    await store.set(KEY, RENEWED);
    expect(await adopted).toBe('adopted');
    await held.end();
    expect(await other.lock(KEY, async () => other.get(KEY))).toEqual(RENEWED);
    expect(await isInterrupted(other)).toBe(false);
  });

  it('is taken again after a restart of the engine, and a write during the restart waits for its end', async () => {
    const [store, other] = [await fixture.open(), await fixture.open()];
    await store.set(KEY, TOKEN);
    const held = await holdReserved(store);
    await fixture.server.stop();
    const written = Promise.resolve(store.set(KEY, RENEWED));
    // The write must meet the engine while it is away.
    await sleep(300);
    await fixture.server.start();
    const taken = other.lock(KEY, async () => other.get(KEY));
    await written;
    await held.end();
    expect(await taken).toEqual(RENEWED);
    expect(await isInterrupted(other)).toBe(false);
  });

  it('is free for another process after a grace, where its holder is gone: that is an interruption', async () => {
    const [store, admin] = [await fixture.open(), fixture.pool()];
    await store.set(KEY, TOKEN);
    await admin.query(
      "update oa_tokens set reserved_at = clock_timestamp(), reserved_by = 'killed' where key_digest = $1",
      [digestOfKey(KEY)],
    );
    await expect(store.lock(KEY, async () => 'early', { timeout: 1000 })).rejects.toMatchObject({
      code: 'lock_timeout',
    });
    // While it waits it holds no lock, which the holder may need.
    expect(await countLocks(admin)).toBe(0);
    expect(await isInterrupted(store)).toBe(true);
  });

  it('is free at once where the sign is older than any request, or its holder has ended without an answer', async () => {
    const [store, admin] = [await fixture.open(), fixture.pool()];
    await store.set(KEY, TOKEN);
    for (const sign of [
      "reserved_at = clock_timestamp() - interval '61 seconds', reserved_by = 'killed'",
      'reserved_at = clock_timestamp(), reserved_by = null',
    ]) {
      await admin.query(`update oa_tokens set ${sign} where key_digest = $1`, [digestOfKey(KEY)]);
      expect(await isInterrupted(store, 0)).toBe(true);
    }
  });

  it('is taken again when a process that had it in between has given it back', async () => {
    const [store, admin] = [await fixture.open(), fixture.pool()];
    await store.set(KEY, TOKEN);
    const held = await holdReserved(store);
    const { rows } = await admin.query(
      "select pid, (classid::bigint << 32 | objid::bigint)::text as number from pg_locks where locktype = 'advisory'",
    );
    const { pid, number } = rows[0] as { pid: number; number: string };
    const other = await admin.connect();
    const taken = other.query(`select pg_advisory_lock(${number})`);
    await expect.poll(async () => (await admin.query('select * from pg_locks where not granted')).rowCount).toBe(1);
    await admin.query('select pg_terminate_backend($1)', [pid]);
    await taken;
    // The holder must have asked for its lock again, in vain.
    await sleep(500);
    expect(attemptSync(held.assertHeld)).toMatchObject({ code: 'lock_lost' });
    await other.query(`select pg_advisory_unlock(${number})`);
    other.release();
    await expect.poll(() => attemptSync(held.assertHeld), { timeout: 20_000 }).toBeUndefined();
    await store.set(KEY, RENEWED);
    await held.end();
    expect(await isInterrupted(await fixture.open())).toBe(false);
  });

  it('is not taken again after its work has ended, while the engine was away', async () => {
    const [store, other] = [await fixture.open(), await fixture.open()];
    await store.set(KEY, TOKEN);
    const held = await holdReserved(store);
    await fixture.server.stop();
    await held.release?.();
    const ended = held.end();
    await fixture.server.start();
    await ended;
    expect(await other.get(KEY)).toEqual(TOKEN);
    await expect.poll(async () => countLocks(fixture.pool()), { timeout: 20_000 }).toBe(0);
  });

  it('is not taken again after another holder has written; its own write is refused', async () => {
    const [store, other, admin] = [await fixture.open(), await fixture.open(), fixture.pool()];
    await store.set(KEY, TOKEN);
    const held = await holdReserved(store);
    // A write without the lock, such as one of an administrator.
    await other.set(KEY, RENEWED);
    await terminateHolders(admin);
    await expect.poll(() => attemptSync(held.assertHeld), { timeout: 20_000 }).toMatchObject({ code: 'lock_lost' });
    await expect(Promise.resolve(store.set(KEY, TOKEN))).rejects.toMatchObject({ code: 'lock_lost', retryable: true });
    await expect(Promise.resolve(store.delete(KEY))).rejects.toMatchObject({ code: 'lock_lost' });
    await held.end();
    expect(await other.lock(KEY, async () => other.get(KEY))).toEqual(RENEWED);
    await expect.poll(async () => countLocks(admin), { timeout: 20_000 }).toBe(0);
  });

  it('reserves nothing where another holder has written since it was taken', async () => {
    const [store, other] = [await fixture.open(), await fixture.open()];
    await store.set(KEY, TOKEN);
    await store.lock(KEY, async () => {
      await other.set(KEY, RENEWED);
      await expect(Promise.resolve(store.reserve(KEY))).rejects.toMatchObject({ code: 'lock_lost', retryable: true });
    });
    expect(await isInterrupted(other)).toBe(false);
  });

  it('is not taken again after it was freed, where its connection still has the lock of another key', async () => {
    const [store, admin] = [await fixture.open(), fixture.pool()];
    const first = await holdReserved(store);
    const second = await holdReserved(store, KEY.replace('"p"', '"q"'));
    await first.release?.();
    await first.end();
    await expect.poll(async () => countLocks(admin), { timeout: 20_000 }).toBe(1);
    const before = await holdersOf(admin);
    await terminateHolders(admin);
    await expect.poll(async () => holdersOf(admin), { timeout: 20_000 }).toHaveLength(1);
    await expect.poll(async () => holdersOf(admin), { timeout: 20_000 }).not.toEqual(before);
    await expect.poll(() => attemptSync(second.assertHeld), { timeout: 20_000 }).toBeUndefined();
    expect(await holdersOf(admin)).toHaveLength(1);
    await second.release?.();
    await second.end();
  });

  it('does not write a row that was deleted and written anew', async () => {
    const [store, other] = [await fixture.open(), await fixture.open()];
    await store.set(KEY, TOKEN);
    const held = await holdReserved(store);
    await other.delete(KEY);
    await other.set(KEY, RENEWED);
    await expect(Promise.resolve(store.set(KEY, TOKEN))).rejects.toMatchObject({ code: 'lock_lost' });
    await held.end();
    expect(await other.get(KEY)).toEqual(RENEWED);
  });

  it('knows its own write again where the answer to it was lost', async () => {
    const [store, other] = [await fixture.open(), await fixture.open()];
    await store.delete(KEY);
    const held = await holdReserved(store);
    await store.set(KEY, TOKEN);
    await other.set(KEY, RENEWED);
    // The same text is there, under another version.
    await store.set(KEY, RENEWED);
    await store.delete(KEY);
    await store.delete(KEY);
    await held.end();
    expect(await other.lock(KEY, async () => other.get(KEY))).toBeUndefined();
  });
});

describe.skipIf(!isInstalled)('the session of the locks', () => {
  const fixture = usePostgres();

  it('is one connection for all keys, which goes back to the pool with its settings as they were', async () => {
    const pool = fixture.pool({ max: 3 });
    await fixture.open();
    const before = (await pool.query(SETTINGS)).rows;
    const store = postgresStore({ pool });
    const keys = Array.from({ length: 20 }, (_, index) => KEY.replace('"p"', `"p${index}"`));
    const held = await Promise.all(keys.map((key) => holdReserved(store, key)));
    expect(pool.totalCount - pool.idleCount).toBe(1);
    const settings = await fixture
      .pool()
      .query(
        "select count(*)::int as locks, count(distinct pid)::int as sessions from pg_locks where locktype = 'advisory'",
      );
    expect(settings.rows).toEqual([{ locks: 20, sessions: 1 }]);
    await Promise.all(held.map(({ end }) => end()));
    await expect.poll(() => pool.totalCount - pool.idleCount, { timeout: 20_000 }).toBe(0);
    expect((await pool.query(SETTINGS)).rows).toEqual(before);
  });

  it('has the settings that show a dead process soon, and does not end by itself', async () => {
    const pool = fixture.pool({ max: 1, options: '-c idle_session_timeout=300' });
    await fixture.open();
    const store = postgresStore({ pool });
    const held = await holdReserved(store);
    // Longer than the idle_session_timeout of this pool.
    await sleep(1000);
    expect(attemptSync(held.assertHeld)).toBeUndefined();
    await held.end();
  });

  it('needs one connection of the pool: reads and writes go over it while it is open', async () => {
    await fixture.open();
    const store = postgresStore({ pool: fixture.pool({ max: 1 }), timeout: 3000 });
    const [first, second] = [KEY, KEY.replace('"p"', '"q"')];
    await store.lock(first, async () => {
      await store.reserve(first);
      await store.lock(second, async () => store.set(second, TOKEN));
      expect(await store.get(second)).toEqual(TOKEN);
      await store.set(first, TOKEN);
    });
    expect(await store.get(first)).toEqual(TOKEN);
  });

  it('does without a setting that the engine does not know', async () => {
    await fixture.open();
    const pool = fixture.pool();
    let refused = 0;
    const older = {
      on: pool.on.bind(pool),
      async connect() {
        const client = await pool.connect();
        const query = client.query.bind(client) as (text: string, values?: unknown[]) => Promise<unknown>;
        return Object.assign(client, {
          query(text: string, values?: unknown[]) {
            if (!text.includes('idle_session_timeout')) return query(text, values);
            refused += 1;
            return query(text.replaceAll('idle_session_timeout', 'unknown_timeout'), values);
          },
        });
      },
    };
    const store = postgresStore({ pool: older });
    for (let turn = 0; turn < 2; turn += 1) await store.lock(KEY, async () => store.reserve(KEY));
    expect(refused).toBe(1);
    const { rows } = await fixture.pool().query("select * from pg_locks where locktype = 'advisory'");
    await expect.poll(() => rows, { timeout: 20_000 }).toEqual([]);
  });

  it('reads with a snapshot that is younger than the lock, where transactions are serializable by default', async () => {
    await fixture.open();
    const pool = fixture.pool({ options: '-c default_transaction_isolation=serializable' });
    const levels: unknown[] = [];
    const watched = {
      on: pool.on.bind(pool),
      async connect() {
        const client = await pool.connect();
        const query = client.query.bind(client) as (text: string, values?: unknown[]) => Promise<unknown>;
        return Object.assign(client, {
          async query(text: string, values?: unknown[]) {
            if (!text.includes('pg_try_advisory_lock')) return query(text, values);
            const results = (await query(`${text}; select current_setting('transaction_isolation') as level`)) as {
              rows: { level: string }[];
            }[];
            levels.push(results.pop()?.rows[0]?.level);
            return results;
          },
        });
      },
    };
    expect(await postgresStore({ pool: watched }).lock(KEY, async () => 'locked')).toBe('locked');
    expect(levels).toEqual(['read committed']);
  });
});

function attemptSync(call: (() => void) | undefined): unknown {
  try {
    call?.();
    return undefined;
  } catch (error) {
    return error;
  }
}
