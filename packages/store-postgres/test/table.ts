import { tableStatement } from '@oa/store-postgres';
import { createHash } from 'node:crypto';
import type { Pool } from 'pg';

/** Creates the table of a test, which several processes can do at the same time. */
export async function createTable(pool: Pool, table?: string): Promise<void> {
  for (;;)
    try {
      await pool.query(tableStatement(table));
      return;
    } catch (error) {
      // `if not exists` is no lock: the type of the table was made by another process.
      if ((error as { code?: string }).code !== '23505') throw error;
    }
}

/** What stands for a key in the table. */
export function digestOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
