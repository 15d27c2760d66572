// Prints the key that @napi-rs/keyring keeps: as the package finds it, then as this program imports it, so that its types are compared.
import { createKeychainSource } from '../../src/keychain-key.ts';
import { openWindowsCredentials, type KeyringModule } from '../../src/windows-credentials.ts';

// The package also keeps a copy in the kernel, for all processes of this session.
const item = { service: 'oa-test', account: String(process.env['HOME']) };
const load = (): Promise<KeyringModule> => import('@napi-rs/keyring');
for (const keychain of [openWindowsCredentials(item), openWindowsCredentials(item, load)]) {
  const key = await createKeychainSource(item, 60_000, async () => keychain).key();
  process.stdout.write(`${Buffer.from(key).toString('hex')}\n`);
}
