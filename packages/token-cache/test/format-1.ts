import { OAuthError, type Token } from '@oa/types';

/** What the first released version reads of a file: its parser, without the check of the checksum. */
export function readAsFirstVersion(text: string, file: string): Token | undefined {
  const record = JSON.parse(text) as { format: unknown; token: Token };
  if (typeof record.format !== 'number') return undefined;
  if (record.format > 1) throw new OAuthError('newer_file_format', `${file} was written by a newer version.`);
  return record.format === 1 ? record.token : undefined;
}
