export { rotate } from './rotate.ts';
export type { RotatedKeySource } from './rotate.ts';
export { assertKeyAvailable, decryptText, encryptText } from './text.ts';
export type { DecryptOptions, EncryptedText } from './text.ts';
