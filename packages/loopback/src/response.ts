import type { ServerResponse } from 'node:http';
import { COMMON_HEADERS, renderLoginPage, type LoginOutcome } from './page.ts';

/** Sends the page for an outcome, and closes the connection. */
export async function sendPage(response: ServerResponse, outcome: LoginOutcome): Promise<void> {
  const page = await renderLoginPage(outcome);
  response.writeHead(page.status, { ...page.headers, connection: 'close' }).end(page.body);
}

/** Refuses a request that is none of the receiver's, and closes the connection. */
export function sendStatus(response: ServerResponse, status: 404 | 405): void {
  const allow = status === 405 ? { allow: 'GET' } : {};
  response.writeHead(status, { ...COMMON_HEADERS, ...allow, 'content-type': 'text/plain', connection: 'close' });
  response.end(status === 405 ? 'Method not allowed\n' : 'Not found\n');
}
