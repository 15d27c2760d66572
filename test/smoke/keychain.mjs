import { keychainKey, passphraseKey, systemdCredential } from '@oa/keychain';
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const bytes = new Uint8Array(32).fill(7);
mkdirSync('credentials', { mode: 0o700 });
writeFileSync('credentials/token-key', bytes, { mode: 0o400 });
process.env.CREDENTIALS_DIRECTORY = resolve('credentials');
assert.deepEqual(await systemdCredential('token-key').key(), bytes);
rmSync('credentials', { recursive: true });

const passphrase = passphraseKey({ passphrase: 'correct horse', salt: 'my-tool alice' });
assert.equal((await passphrase.key()).length, 32);

// Without a bus, and with or without secret-tool, there is no key, and no plaintext.
process.env.DBUS_SESSION_BUS_ADDRESS = 'unix:path=/no/such/bus';
if (process.platform === 'linux')
  await assert.rejects(keychainKey({ service: 'my-tool', account: 'tokens' }).key(), { code: 'storage_unavailable' });
