import { isObject } from '@oa/mechanisms';
import { isOAuthError, OAuthError } from '@oa/types';
import { tableStatement, type TableName } from './table.ts';

/** The codes of PostgreSQL and of Node.js. The text of an error can quote a password or a value, so it is dropped. */
const SHOWN_CODE = /^[A-Z0-9_]{3,30}$/;

/** @see https://www.postgresql.org/docs/current/errcodes-appendix.html */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  '25006': 'It is read-only, as a standby is. Connect to the primary.',
  '28000': 'It refused the user. Check the user and the rules of pg_hba.conf.',
  '28P01': 'It refused the password. Check the password of the pool.',
  '3D000': 'It has no database of this name. Check the database of the pool.',
  '42501': 'The role has no right to this table. Grant select, insert, update and delete on it.',
  '42703': 'The table has other columns. Create it with the statement in the README of @oa/store-postgres.',
  '53100': 'Its disk is full. Free some space.',
  '53300': 'It has too many connections. Lower `max` of the pools, or raise max_connections.',
  '57014': 'A statement took longer than its statement_timeout. Check its load and its locks.',
  '57P01': 'It was stopped or ended the connection. Check that it runs.',
  '57P03': 'It is starting or stopping. Check that it runs.',
};
const UNREACHABLE = "It can't be reached, or the connection broke. Check that it runs, and the address of the pool.";
const UNDEFINED_TABLE_CODE = '42P01';
const engineCodes = new WeakMap<object, string>();
const STILL_SERVED = 'Tokens that this process has read and that are still valid are served meanwhile.';

/**
 * The error for a failure of the engine. It is always `retryable`: the value may be there, so it must not count as missing.
 *
 * @param failure what the driver threw. Only its code is used.
 */
export function toEngineError(failure: unknown, table: TableName): OAuthError {
  if (isOAuthError(failure)) return failure;
  const code = isObject(failure) && typeof failure['code'] === 'string' ? failure['code'] : '';
  const shownCode = SHOWN_CODE.test(code) ? code : undefined;
  const error = unavailable(explainCode(shownCode, table));
  if (shownCode !== undefined) engineCodes.set(error, shownCode);
  return error;
}

/** The code with which the engine refused, if `error` is from `toEngineError`. */
export function engineCodeOf(error: unknown): string | undefined {
  return isObject(error) ? engineCodes.get(error) : undefined;
}

function explainCode(code: string | undefined, table: TableName): string {
  if (code === UNDEFINED_TABLE_CODE)
    return `The database has no table ${table.shown}. Create it: ${tableStatement(table.shown).replace(/\s+/g, ' ')};`;
  const explanation = (code !== undefined && EXPLANATIONS[code]) || UNREACHABLE;
  const shownCode = code === undefined ? '' : ` (${code})`;
  return `The PostgreSQL database of the table ${table.shown} failed${shownCode}. ${explanation} ${STILL_SERVED}`;
}

/** The error for a statement without an answer. */
export function statementUnanswered(table: TableName, timeout: number): OAuthError {
  return unavailable(
    `The PostgreSQL database of the table ${table.shown} did not answer within ${timeout / 1000} seconds. Check its load, and that it runs. ${STILL_SERVED}`,
  );
}

/** The error for a pool that has no free connection and can't open one in time. */
export function poolUnanswered(table: TableName, timeout: number): OAuthError {
  return unavailable(
    `The pool gave no connection to the PostgreSQL database of the table ${table.shown} within ${timeout / 1000} seconds. Check that the database runs, or raise \`max\` of the pool. ${STILL_SERVED}`,
  );
}

/** The error for PgBouncer in transaction mode, where the lock of a session does not belong to the connection that asked for it. */
export function transactionPooling(table: TableName): OAuthError {
  return unavailable(
    `Between the program and the PostgreSQL database of the table ${table.shown} is a pooler, such as PgBouncer, that changes the session between two statements (transaction mode). A lock of a session does not hold there. Connect to the database directly, or to a pool in session mode (pool_mode = session).`,
  );
}

/** The error of a holder whose session has ended. */
export function sessionLost(table: TableName): OAuthError {
  return new OAuthError(
    'lock_lost',
    `The connection that held the lock in the table ${table.shown} ended, so another process may use the token. No request was sent. Try again.`,
    { retryable: true },
  );
}

function unavailable(message: string): OAuthError {
  return new OAuthError('storage_unavailable', message, { retryable: true });
}
