// Prints the key that @napi-rs/keyring keeps.
import { createKeychainSource } from '../../src/keychain-key.ts';
import { openWindowsCredentials } from '../../src/windows-credentials.ts';

// The package also keeps a copy in the kernel, for all processes of this session.
const item = { service: 'oa-test', account: String(process.env['HOME']) };
const key = await createKeychainSource(item, 60_000, async () => openWindowsCredentials(item)).key();
process.stdout.write(Buffer.from(key).toString('hex'));
