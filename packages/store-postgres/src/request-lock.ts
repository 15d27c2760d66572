import type { EngineState } from '@oa/shared-store';
import { attempt } from '@oa/types';
import type { Connection, Connector, Row } from './connection.ts';
import { engineCodeOf } from './failures.ts';
import { assertOwnSession } from './pooler.ts';
import type { PostgresClient } from './pool.ts';
import type { LockSession } from './session.ts';
import { failureDigestOf, type Statements } from './statements.ts';

/** What is stored for a key. */
export interface StoredRow {
  state: EngineState;
  /** `undefined` if there is no row. */
  version: string | null | undefined;
  sign: Sign | undefined;
}

/** The sign that the value is being used. */
export interface Sign {
  at: string;
  /** The holder. `undefined` after it has ended without an answer. */
  by: string | undefined;
  ageSeconds: number;
}

/** One attempt to take the lock of a key. */
export interface LockRequest {
  isLocked: boolean;
  /** The process of the engine that serves the session. */
  pid: string | null | undefined;
  row: StoredRow;
}

/** How the engine refuses a setting that it does not know, or that its system does not have. */
const UNKNOWN_SETTING_CODES: ReadonlySet<unknown> = new Set(['42704', '22023']);

/** Reads the rows of a key. */
export function toStoredRow(digest: string, rows: readonly Row[]): StoredRow {
  const row = rows.find(({ key_digest }) => key_digest === digest);
  const failed = rows.find(({ key_digest }) => key_digest === failureDigestOf(digest));
  const at = row?.['reserved_at'] ?? undefined;
  return {
    state: {
      text: row?.['value'] ?? undefined,
      failure: failed && { id: String(failed['reserved_by']), text: String(failed['value']) },
    },
    version: row?.['version'],
    sign:
      at === undefined ? undefined : { at, by: row?.['reserved_by'] ?? undefined, ageSeconds: Number(row?.['age']) },
  };
}

/** Asks for locks over the session of one store, in one round trip each. */
export function createLockRequests(
  connector: Connector,
  session: LockSession,
  statements: Statements,
): (connection: Connection, digest: string) => Promise<LockRequest> {
  const checked = new WeakSet<PostgresClient>();

  /** The lock is taken before the row is read. Where the role may not read the table, for example, it is held in vain. */
  async function freeTaken(connection: Connection, digest: string): Promise<void> {
    if (!connection.isBroken()) await attempt(connection.run(statements.unlock(digest)));
  }

  return async function requestLock(connection, digest) {
    const { client } = connection;
    // Behind a pooler the client has the number of a process that does not serve it.
    const backend = checked.has(client) ? undefined : (client.processID ?? 0);
    const { hasConnectionCheck } = session;
    let rows: Row[];
    try {
      rows = await connection.run(statements.lock(digest, backend, hasConnectionCheck));
    } catch (error) {
      await freeTaken(connection, digest);
      if (!hasConnectionCheck || !UNKNOWN_SETTING_CODES.has(engineCodeOf(error))) throw error;
      session.hasConnectionCheck = false;
      return requestLock(connection, digest);
    }
    const attempted = rows.find((row) => 'locked' in row);
    if (attempted?.['locked'] === null) {
      await assertOwnSession(connection, connector, attempted['pid']);
      checked.add(client);
      return requestLock(connection, digest);
    }
    checked.add(client);
    return {
      isLocked: attempted?.['locked'] === 'true',
      pid: attempted?.['pid'],
      row: toStoredRow(digest, rows),
    };
  };
}
