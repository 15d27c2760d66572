import { rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { temporaryDirectory } from '@oa-internal/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { caFile, hasOpenssl, issueCertificates, readCertificate, type CertificateName } from '../certificates.ts';
import { getOnce, type PrintedOutcome } from '../once.ts';
import { closedHost, closeServers, startServer, startSocketServer } from '../sockets.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const supportsProxies = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);

afterEach(closeServers);

describe.skipIf(!supportsProxies)("a proxy that is used (skipped on a Node.js that can't use one)", () => {
  const through = async (
    host: string,
    options: { credentials?: string; more?: Record<string, string> } = {},
  ): Promise<PrintedOutcome> => {
    const { credentials = '', more } = options;
    const env = { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: `http://${credentials}${host}`, ...more };
    const error = await getOnce('https://as.example/token', env);
    expect(error.message).not.toMatch(/the server/i);
    expect(JSON.stringify(error)).not.toMatch(/planted|cGxhbnRlZ/);
    return error;
  };
  const startTunnel = async (status: string): Promise<string> => {
    const server = createHttpServer((_, response) => response.writeHead(Number.parseInt(status, 10)).end());
    server.on('connect', (_, socket) => socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`));
    return startServer(server);
  };

  it('and wants credentials says where they go (RFC 9110 section 15.5.8)', async () => {
    const host = await startTunnel('407 Proxy Authentication Required');
    expect(await through(host)).toMatchObject({
      code: 'network_error',
      retryable: false,
      sent: false,
      message: `No answer from https://as.example/token. The proxy ${host}, which HTTPS_PROXY names, wants credentials (status 407). Put them into HTTPS_PROXY, as in http://USER:PASSWORD@${host}, with special characters percent-encoded.`,
    });
    const refused = await through(host, { credentials: 'planted-user:planted-password@' });
    expect(refused.message).toContain(
      'It refused the user name and the password in HTTPS_PROXY. Check them: special characters in them must be percent-encoded.',
    );
  });

  it.each([
    ['403 Forbidden', false, 'Ask the operator of the proxy to allow this host'],
    ['502 Bad Gateway', true, 'Check the address, and try again later.'],
    ['503 Service Unavailable', true, 'Check the address, and try again later.'],
  ])('and does not connect says so with the status %s', async (status, retryable, advice) => {
    const host = await startTunnel(status);
    const error = await through(host);
    expect(error).toMatchObject({ code: 'network_error', retryable, sent: false });
    expect(error.message).toContain(
      `The proxy ${host}, which HTTPS_PROXY names, does not connect to as.example:443 (status ${status.slice(0, 3)}). ${advice}`,
    );
  });

  it('and is down is named, without its credentials', async () => {
    const host = await closedHost();
    const { message } = await through(host, { credentials: 'planted-user:planted-password@' });
    expect(message).toBe(
      `No answer from https://as.example/token. The request goes through the proxy ${host}, which HTTPS_PROXY names. Nothing listens at ${host} (ECONNREFUSED). Check HTTPS_PROXY, and that the proxy runs. A host that needs no proxy belongs into NO_PROXY.`,
    );
  });

  it('and has an unknown name is named', async () => {
    const { message } = await through('proxy.invalid:3128', { credentials: 'planted-user:planted-password@' });
    expect(message).toMatch(
      /the proxy proxy\.invalid:3128, which HTTPS_PROXY names\. The host name proxy\.invalid (?:is|could)/,
    );
  });

  it.each<[string, (socket: Socket) => void, RegExp]>([
    [
      'resets at once',
      (socket) => socket.resetAndDestroy(),
      /The connection to HOST was closed .*\(ECONNRESET\)\. Check HTTPS_PROXY/,
    ],
    [
      'resets the request',
      (socket) => socket.once('data', () => socket.resetAndDestroy()),
      /The connection to HOST was closed/,
    ],
    [
      'is no proxy',
      (socket) => socket.once('data', () => socket.end('garbage\r\n\r\n')),
      /HOST answered with something that is not HTTP/,
    ],
  ])('and %s is named', async (_, onSocket, pattern) => {
    const host = await startSocketServer(onSocket);
    const { message = '' } = await through(host);
    expect(message.replaceAll(host, 'HOST')).toMatch(/the proxy HOST, which HTTPS_PROXY names\./);
    expect(message.replaceAll(host, 'HOST')).toMatch(pattern);
  });

  it('and does not answer is named in the error of the timeout', async () => {
    const host = await startSocketServer(() => undefined);
    const error = await through(host, { more: { ONCE_TIMEOUT: '300' } });
    expect(error.code).toBe('timeout');
    expect(error.message).toContain(`The request goes through the proxy ${host}, which HTTPS_PROXY names.`);
  });
});

describe.skipIf(!hasOpenssl)('a certificate (skipped without openssl)', () => {
  let folder: string;
  beforeAll(() => {
    folder = temporaryDirectory();
    issueCertificates(folder);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const errorOf = async (name: CertificateName, env: Record<string, string> = {}): Promise<PrintedOutcome> => {
    const server = createTlsServer(readCertificate(folder, name), (_, response) => response.end());
    const host = await startServer(server);
    const error = await getOnce(`https://${host}/`, env);
    expect(error).toMatchObject({ code: 'network_error', retryable: false, sent: false });
    return { ...error, message: error.message?.replaceAll(host, 'HOST') ?? '' };
  };

  it.each<[CertificateName, string, string]>([
    ['expired', 'has expired', 'CERT_HAS_EXPIRED'],
    ['future', 'is not yet valid', 'CERT_NOT_YET_VALID'],
  ])('that is %s shows the clock of this machine', async (name, words, code) => {
    const { message = '' } = await errorOf(name, { NODE_EXTRA_CA_CERTS: caFile(folder) });
    const [, clock = ''] = /the clock of this machine says (\S+Z)\. Check the clock\./.exec(message) ?? [];
    expect(message).toContain(`The certificate of HOST ${words} (${code}), and the clock`);
    expect(Math.abs(Date.parse(clock) - Date.now())).toBeLessThan(600_000);
  });

  it('for another host names the hosts that it is for', async () => {
    const { message } = await errorOf('wrong', { NODE_EXTRA_CA_CERTS: caFile(folder) });
    expect(message).toContain(
      'The certificate of HOST is for other.example, *.apps.example, 192.0.2.1, and not for this host (ERR_TLS_CERT_ALTNAME_INVALID).',
    );
  });

  it('of a server that a plain http address leads to is not seen, and the error asks for https', async () => {
    const host = await startServer(createTlsServer(readCertificate(folder, 'good'), (_, response) => response.end()));
    const { message } = await getOnce(`http://${host}/`);
    expect(message).toContain(`The connection to ${host} was closed before the answer was complete`);
    expect(message).toContain('Check whether the port expects https');
  });

  it('without a known authority asks for the file of NODE_EXTRA_CA_CERTS, where that is set', async () => {
    const { message } = await errorOf('self', { NODE_EXTRA_CA_CERTS: caFile(folder) });
    expect(message).toContain(' NODE_EXTRA_CA_CERTS is set: check that its file can be read');
  });

  it.each<[CertificateName, string]>([
    ['good', 'its certificate authority is unknown'],
    ['self', 'it is self-signed'],
  ])('without a known authority (%s) names the variables that make it known', async (name, words) => {
    const { message } = await errorOf(name);
    expect(message).toContain(`The certificate of HOST is not trusted: ${words} (`);
    expect(message).toContain('set NODE_EXTRA_CA_CERTS to its PEM file, or NODE_USE_SYSTEM_CA=1');
  });
});
