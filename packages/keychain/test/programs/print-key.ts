// Prints the key of a keychain item, once the file `barrier` exists.
import { barrier, readTask } from '@oa-internal/testing/child';
import { keychainKey } from '@oa/keychain';

const { file, ...options } = readTask() as { file: string; service: string; account: string };
process.stdout.write('ready\n');
await barrier(file);
process.stdout.write(`key=${Buffer.from(await keychainKey(options).key()).toString('hex')}\n`);
