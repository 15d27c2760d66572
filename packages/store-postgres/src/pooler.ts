import type { Connection, Connector } from './connection.ts';
import { transactionPooling } from './failures.ts';

const LAST_LOOKS = 2;

/**
 * Checks that a connection has a session of its own. PgBouncer in transaction mode gives the session to another connection between two
 * statements.
 *
 * A second connection looks too: it holds a transaction, so a session that it got from the first one is not there for the next statement
 * of the first one. Where nothing else uses the pooler, the first connection alone would always get the same session. The looks after the
 * transaction are for a pooler that uses its sessions in turn.
 *
 * @param seen the process that has served the connection before
 * @throws {OAuthError} `storage_unavailable`
 */
export async function assertOwnSession(
  connection: Connection,
  connector: Connector,
  seen: string | null | undefined,
): Promise<void> {
  const own = new Set([seen, await backendOf(connection)]);
  const other = await connector.open();
  try {
    await other.run('begin');
    const otherBackend = await backendOf(other);
    own.add(await backendOf(connection));
    await other.run('rollback');
    for (let look = 0; look < LAST_LOOKS; look += 1) own.add(await backendOf(connection));
    if (own.size > 1 || own.has(otherBackend)) throw transactionPooling(connector.table);
  } finally {
    other.giveBack();
  }
}

async function backendOf(connection: Connection): Promise<string | null | undefined> {
  const [row] = await connection.run('select pg_backend_pid()::text as pid');
  return row?.['pid'];
}
