/** A table name in SQL, and in messages. */
export interface TableName {
  quoted: string;
  shown: string;
}

const NAME_PART = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const DEFAULT_TABLE = 'oa_tokens';

/** @throws {TypeError} if the name could mean anything but a table, with or without its schema */
export function parseTableName(table: string = DEFAULT_TABLE): TableName {
  const parts = typeof table === 'string' ? table.split('.') : [];
  if (parts.length < 1 || parts.length > 2 || !parts.every((part) => NAME_PART.test(part)))
    throw new TypeError(
      'options.table must be the name of a table, such as oa_tokens or auth.oa_tokens: letters, digits and underscores, at most 63 in each part.',
    );
  return { quoted: parts.map((part) => `"${part}"`).join('.'), shown: table };
}

/**
 * Returns the statement that creates the table of a {@link postgresStore}, for the migrations of the program.
 *
 * @param table as the option `table`
 * @default table 'oa_tokens'
 * @throws {TypeError} if `table` is not the name of a table
 * @example
 * await pool.query(tableStatement());
 */
export function tableStatement(table?: string): string {
  return `create table if not exists ${parseTableName(table).quoted} (
  key_digest text primary key,
  value text,
  version bigint not null,
  reserved_at timestamptz,
  reserved_by text
)`;
}
