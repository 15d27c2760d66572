import { countCall, isCounted } from './calls.ts';
import type { FaultError } from './plan.ts';

const SQLITE_ERRORS = { io: [10, 'disk I/O error'], open: [14, 'unable to open database file'] } as const;

export type Sqlite = typeof import('node:sqlite');

/** Returns `sqlite` with databases whose opening and whose statements count as calls. */
export function wrapSqlite(sqlite: Sqlite): Sqlite {
  class CountingDatabase extends sqlite.DatabaseSync {
    readonly #path: string;

    constructor(...args: ConstructorParameters<Sqlite['DatabaseSync']>) {
      const path = String(args[0]);
      const fault = isCounted(path) ? countCall('file', 'sqlite.open', path) : undefined;
      if (fault !== undefined) throw toSqliteError(fault);
      super(...args);
      this.#path = path;
    }

    override exec(sql: string): void {
      const fault = isCounted(this.#path) ? countCall('file', `sqlite.exec(${sql})`, this.#path) : undefined;
      if (fault !== undefined) throw toSqliteError(fault);
      super.exec(sql);
    }
  }
  return { ...sqlite, DatabaseSync: CountingDatabase };
}

function toSqliteError(fault: FaultError): Error {
  const [errcode, text] = fault === 'EIO' || fault === 'ESTALE' ? SQLITE_ERRORS.io : SQLITE_ERRORS.open;
  return Object.assign(new Error(text), { code: 'ERR_SQLITE_ERROR', errcode, errstr: text });
}
