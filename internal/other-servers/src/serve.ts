import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { closeServer, listen } from '@oa-internal/testing/server';

/** One request to a server. */
export interface LoggedRequest {
  method: string;
  /** The path without the query. */
  path: string;
  grant_type?: string;
  /** Where the request carries the client secret. */
  secret?: 'header' | 'body';
  /** The status of the response, 0 before it. */
  readonly status: number;
}

export interface OtherServer {
  issuer: string;
  /** All requests so far, in the order of arrival. */
  requests: LoggedRequest[];
  /** The number of requests to `path`, with this `grant_type` if it is given. */
  count(path: string, grantType?: string): number;
  /** Whether the server accepts this access token now. */
  accepts(accessToken: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Listens on a random port, and serves the application that `createApplication` makes for the origin. */
export async function serve(
  createApplication: (origin: string) => Promise<RequestListener>,
): Promise<{ origin: string } & Pick<OtherServer, 'requests' | 'count' | 'close'>> {
  const server = createServer();
  const origin = await listen(server);
  const requests: LoggedRequest[] = [];
  server.on('request', (request, response) => record(requests, request, response));
  server.on('request', await createApplication(origin));
  return {
    origin,
    requests,
    count: (path, grantType) =>
      requests.filter(
        (request) => request.path === path && (grantType === undefined || request.grant_type === grantType),
      ).length,
    close: () => closeServer(server),
  };
}

/** Records a request. It reads the body too: the library starts to read in the same turn, so neither misses a byte. */
function record(requests: LoggedRequest[], request: IncomingMessage, response: ServerResponse): void {
  const { method = '', url = '/', headers } = request;
  const logged: LoggedRequest = {
    method,
    path: url.split('?')[0] ?? '',
    // A getter: the status exists when the client reads the response.
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
