import { readPrivate } from '@oa/private-file';
import { isOAuthError } from '@oa/types';
import { belongsTo, parseRecord, type TokenRecord } from './record.ts';

/**
 * Reads a token's file.
 *
 * @param key where it is given, a record that was stored under another key is damaged: the file was copied or renamed
 * @returns `undefined` if there is no file
 * @throws {OAuthError} `insecure_file_permissions`, `newer_file_format`, `storage_unavailable`
 */
export async function readRecord(file: string, key?: string): Promise<TokenRecord | 'damaged' | undefined> {
  let text: string | undefined;
  try {
    text = await readPrivate(file);
  } catch (error) {
    if (isOAuthError(error) && error.code === 'corrupt_file') return 'damaged';
    throw error;
  }
  if (text === undefined) return undefined;
  const record = parseRecord(text, file);
  return record !== undefined && (key === undefined || belongsTo(record, key)) ? record : 'damaged';
}
