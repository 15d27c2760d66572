import { isObject, startTimeout } from '@oa/mechanisms';
import { statementUnanswered, poolUnanswered, toEngineError } from './failures.ts';
import type { PostgresClient, PostgresPool } from './pool.ts';
import type { TableName } from './table.ts';

/** A row of a result. All columns are read as text, because a program may have set its own parsers of types. */
export type Row = Readonly<Record<string, string | null>>;

/** A connection that is checked out of the pool. */
export interface Connection {
  client: PostgresClient;
  /**
   * Runs statements, one call after the other. Several statements must have no values.
   *
   * @returns the rows of all statements
   * @throws {OAuthError} `storage_unavailable`
   */
  run(text: string, values?: (string | null)[]): Promise<Row[]>;
  isBroken(): boolean;
  /** Calls `listener` once when the connection breaks. */
  onBreak(listener: () => void): void;
  /** Closes it. It counts as broken then. */
  close(): void;
  /** Gives it back to the pool, after the statements that run. */
  giveBack(): void;
}

/** Opens connections of one pool. */
export interface Connector {
  table: TableName;
  /** @throws {OAuthError} `storage_unavailable` */
  open(): Promise<Connection>;
}

/** @param timeout milliseconds for a connection, and for each statement */
export function createConnector(pool: PostgresPool, table: TableName, timeout: number): Connector {
  return {
    table,
    async open() {
      const asked = (async () => pool.connect())();
      try {
        return createConnection(await withinTime(asked, timeout, () => poolUnanswered(table, timeout)), table, timeout);
      } catch (error) {
        // It may come later.
        asked.then(
          (client) => client.release(),
          () => undefined,
        );
        throw toEngineError(error, table);
      }
    },
  };
}

function createConnection(client: PostgresClient, table: TableName, timeout: number): Connection {
  const listeners: (() => void)[] = [];
  let tail: Promise<unknown> = Promise.resolve();
  let isBroken = false;
  let isReleased = false;

  function release(destroy: boolean): void {
    if (isReleased) return;
    isReleased = true;
    client.removeListener('end', onEnd);
    client.release(destroy);
    // After the release, when the pool listens for errors.
    client.removeListener('error', onEnd);
  }

  /** The second time nothing is left to do. */
  function onEnd(): void {
    isBroken = true;
    release(true);
    for (const listener of listeners.splice(0)) listener();
  }

  async function send(text: string, values: (string | null)[] | undefined): Promise<Row[]> {
    if (isReleased) throw toEngineError(undefined, table);
    try {
      const sent = values === undefined ? client.query(text) : client.query(text, values);
      return rowsOfResult(await withinTime(sent, timeout, () => statementUnanswered(table, timeout)));
    } catch (error) {
      // Only a statement that the engine refused leaves the connection as it was.
      if (!isRefusal(error)) onEnd();
      throw toEngineError(error, table);
    }
  }

  client.on('error', onEnd);
  client.on('end', onEnd);
  return {
    client,
    run(text, values) {
      const rows = tail.then(() => send(text, values));
      tail = rows.catch(() => undefined);
      return rows;
    },
    isBroken: () => isBroken,
    close: onEnd,
    onBreak: (listener) => void listeners.push(listener),
    giveBack() {
      void tail.then(() => release(false));
    },
  };
}

/** An error of class 57P means that the session ends. */
function isRefusal(error: unknown): boolean {
  if (!isObject(error) || error['severity'] === 'FATAL') return false;
  return typeof error['code'] === 'string' && /^[0-9A-Z]{5}$/.test(error['code']) && !error['code'].startsWith('57P');
}

async function withinTime<T>(promise: Promise<T>, milliseconds: number, toError: () => Error): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const cancel = startTimeout(() => reject(toError()), milliseconds);
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel();
  }
}

function rowsOfResult(result: unknown): Row[] {
  const results = (Array.isArray(result) ? result : [result]) as { rows: Row[] }[];
  return results.flatMap(({ rows }) => rows);
}
