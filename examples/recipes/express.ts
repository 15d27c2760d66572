import { createFetch } from '@oa/fetch';
import { createManager } from '@oa/manager';
import { isOAuthError } from '@oa/types';
import express, { type NextFunction, type Request, type Response } from 'express';

const { ORDERS_ISSUER = '', ORDERS_CLIENT_ID = '', ORDERS_CLIENT_SECRET = '', ORDERS_API = '' } = process.env;
const { STOCK_ISSUER = '', STOCK_CLIENT_ID = '', STOCK_CLIENT_SECRET = '', STOCK_API = '' } = process.env;
const { PORT = '8080' } = process.env;

// One manager for all issuers. Each API has a `fetch` of its own, which sends a token to its origin only.
const manager = createManager({ app: 'my-service', interaction: 'never' });
const ordersClient = { client_id: ORDERS_CLIENT_ID, client_secret: ORDERS_CLIENT_SECRET, scope: 'read' };
const stockClient = { client_id: STOCK_CLIENT_ID, client_secret: STOCK_CLIENT_SECRET, scope: 'read' };
const orders = createFetch(manager.source(ORDERS_ISSUER, ordersClient), { origins: [new URL(ORDERS_API).origin] });
const stock = createFetch(manager.source(STOCK_ISSUER, stockClient), { origins: [new URL(STOCK_API).origin] });

const app = express();

app.get('/overview', async (_request, response) => {
  // Ends the calls of a caller that has left. A token request that other callers wait for goes on.
  const left = new AbortController();
  response.on('close', () => left.abort());
  const { signal } = left;
  const [ordered, stocked] = await Promise.all([orders(ORDERS_API, { signal }), stock(STOCK_API, { signal })]);
  response.json({ orders: await ordered.json(), stock: await stocked.json() });
});

app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
  if (response.destroyed) return; // The caller has left.
  if (!isOAuthError(error)) return next(error);
  if (error.retryAfter !== undefined) response.set('Retry-After', String(error.retryAfter));
  response.status(error.retryable ? 503 : 500).json({ error: error.code });
});

const server = app.listen(Number(PORT), '127.0.0.1', (error) => {
  if (error) throw error;
  console.log(server.address());
});
