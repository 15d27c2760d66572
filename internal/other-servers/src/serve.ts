import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that a server got. */
export interface LoggedRequest {
  method: string;
  /** Without the query. */
  path: string;
  grant_type?: string;
  /** Where the client's secret was. */
  secret?: 'header' | 'body';
  /** 0 until the answer is known. */
  readonly status: number;
}

export interface OtherServer {
  issuer: string;
  /** Every request so far, in order of arrival. */
  requests: LoggedRequest[];
  /** How many requests went to `path`, of this `grant_type` if given. */
  count(path: string, grantType?: string): number;
  /** Whether an access token of this server is good now, in the server's own judgement. */
  accepts(accessToken: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Listens on a random port, then serves what `application` makes of the origin. */
export async function serve(
  application: (origin: string) => Promise<RequestListener>,
): Promise<{ origin: string } & Pick<OtherServer, 'requests' | 'count' | 'close'>> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const requests: LoggedRequest[] = [];
  server.on('request', (request, response) => note(requests, request, response));
  server.on('request', await application(origin));
  return {
    origin,
    requests,
    count: (path, grantType) =>
      requests.filter((one) => one.path === path && (grantType === undefined || one.grant_type === grantType)).length,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** Reads along. The libraries start to read in the same turn of the event loop, so that nobody misses a byte. */
function note(requests: LoggedRequest[], request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '/', headers } = request;
  const logged: LoggedRequest = {
    method,
    path: url.split('?')[0] ?? '',
    // Asked for, not noted: it is there when the client reads the answer.
    get status() {
      return response.headersSent ? response.statusCode : 0;
    },
  };
  requests.push(logged);
  if (headers.authorization?.startsWith('Basic ')) logged.secret = 'header';
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const form = new URLSearchParams(Buffer.concat(chunks).toString());
    const grantType = form.get('grant_type');
    if (grantType !== null) logged.grant_type = grantType;
    if (form.has('client_secret')) logged.secret = 'body';
  });
}
