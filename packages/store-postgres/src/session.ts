import type { Connection, Connector } from './connection.ts';
import { resetStatements, type Statements } from './statements.ts';

/** The one connection that has all locks of a store. It is checked out only while there are locks. */
export interface LockSession {
  /** Opens the connection, or joins the one that is open. Each call needs one call of `leave`. */
  join(): Promise<Connection>;
  /** The last one to leave gives the connection back to the pool. */
  leave(connection: Connection): void;
  /** Frees the lock of a key, and leaves. */
  unlock(connection: Connection, digest: string): Promise<void>;
  /** The connection, if it is open. The pool may have no other one. */
  opened(): Connection | undefined;
  /** Whether the engine has the newer settings. */
  hasConnectionCheck: boolean;
}

/** Creates the session of one store. */
export function createLockSession(connector: Connector, statements: Statements): LockSession {
  let opening: Promise<Connection> | undefined;
  let current: Connection | undefined;
  let users = 0;

  async function open(): Promise<Connection> {
    const connection = await connector.open();
    current = connection;
    users = 0;
    connection.onBreak(() => {
      if (current === connection) current = undefined;
    });
    return connection;
  }

  async function join(): Promise<Connection> {
    if (current === undefined) opening ??= open().finally(() => (opening = undefined));
    const connection = current ?? (await opening);
    // It may have ended, or have been given back, before this call went on.
    if (connection === undefined || connection !== current) return join();
    users += 1;
    return connection;
  }

  /** @returns whether the connection is to be given back now */
  function isLastUser(connection: Connection): boolean {
    if (connection !== current) return false;
    users -= 1;
    if (users > 0) return false;
    current = undefined;
    return true;
  }

  const session: LockSession = {
    hasConnectionCheck: true,
    join,
    opened: () => current,
    leave(connection) {
      if (isLastUser(connection)) connection.giveBack();
    },
    async unlock(connection, digest) {
      const isLast = isLastUser(connection);
      const resets = isLast ? resetStatements(session.hasConnectionCheck) : [];
      try {
        await connection.run([statements.unlock(digest), ...resets].join('; '));
      } catch {
        // The lock ends with the connection, and not before.
        connection.close();
      }
      if (isLast) connection.giveBack();
    },
  };
  return session;
}
