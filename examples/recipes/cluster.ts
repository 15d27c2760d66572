import cluster from 'node:cluster';
import { createServer, type ServerResponse } from 'node:http';
import { availableParallelism } from 'node:os';
import { createFetch } from '@oa/fetch';
import { createManager } from '@oa/manager';
import { isOAuthError } from '@oa/types';

const { OA_ISSUER = '', OA_CLIENT_ID = '', OA_CLIENT_SECRET = '', OA_API = '' } = process.env;
const { PORT = '8080', WEB_CONCURRENCY = availableParallelism() } = process.env;

if (cluster.isPrimary) startWorkers();
else serve();

function startWorkers(): void {
  for (let worker = 0; worker < Number(WEB_CONCURRENCY); worker += 1) cluster.fork();
  cluster.on('listening', ({ id, process: { pid } }, { port }) =>
    console.log(`Worker ${id} is process ${pid} and listens on port ${port}.`),
  );
  cluster.on('exit', ({ id }) => console.log(`Worker ${id} has ended.`));
}

function serve(): void {
  // Workers with the same `app` and credentials share one token, in a private file.
  const manager = createManager({ app: 'my-service' });
  const credentials = { client_id: OA_CLIENT_ID, client_secret: OA_CLIENT_SECRET, scope: 'read' };
  const api = createFetch(manager.source(OA_ISSUER, credentials), { origins: [new URL(OA_API).origin] });
  createServer((_request, response) => void answer(api, response)).listen(Number(PORT), '127.0.0.1');
}

async function answer(api: typeof fetch, response: ServerResponse): Promise<void> {
  try {
    const { status } = await api(OA_API);
    response.end(`Worker ${cluster.worker?.id} got ${status} from the API.\n`);
  } catch (error) {
    response.writeHead(503).end(isOAuthError(error) ? `${error.code}\n` : 'The API cannot be reached.\n');
  }
}
