import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request as forward, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const child = fileURLToPath(new URL('programs/once.ts', import.meta.url));

const hasOpenssl = succeeds('openssl', ['version']);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const knowsProxies = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);

describe.skipIf(!hasOpenssl)('a private certificate authority (skipped without openssl)', () => {
  let folder: string;
  let secure: Server;
  let plain: Server;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  const trust = (): Record<string, string> => ({ NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'oa-proxy-'));
    await issueCertificates(folder);
    const [key, cert] = await Promise.all(['server.key', 'server.pem'].map((name) => readFile(join(folder, name))));
    secure = createTlsServer({ key: key ?? '', cert: cert ?? '' }, (_, response) => response.end('secure'));
    plain = createServer((_, response) => response.end('plain'));
    for (const server of [secure, plain]) await once(server.listen(0, '127.0.0.1'), 'listening');
    proxy = await startProxy();
  });
  afterAll(async () => {
    for (const server of [secure, plain, proxy.server]) server.closeAllConnections();
    for (const server of [secure, plain, proxy.server]) server.close();
    await rm(folder, { recursive: true });
  });

  it('is trusted by NODE_EXTRA_CA_CERTS, and not without', async () => {
    expect(await get(`https://127.0.0.1:${portOf(secure)}/`, trust())).toEqual({ status: 200, text: 'secure' });
    const error = await get(`https://127.0.0.1:${portOf(secure)}/`, {});
    expect(error).toMatchObject({ code: 'network_error', retryable: false });
    expect(error['message']).toContain('NODE_EXTRA_CA_CERTS');
  });

  describe.skipIf(!knowsProxies)("proxies (skipped on a Node.js that can't use them)", () => {
    it('HTTPS_PROXY tunnels, and sees nothing of the request', async () => {
      proxy.seen.length = 0;
      const env = { ...trust(), NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy.origin };
      expect(await get(`https://127.0.0.1:${portOf(secure)}/path`, env)).toEqual({ status: 200, text: 'secure' });
      expect(proxy.seen).toEqual([`CONNECT 127.0.0.1:${portOf(secure)}`]);
    });

    it('HTTP_PROXY is used for http', async () => {
      proxy.seen.length = 0;
      const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy.origin };
      expect(await get(`http://127.0.0.1:${portOf(plain)}/`, env)).toEqual({ status: 200, text: 'plain' });
      expect(proxy.seen).toHaveLength(1);
    });

    it('NO_PROXY goes straight, and so does everything without NODE_USE_ENV_PROXY', async () => {
      proxy.seen.length = 0;
      const url = `https://127.0.0.1:${portOf(secure)}/`;
      const proxied = { ...trust(), HTTPS_PROXY: proxy.origin, HTTP_PROXY: proxy.origin };
      const straight = { ...proxied, NODE_USE_ENV_PROXY: '1', NO_PROXY: '127.0.0.1' };
      for (const env of [straight, proxied]) expect(await get(url, env)).toEqual({ status: 200, text: 'secure' });
      expect(proxy.seen).toEqual([]);
    });

    it('a dead proxy is a network error', async () => {
      const env = { ...trust(), NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: 'http://user:planted-secret@127.0.0.1:9' };
      const error = await get(`https://127.0.0.1:${portOf(secure)}/`, env);
      expect(error['code']).toBe('network_error');
      expect(JSON.stringify(error)).not.toContain('planted-secret');
    });
  });
});

/** What a program in the environment `env`, and no other, gets from `url`. */
async function get(url: string, env: Record<string, string>): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, ['--conditions=@oa/source', child, url], { env });
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** A forward proxy for CONNECT and for absolute URLs, which remembers what it was asked for. */
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
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, origin: `http://127.0.0.1:${portOf(server)}`, seen };
}

async function issueCertificates(folder: string): Promise<void> {
  const openssl = (line: string): unknown => execFileSync('openssl', line.split(' '), { cwd: folder, stdio: 'pipe' });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  await writeFile(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  openssl(`req -x509 ${key} -keyout ca.key -out ca.pem -days 2 -subj /CN=oa-test-authority`);
  openssl(`req ${key} -keyout server.key -out server.csr -subj /CN=localhost`);
  openssl('x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem');
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
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
