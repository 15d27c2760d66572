import type { Connection, Connector } from './connection.ts';
import { transactionPooling } from './failures.ts';

/**
 * Checks that a connection has a session of its own. PgBouncer in transaction mode gives the session to another connection between two
 * statements.
 *
 * A second connection looks too: it holds a transaction, so a session that it got from the first one is not there for the next statement
 * of the first one. Where nothing else uses the pooler, the first connection alone would always get the same session.
 *
 * @throws {OAuthError} `storage_unavailable`
 */
export async function assertOwnSession(connection: Connection, connector: Connector): Promise<void> {
  const first = await backendOf(connection);
  const other = await connector.open();
  try {
    await other.run('begin');
    const seen = [await backendOf(other), await backendOf(connection), await backendOf(connection)];
    await other.run('rollback');
    if (seen[0] === first || seen[1] !== first || seen[2] !== first) throw transactionPooling(connector.table);
  } finally {
    other.giveBack();
  }
}

async function backendOf(connection: Connection): Promise<string | null | undefined> {
  const [row] = await connection.run('select pg_backend_pid()::text as pid');
  return row?.['pid'];
}
