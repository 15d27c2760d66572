import { rmSync } from 'node:fs';
import { createServer, request as forward, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { temporaryDirectory } from '@oa-internal/testing';
import { closeServer, listen } from '@oa-internal/testing/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caFile, hasOpenssl, issueCertificates, readCertificate } from '../certificates.ts';
import { getOnce } from '../once.ts';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const supportsProxies = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);

describe.skipIf(!hasOpenssl)('a private certificate authority (skipped without openssl)', () => {
  let folder: string;
  let secure: Server;
  let plain: Server;
  let secureOrigin: string;
  let plainOrigin: string;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  const trust = (): Record<string, string> => ({ NODE_EXTRA_CA_CERTS: caFile(folder) });

  beforeAll(async () => {
    folder = temporaryDirectory();
    issueCertificates(folder);
    secure = createTlsServer(readCertificate(folder, 'good'), (_, response) => response.end('secure'));
    plain = createServer((_, response) => response.end('plain'));
    secureOrigin = (await listen(secure)).replace('http:', 'https:');
    plainOrigin = await listen(plain);
    proxy = await startProxy();
  });
  afterAll(async () => {
    await Promise.all([secure, plain, proxy.server].map(closeServer));
    rmSync(folder, { recursive: true });
  });

  it('is trusted with NODE_EXTRA_CA_CERTS only', async () => {
    expect(await getOnce(`${secureOrigin}/`, trust())).toEqual({ status: 200, text: 'secure' });
    const error = await getOnce(`${secureOrigin}/`, {});
    expect(error).toMatchObject({ code: 'network_error', retryable: false });
    expect(error.message).toContain('NODE_EXTRA_CA_CERTS');
  });

  describe.skipIf(!supportsProxies)("proxies (skipped on a Node.js that can't use them)", () => {
    it('tunnel https with HTTPS_PROXY, and see nothing of the request', async () => {
      proxy.seen.length = 0;
      const env = { ...trust(), NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy.origin };
      expect(await getOnce(`${secureOrigin}/path`, env)).toEqual({ status: 200, text: 'secure' });
      expect(proxy.seen).toEqual([`CONNECT ${new URL(secureOrigin).host}`]);
    });

    it('are used for http with HTTP_PROXY', async () => {
      proxy.seen.length = 0;
      const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.origin };
      expect(await getOnce(`${plainOrigin}/`, env)).toEqual({ status: 200, text: 'plain' });
      expect(proxy.seen).toHaveLength(1);
    });

    it('are not used for a host in NO_PROXY, nor without NODE_USE_ENV_PROXY', async () => {
      proxy.seen.length = 0;
      const url = `${secureOrigin}/`;
      const proxied = { ...trust(), HTTPS_PROXY: proxy.origin, HTTP_PROXY: proxy.origin };
      const straight = { ...proxied, NODE_USE_ENV_PROXY: '1', NO_PROXY: '127.0.0.1' };
      for (const env of [straight, proxied]) expect(await getOnce(url, env)).toEqual({ status: 200, text: 'secure' });
      expect(proxy.seen).toEqual([]);
    });

    it('that do not answer are a network error', async () => {
      const env = { ...trust(), NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: 'http://user:planted-secret@127.0.0.1:9' };
      const error = await getOnce(`${secureOrigin}/`, env);
      expect(error.code).toBe('network_error');
      expect(JSON.stringify(error)).not.toContain('planted-secret');
    });
  });
});

/** Starts a forward proxy for CONNECT and for absolute URLs. `seen` lists the requests. */
async function startProxy(): Promise<{ server: Server; origin: string; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((message, response) => {
    seen.push(`${message.method} ${message.url}`);
    const onward = forward(message.url ?? '', { method: message.method ?? 'GET' }, (answer) => answer.pipe(response));
    message.pipe(onward);
  });
  server.on('connect', ({ url = '' }, socket) => {
    seen.push(`CONNECT ${url}`);
    const [host = '', port = ''] = url.split(':');
    const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    for (const side of [socket, onward]) side.on('error', () => side.destroy());
    socket.pipe(onward).pipe(socket);
  });
  return { server, origin: await listen(server), seen };
}
