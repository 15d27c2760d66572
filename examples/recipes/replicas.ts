import { createServer, type ServerResponse } from 'node:http';
import { createFetch } from '@oa/fetch';
import { createManager, type Credentials } from '@oa/manager';
import { postgresStore, tableStatement } from '@oa/store-postgres';
import { isOAuthError } from '@oa/types';
import { Pool } from 'pg';

const { OA_ISSUER = '', OA_CLIENT_ID = '', OA_API = '', DATABASE_URL = '', PORT = '8080' } = process.env;

const pool = new Pool({ connectionString: DATABASE_URL, connectionTimeoutMillis: 5000 });
const manager = createManager({ cache: postgresStore({ pool }), interaction: 'never' });
const account: Credentials = { client_id: OA_CLIENT_ID, scope: 'openid offline_access' };

if (process.argv[2] === 'login') await logIn();
else serve();

/** An operator does this once, on a machine with a browser. */
async function logIn(): Promise<void> {
  await pool.query(tableStatement());
  const result = await manager.login(OA_ISSUER, account);
  await pool.end();
  if (!result.ok) throw result.error;
}

function serve(): void {
  const api = createFetch(manager.source(OA_ISSUER, account), { origins: [new URL(OA_API).origin] });
  const server = createServer((_request, response) => void answer(api, response));
  server.listen(Number(PORT), '127.0.0.1', () => console.log(server.address()));
}

async function answer(api: typeof fetch, response: ServerResponse): Promise<void> {
  try {
    const { status } = await api(OA_API);
    response.writeHead(status).end();
  } catch (error) {
    response.writeHead(503).end(isOAuthError(error) ? error.code : 'The API cannot be reached.');
  }
}
