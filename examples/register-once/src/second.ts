// The second of two programs. Either may come first: that one registers.
import { sharedClient } from './client.ts';
import { readIssuer, report } from './flags.ts';

try {
  const { client_id } = await sharedClient(readIssuer());
  console.log(`The second program is client ${client_id}.`);
} catch (error) {
  process.exitCode = report(error);
}
