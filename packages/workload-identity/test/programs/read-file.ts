// Reads the token file of the first argument, and prints the token or the error. With a second argument it reads the file as that user.
import { fileToken } from '@oa/workload-identity';

const [path = '', user] = process.argv.slice(2);
const read = (): Promise<unknown> =>
  fileToken(path)({ audience: 'https://as.example' }).catch((error: unknown) => error);
if (user !== undefined) {
  // All code is loaded before: the other user may have no right to read it.
  await read();
  process.seteuid?.(Number(user));
}
process.stdout.write(JSON.stringify(await read()));
