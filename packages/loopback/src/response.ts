import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { LoginOutcome } from './outcome.ts';
import { COMMON_HEADERS, type PageRenderer } from './page.ts';

/** Sends the page for an outcome, and closes the connection. */
export async function sendPage(render: PageRenderer, response: ServerResponse, outcome: LoginOutcome): Promise<void> {
  const page = await render(outcome);
  response.writeHead(page.status, { ...page.headers, connection: 'close' }).end(page.body);
}

/** Sends the page about headers that are too large to be parsed. There is no response object for such a request. */
export async function sendLargeHeadersPage(render: PageRenderer, socket: Socket): Promise<void> {
  const page = await render({ type: 'too_large' });
  const headers = { ...page.headers, 'content-length': String(Buffer.byteLength(page.body)), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${page.status} Request Header Fields Too Large\r\n${lines.join('')}\r\n${page.body}`);
}

/** Refuses a request that is none of the receiver's, and closes the connection. */
export function sendStatus(response: ServerResponse, status: 404 | 405): void {
  const allow = status === 405 ? { allow: 'GET' } : {};
  response.writeHead(status, { ...COMMON_HEADERS, ...allow, 'content-type': 'text/plain', connection: 'close' });
  response.end(status === 405 ? 'Method not allowed\n' : 'Not found\n');
}
