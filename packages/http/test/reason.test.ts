import type { Socket } from 'node:net';
import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { OAuthError } from '@oa/types';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { request } from '@oa/http';
import { closedHost, closeServers, startSocketServer } from './sockets.ts';

const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

beforeEach(() => {
  for (const name of PROXY_VARIABLES) vi.stubEnv(name, undefined);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await closeServers();
});

async function failureOf(url: string): Promise<OAuthError> {
  return rejectionOf(request('GET', url, { idempotent: false, timeout: 10_000 }));
}

describe('the error of a server that can not be reached', () => {
  it('names the host and port where nothing listens', async () => {
    const host = await closedHost();
    expect(await failureOf(`http://${host}/token`)).toMatchObject({
      code: 'network_error',
      retryable: true,
      sent: false,
      message: `No answer from http://${host}/token. Nothing listens at ${host} (ECONNREFUSED). Check the address and its port, and that the server runs.`,
    });
  });

  it('names the port of https, which the address leaves out', async () => {
    const { message } = await failureOf('https://localhost/');
    expect(message).toContain('Nothing listens at localhost:443 (ECONNREFUSED).');
  });

  it('names a host name that does not exist', async () => {
    const { message } = await failureOf('https://x.invalid/');
    expect(message).toMatch(
      /The host name x\.invalid (?:is unknown \(ENOTFOUND\)|could not be looked up, .*\(EAI_AGAIN\))\./,
    );
    expect(message).toContain('DNS');
  });

  it('says that the platform connects to no reserved port', async () => {
    const { message, retryable } = await failureOf('http://127.0.0.1:6000/');
    expect(message).toContain('The platform connects to no service at 127.0.0.1:6000, because the port is reserved');
    expect(retryable).toBe(false);
  });

  it.each<[string, (socket: Socket) => void, RegExp]>([
    [
      'resets',
      (socket) => socket.resetAndDestroy(),
      /The connection to HOST was closed .*\(ECONNRESET\)\. Check whether the port expects https/,
    ],
    [
      'closes',
      (socket) => socket.once('data', () => socket.end()),
      /The connection to HOST was closed .*\(UND_ERR_SOCKET\)/,
    ],
    [
      'speaks SSH',
      (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
      /HOST answered with something that is not HTTP \(HPE_INVALID\)\. Check the port/,
    ],
  ])('says of an http server that %s what happened', async (_, onSocket, pattern) => {
    const host = await startSocketServer(onSocket);
    const { message } = await failureOf(`http://${host}/`);
    expect(message.replaceAll(host, 'HOST')).toMatch(pattern);
  });

  it.each<[string, (socket: Socket) => void, RegExp]>([
    [
      'speaks plain http',
      (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      /HOST does not speak TLS, although its address begins with https: \(ERR_SSL_WRONG_VERSION_NUMBER\)/,
    ],
    [
      'closes during the handshake',
      (socket) => socket.once('data', () => socket.end()),
      /HOST closed the connection before the TLS handshake was complete/,
    ],
    [
      'refuses the handshake',
      (socket) => socket.once('data', () => socket.end(Buffer.from('15030300020228', 'hex'))),
      /The TLS handshake with HOST failed \(ERR_SSL_\S+\)\. Check the host name, or report it/,
    ],
  ])('says of an https server that %s what happened', async (_, onSocket, pattern) => {
    const host = await startSocketServer(onSocket);
    const { message } = await failureOf(`https://${host}/`);
    expect(message.replaceAll(host, 'HOST')).toMatch(pattern);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['closed', (socket) => socket.once('data', () => socket.end())],
    ['refused for the version of TLS', (socket) => socket.once('data', () => socket.end(alert(0x46)))],
    ['refused for the host name', (socket) => socket.once('data', () => socket.end(alert(0x70)))],
  ])('says that nothing was sent where the handshake is %s', async (_, onSocket) => {
    expect((await failureOf(`https://${await startSocketServer(onSocket)}/`)).sent).toBe(false);
  });
});

/** A TLS alert, before the handshake is complete. */
function alert(description: number): Buffer {
  return Buffer.from([0x15, 3, 3, 0, 2, 2, description]);
}

describe('the error code', () => {
  it.each([
    ['ECONNREFUSED', 'Nothing listens at as.example:443 (ECONNREFUSED).'],
    ['ENOTFOUND', 'The host name as.example is unknown (ENOTFOUND).'],
    ['EAI_AGAIN', 'The host name as.example could not be looked up, because no name server answered (EAI_AGAIN).'],
    ['EHOSTUNREACH', 'as.example:443 is unreachable (EHOSTUNREACH).'],
    ['ENETUNREACH', 'The network of as.example:443 is unreachable (ENETUNREACH).'],
    ['ENETDOWN', 'The network of this machine is down (ENETDOWN).'],
    ['ETIMEDOUT', 'The connection to as.example:443 timed out (ETIMEDOUT).'],
    ['UND_ERR_CONNECT_TIMEOUT', 'No connection to as.example:443 was made in time (UND_ERR_CONNECT_TIMEOUT).'],
    ['ECONNRESET', 'The connection to as.example:443 was closed before the answer was complete (ECONNRESET).'],
    ['EAI_NODATA', 'The host name as.example has no address (EAI_NODATA).'],
    ['EAI_NONAME', 'The host name as.example is unknown (EAI_NONAME).'],
    ['EAI_FAIL', 'The host name as.example could not be looked up (EAI_FAIL).'],
    ['EADDRNOTAVAIL', 'There is no route to as.example:443 (EADDRNOTAVAIL).'],
    ['ECONNABORTED', 'The connection to as.example:443 was closed before the answer was complete (ECONNABORTED).'],
    ['EPIPE', 'The connection to as.example:443 was closed before the answer was complete (EPIPE).'],
    ['UND_ERR_SOCKET', 'The connection to as.example:443 was closed before the answer was complete (UND_ERR_SOCKET).'],
    ['EACCES', 'The system does not allow a connection to as.example:443 (EACCES).'],
    ['ENFILE', 'This machine has too many open files (ENFILE).'],
    [
      'ERR_SSL_PACKET_LENGTH_TOO_LONG',
      'as.example:443 does not speak TLS, although its address begins with https: (ERR_SSL_PACKET_LENGTH_TOO_LONG).',
    ],
    ['EPERM', 'The system does not allow a connection to as.example:443 (EPERM).'],
    ['EMFILE', 'This process has too many open files (EMFILE).'],
    ['EPROTO', 'The TLS handshake with as.example:443 failed (EPROTO).'],
    ['HPE_INVALID_CONSTANT', 'as.example:443 answered with something that is not HTTP (HPE_INVALID_CONSTANT).'],
    ['CERT_REVOKED', 'The certificate of as.example:443 is not valid (CERT_REVOKED).'],
    ['planted-code', 'The connection failed or broke.'],
  ])('%s of a fetch is explained', async (code, sentence) => {
    const cause = Object.assign(new Error('planted-message https://user:planted@as.example/'), { code });
    const fetch = (): Promise<Response> => Promise.reject(new TypeError('fetch failed', { cause }));
    const error = await rejectionOf(request('POST', 'https://as.example/token', { fetch, timeout: 200 }));
    expect(error.message).toContain(`https://as.example/token. ${sentence} `);
    expect(inspectAll(error)).not.toContain('planted');
  });
});
