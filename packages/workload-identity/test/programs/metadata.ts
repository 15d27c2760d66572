// Asks the metadata services of Google Cloud and Azure, and prints what each of them gave. With the argument `serve` it is also the service,
// at the address of the real ones.
import { createServer } from 'node:http';
import { azureManagedIdentity, gcpMetadata } from '@oa/workload-identity';

const requests: string[] = [];
const server = createServer((message, response) => {
  requests.push(`${message.method} http://${message.headers.host}${message.url}`);
  response.setHeader('metadata-flavor', 'Google');
  response.end(message.url?.startsWith('/metadata/identity') ? '{"access_token":"azure-token"}' : 'google-token');
});
if (process.argv[2] === 'serve')
  await new Promise<void>((resolve) => {
    server.listen(80, '169.254.169.254', resolve);
  });
const request = { audience: 'my-audience' };
const results = await Promise.all(
  [gcpMetadata(), azureManagedIdentity()].map((source) => source(request).catch((error: unknown) => error)),
);
process.stdout.write(JSON.stringify({ results, requests }));
server.close();
