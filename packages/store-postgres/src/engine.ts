import { setBounded } from '@oa/mechanisms';
import type { LockAttempt, SharedEngine } from '@oa/shared-store';
import type { Connector, Row } from './connection.ts';
import { createHeldLock, type LockContext } from './held-lock.ts';
import { createLockRequests, toStoredRow, type LockRequest, type Sign, type StoredRow } from './request-lock.ts';
import { createLockSession } from './session.ts';
import { createStatements, failureDigestOf } from './statements.ts';

/**
 * How long a process waits for a holder whose lock is free, but whose sign is left. The engine frees the locks of a holder that is alive when
 * the connection breaks: a restart, a failover, a terminated backend. Such a holder takes its lock again as soon as it can.
 */
const GRACE_MS = 5000;
/** No refresh request takes longer, so the holder of an older sign is gone. */
const MAX_REQUEST_SECONDS = 60;
const MAX_SUSPECTS = 1000;

/** A sign whose holder may be dead. */
interface Suspect {
  holder: string;
  /** On the clock of this process. */
  firstSeen: number;
}

/** Creates the engine of a store in PostgreSQL. */
export function createPostgresEngine(connector: Connector): SharedEngine {
  const statements = createStatements(connector.table);
  const session = createLockSession(connector, statements);
  const requestLock = createLockRequests(connector, session, statements);
  const suspects = new Map<string, Suspect>();
  const context: LockContext = { table: connector.table, session, statements, requestLock, run };

  async function run(text: string, values: (string | null)[]): Promise<Row[]> {
    const opened = session.opened();
    if (opened !== undefined) return opened.run(text, values);
    const connection = await connector.open();
    try {
      return await connection.run(text, values);
    } finally {
      connection.giveBack();
    }
  }

  async function readRow(digest: string): Promise<StoredRow> {
    return toStoredRow(digest, await run(statements.read, [digest, failureDigestOf(digest)]));
  }

  /** Whether the holder of a sign may come back. The lock is free, or is held by this process. */
  function mayComeBack(digest: string, sign: Sign | undefined): boolean {
    if (sign?.by === undefined || sign.ageSeconds > MAX_REQUEST_SECONDS) return false;
    const known = suspects.get(digest);
    const firstSeen = known?.holder === sign.by ? known.firstSeen : performance.now();
    setBounded(suspects, digest, { holder: sign.by, firstSeen }, MAX_SUSPECTS);
    return performance.now() - firstSeen < GRACE_MS;
  }

  /** While a holder may come back, nothing tries for its lock, which would be in its way. */
  async function readSuspect(digest: string): Promise<LockAttempt | undefined> {
    if (!suspects.has(digest)) return undefined;
    const row = await readRow(digest);
    return mayComeBack(digest, row.sign) ? { lock: undefined, state: row.state } : undefined;
  }

  async function tryLock(digest: string): Promise<LockAttempt> {
    const suspected = await readSuspect(digest);
    if (suspected !== undefined) return suspected;
    const connection = await session.join();
    let request: LockRequest | undefined;
    try {
      request = await requestLock(connection, digest);
    } finally {
      if (request?.isLocked !== true) session.leave(connection);
    }
    const { state, sign } = request.row;
    // Another process has the lock, so its holder is alive, whatever was seen before.
    if (!request.isLocked) suspects.delete(digest);
    else if (!mayComeBack(digest, sign)) {
      suspects.delete(digest);
      return { lock: createHeldLock(context, digest, connection, request), state };
    } else void session.unlock(connection, digest);
    return { lock: undefined, state };
  }

  return {
    read: async (digest) => (await readRow(digest)).state,
    tryLock,
    async write(digest, text) {
      const digests = [digest, failureDigestOf(digest)];
      await (text === undefined ? run(statements.removeAny, digests) : run(statements.overwrite, [...digests, text]));
    },
    async *texts() {
      for (let last = ''; ;) {
        const rows = await run(statements.page, [last]);
        for (const { value } of rows) if (typeof value === 'string') yield value;
        const end = rows.at(-1)?.['key_digest'];
        if (end === undefined || end === null) return;
        last = end;
      }
    },
  };
}
