/** What the store needs of a connection. A client of `pg` has it. */
export interface PostgresClient {
  /**
   * Resolves to the result, or to those of several statements.
   *
   * @throws the error of the driver
   */
  query(text: string, values?: (string | null)[]): Promise<unknown>;
  on(event: 'error' | 'end', listener: () => void): unknown;
  removeListener(event: 'error' | 'end', listener: () => void): unknown;
  /** Gives the connection back to the pool, or closes it. */
  release(destroy?: boolean): void;
  /** The process of the engine that serves the connection. Without it, and behind a pooler, the store opens a second connection to look. */
  processID?: number | null | undefined;
}

/** What the store needs of a pool. A `Pool` of `pg` has it. */
export interface PostgresPool {
  /**
   * Checks a connection out of the pool.
   *
   * @throws the error of the driver
   */
  connect(): Promise<PostgresClient>;
  /** An idle connection that breaks is an event of the pool. Without a listener it ends the program. */
  on(event: 'error', listener: () => void): unknown;
}
