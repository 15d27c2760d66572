/** What encrypts and decrypts. Loaded with the first encrypted token. */
import { decryptText, encryptText, type EncryptedText } from '@oa/encryption';

export { assertKeyAvailable } from '@oa/encryption';
import { parseJson } from '@oa/mechanisms';
import { OAuthError, type KeySource, type Token } from '@oa/types';
import { isStoredToken, toTokenPlace, type EncryptedRecord } from './record.ts';

/** A function that encrypts with the key of `source`, for `serializeEncrypted`. */
export function encryptWith(source: KeySource): (text: string, about: string) => Promise<EncryptedText> {
  return (text, about) => encryptText(text, about, source);
}

/** The token of a record. Where the decrypted text is no token, the result is `undefined`. */
export async function decryptRecord(
  record: EncryptedRecord,
  place: string,
  source: KeySource | undefined,
): Promise<Token | undefined> {
  if (source === undefined) throw missingKeyError(record, place);
  const token = parseJson(await decryptText(record.encrypted, toTokenPlace(record), source, { place }));
  return isStoredToken(token) ? token : undefined;
}

/** The error for an encrypted token where there is no key source. It is not replaced by a plain one either. */
export function missingKeyError({ encrypted }: EncryptedRecord, place: string): OAuthError {
  return new OAuthError(
    'decryption_failed',
    `${place} was encrypted with the key ${JSON.stringify(encrypted.key)}, and this program has no key, so it is neither used nor overwritten. ` +
      'Pass the key in the option encryption of the token cache. If it is lost, log out, which deletes the token, and log in again.',
  );
}
