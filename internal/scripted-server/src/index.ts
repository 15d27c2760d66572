import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that the server received. */
export interface RecordedRequest {
  method: string;
  /** The path and the query, as sent. */
  url: string;
  /** The path without the query. */
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** The body, parsed as a form. */
  form: URLSearchParams;
}

/** A response. Every member is optional: `{}` is an empty 200. */
export interface Reply {
  status?: number;
  headers?: Record<string, string | string[]>;
  /** Sent as JSON, with the content type `application/json` if `headers` has none. */
  json?: unknown;
  /** Sent unchanged. An iterable is streamed as long as the client reads. */
  body?: string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  /** Milliseconds to wait before the headers. */
  delay?: number;
  /** `request`: closes the socket without a response. `body`: closes it after half of the body. `never`: sends no response. */
  drop?: 'request' | 'body' | 'never';
}

/** Answers a request. `undefined` is a 404. `index` counts the requests from 0. */
export type Script = (request: RecordedRequest, index: number) => Reply | undefined | Promise<Reply | undefined>;

export interface ScriptedServer {
  /** `http://127.0.0.1:port` or `http://[::1]:port`, without a trailing slash. */
  origin: string;
  /** All requests so far, in the order of arrival. */
  requests: RecordedRequest[];
  /** The requests to `path`. */
  requestsTo(path: string): RecordedRequest[];
  /** Replaces the script. A path without an entry is a 404. */
  script(next: Script | Record<string, Reply | Script>): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server that answers as a script says.
 *
 * @param options `host`: `127.0.0.1` by default; `port`: a random one by default
 */
export async function startScriptedServer(
  script: Script | Record<string, Reply | Script> = {},
  options: { host?: '127.0.0.1' | '::1'; port?: number } = {},
): Promise<ScriptedServer> {
  const host = options.host ?? '127.0.0.1';
  const requests: RecordedRequest[] = [];
  let current = toScript(script);

  const server = createServer((message, response) => {
    answer(message, response).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : undefined);
    });
  });

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const url = message.url ?? '/';
    const request: RecordedRequest = {
      method: message.method ?? 'GET',
      url,
      path: url.split('?')[0] ?? '/',
      headers: message.headers,
      body,
      form: new URLSearchParams(body),
    };
    requests.push(request);
    const reply = (await current(request, requests.length - 1)) ?? { status: 404 };
    await sendReply(response, reply);
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;

  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  }

  return {
    origin: host === '::1' ? `http://[::1]:${port}` : `http://127.0.0.1:${port}`,
    requests,
    requestsTo: (path) => requests.filter((request) => request.path === path),
    script(next) {
      current = toScript(next);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function toScript(script: Script | Record<string, Reply | Script>): Script {
  if (typeof script === 'function') return script;
  return (request, index) => {
    const reply = script[request.path];
    return typeof reply === 'function' ? reply(request, index) : reply;
  };
}

async function sendReply(response: ServerResponse, reply: Reply): Promise<void> {
  if (reply.drop === 'never') return;
  if (reply.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, reply.delay));
  if (reply.drop === 'request') {
    response.socket?.destroy();
    return;
  }
  const headers: Record<string, string | string[]> = { ...reply.headers };
  let body = reply.body;
  if (reply.json !== undefined) {
    body = JSON.stringify(reply.json);
    if (!Object.keys(headers).some((name) => name.toLowerCase() === 'content-type'))
      headers['content-type'] = 'application/json';
  }
  response.writeHead(reply.status ?? 200, headers);
  if (reply.drop === 'body') {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body instanceof Uint8Array ? body : Buffer.alloc(0);
    response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.socket?.destroy());
    return;
  }
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) {
    response.end(body);
    return;
  }
  for await (const chunk of body) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await waitForDrain(response);
  }
  response.end();
}

function waitForDrain(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
