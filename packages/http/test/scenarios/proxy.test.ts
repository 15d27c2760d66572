import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as forward, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startProcess, temporaryDirectory } from '@oa-internal/testing';
import { closeServer, listen } from '@oa-internal/testing/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = new URL('programs/once.ts', import.meta.url);

const hasOpenssl = succeeds('openssl', ['version']);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const supportsProxies = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);

describe.skipIf(!hasOpenssl)('a private certificate authority (skipped without openssl)', () => {
  let folder: string;
  let secure: Server;
  let plain: Server;
  let secureOrigin: string;
  let plainOrigin: string;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  const trust = (): Record<string, string> => ({ NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') });

  beforeAll(async () => {
    folder = temporaryDirectory();
    issueCertificates(folder);
    const [key, cert] = ['server.key', 'server.pem'].map((name) => readFileSync(join(folder, name)));
    secure = createTlsServer({ key: key ?? '', cert: cert ?? '' }, (_, response) => response.end('secure'));
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
    expect(await get(`${secureOrigin}/`, trust())).toEqual({ status: 200, text: 'secure' });
    const error = await get(`${secureOrigin}/`, {});
    expect(error).toMatchObject({ code: 'network_error', retryable: false });
    expect(error['message']).toContain('NODE_EXTRA_CA_CERTS');
  });

  describe.skipIf(!supportsProxies)("proxies (skipped on a Node.js that can't use them)", () => {
    it('tunnel https with HTTPS_PROXY, and see nothing of the request', async () => {
      proxy.seen.length = 0;
      const env = { ...trust(), NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy.origin };
      expect(await get(`${secureOrigin}/path`, env)).toEqual({ status: 200, text: 'secure' });
      expect(proxy.seen).toEqual([`CONNECT ${new URL(secureOrigin).host}`]);
    });

    it('are used for http with HTTP_PROXY', async () => {
      proxy.seen.length = 0;
      const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.origin };
      expect(await get(`${plainOrigin}/`, env)).toEqual({ status: 200, text: 'plain' });
      expect(proxy.seen).toHaveLength(1);
    });

    it('are not used for a host in NO_PROXY, nor without NODE_USE_ENV_PROXY', async () => {
      proxy.seen.length = 0;
      const url = `${secureOrigin}/`;
      const proxied = { ...trust(), HTTPS_PROXY: proxy.origin, HTTP_PROXY: proxy.origin };
      const straight = { ...proxied, NODE_USE_ENV_PROXY: '1', NO_PROXY: '127.0.0.1' };
      for (const env of [straight, proxied]) expect(await get(url, env)).toEqual({ status: 200, text: 'secure' });
      expect(proxy.seen).toEqual([]);
    });

    it('that do not answer are a network error', async () => {
      const env = { ...trust(), NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: 'http://user:planted-secret@127.0.0.1:9' };
      const error = await get(`${secureOrigin}/`, env);
      expect(error['code']).toBe('network_error');
      expect(JSON.stringify(error)).not.toContain('planted-secret');
    });
  });
});

/** Sends a GET from a process whose whole environment is `env`. */
async function get(url: string, env: Record<string, string>): Promise<Record<string, unknown>> {
  const { stdout } = await startProcess(program, { args: [url], env }).ended;
  return JSON.parse(stdout) as Record<string, unknown>;
}

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

function issueCertificates(folder: string): void {
  const openssl = (line: string): unknown => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  openssl(`req -x509 ${key} -keyout ca.key -out ca.pem -days 2 -subj /CN=oa-test-authority`);
  openssl(`req ${key} -keyout server.key -out server.csr -subj /CN=localhost`);
  openssl('x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem');
}

function succeeds(command: string, flags: string[]): boolean {
  try {
    execFileSync(command, flags, { stdio: 'pipe' });
    return true;
  } catch {
    // Not installed.
    return false;
  }
}
