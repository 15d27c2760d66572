// The second of two programs. The one that runs first registers the client.
import { getSharedClient } from './client.ts';
import { readIssuer, report } from './flags.ts';

try {
  const { client_id } = await getSharedClient(readIssuer());
  console.log(`The second program is client ${client_id}.`);
} catch (error) {
  process.exitCode = report(error);
}
