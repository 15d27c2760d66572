export { keychainKey } from './keychain-key.ts';
export type { KeychainKeyOptions } from './keychain-key.ts';
export { passphraseKey } from './passphrase-key.ts';
export type { PassphraseKeyOptions } from './passphrase-key.ts';
export { systemdCredential } from './systemd-credential.ts';
