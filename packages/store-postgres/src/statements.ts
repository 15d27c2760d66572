import type { TableName } from './table.ts';

/** The statements of one table. The numbers are those of the values. */
export interface Statements {
  /**
   * Asks for the lock of a key, and then reads what is stored with a snapshot that is younger than the lock, also where transactions are
   * `serializable` by default. It has several statements, so a digest and numbers stand in it, and never a value.
   *
   * @param backend the process that must serve the session. Otherwise the lock is not asked for.
   */
  lock(digest: string, backend: number | undefined, hasConnectionCheck: boolean): string;
  /** Frees the lock of a key. */
  unlock(digest: string): string;
  /** $1 digest, $2 digest of the failure */
  read: string;
  /** $1 digest, $2 holder, $3 version */
  reserve: string;
  /** $1 digest, $2 holder */
  reserveNew: string;
  /** $1 digest, $2 holder, $3 time of the earlier sign */
  release: string;
  /** $1 digest, $2 holder */
  endSign: string;
  /** $1 digest of the failure, $2 text, $3 id of the failure */
  fail: string;
  /** $1 digest, $2 digest of the failure, $3 text, $4 version */
  update: string;
  /** $1 digest, $2 digest of the failure, $3 text */
  insert: string;
  /** $1 digest, $2 digest of the failure, $3 version */
  remove: string;
  /** $1 digest, $2 digest of the failure, $3 text */
  overwrite: string;
  /** $1 digest, $2 digest of the failure */
  removeAny: string;
  /** $1 the last digest of the page before */
  page: string;
}

/** The texts of a page are in memory at once. */
const MAX_PAGE_ROWS = 100;
const FAILURE_SUFFIX = '.failure';

/** What a session sets while it holds a lock: how soon the engine sees that the process or its machine is gone. */
const LOCK_SETTINGS = {
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '3',
};
/** Not in PostgreSQL 13 and on some systems. The last one must not end the session of a holder that waits for an answer. */
const NEWER_SETTINGS = { client_connection_check_interval: '500', idle_session_timeout: '0' };

/** The digest of the row for the failure of a holder. */
export function failureDigestOf(digest: string): string {
  return `${digest}${FAILURE_SUFFIX}`;
}

/** The statements after which the session is as the program knows it. */
export function resetStatements(hasConnectionCheck: boolean): string[] {
  return Object.keys(settings(hasConnectionCheck)).map((name) => `reset ${name}`);
}

function settings(hasConnectionCheck: boolean): Record<string, string> {
  return hasConnectionCheck ? { ...LOCK_SETTINGS, ...NEWER_SETTINGS } : LOCK_SETTINGS;
}

/** Creates the statements of one table. */
export function createStatements({ quoted }: TableName): Statements {
  const columns = `key_digest, value, version::text, reserved_at::text, reserved_by,
    extract(epoch from clock_timestamp() - reserved_at)::text as age`;
  // Never the number of a deleted row, whose holder could take the new row for it.
  const firstVersion = `(extract(epoch from clock_timestamp()) * 1000000)::bigint`;
  const signFree = 'reserved_at = null, reserved_by = null';
  const withoutFailure = `failed as (delete from ${quoted} where key_digest = $2)`;
  const written = 'select version::text from written';
  // 64 bits of a hash of the key and the table, whose name can be written in several ways. Two keys with the same number, or a program with
  // locks of its own, only wait for each other.
  const lockNumber = (digest: string): string => `hashtextextended('${digest}', '${quoted}'::regclass::oid::bigint)`;
  return {
    unlock: (digest) => `select pg_advisory_unlock(${lockNumber(digest)})`,
    lock(digest, backend, hasConnectionCheck) {
      const tries = `pg_try_advisory_lock(${lockNumber(digest)})`;
      const attempted = backend === undefined ? tries : `case when pg_backend_pid() = ${backend} then ${tries} end`;
      const sets = Object.entries(settings(hasConnectionCheck)).map(
        ([name, value]) => `set_config('${name}', '${value}', false)`,
      );
      return `set transaction isolation level read committed;
        select pid::text, locked::text, case when locked then concat(${sets.join(', ')}) end as settings
          from (select pg_backend_pid() as pid, ${attempted} as locked offset 0) as attempt;
        select ${columns} from ${quoted} where key_digest in ('${digest}', '${failureDigestOf(digest)}')`;
    },
    read: `select ${columns} from ${quoted} where key_digest in ($1, $2)`,
    reserve: `update ${quoted} set reserved_at = clock_timestamp(), reserved_by = $2
      where key_digest = $1 and version = $3::bigint returning version::text, pg_backend_pid()::text as pid`,
    reserveNew: `insert into ${quoted} (key_digest, version, reserved_at, reserved_by)
      values ($1, ${firstVersion}, clock_timestamp(), $2)
      on conflict do nothing returning version::text, pg_backend_pid()::text as pid`,
    release: `update ${quoted} set reserved_at = $3::timestamptz, reserved_by = null
      where key_digest = $1 and reserved_by = $2`,
    endSign: `update ${quoted} set reserved_by = null where key_digest = $1 and reserved_by = $2`,
    fail: `insert into ${quoted} as stored (key_digest, value, version, reserved_at, reserved_by)
      values ($1, $2, ${firstVersion}, clock_timestamp(), $3) on conflict (key_digest) do update
      set value = excluded.value, reserved_at = excluded.reserved_at, reserved_by = excluded.reserved_by`,
    update: `with ${withoutFailure}, written as (update ${quoted} set value = $3, version = version + 1, ${signFree}
      where key_digest = $1 and version = $4::bigint returning version) ${written}`,
    insert: `with ${withoutFailure}, written as (insert into ${quoted} (key_digest, value, version)
      values ($1, $3, ${firstVersion}) on conflict do nothing returning version) ${written}`,
    remove: `with ${withoutFailure}, written as (delete from ${quoted}
      where key_digest = $1 and version = $3::bigint returning version) ${written}`,
    overwrite: `with ${withoutFailure} insert into ${quoted} as stored (key_digest, value, version)
      values ($1, $3, ${firstVersion}) on conflict (key_digest) do update
      set value = excluded.value, version = stored.version + 1, ${signFree}`,
    removeAny: `delete from ${quoted} where key_digest in ($1, $2)`,
    page: `select key_digest, value from ${quoted}
      where key_digest > $1 and value is not null and key_digest not like '%${FAILURE_SUFFIX}'
      order by key_digest limit ${MAX_PAGE_ROWS}`,
  };
}
