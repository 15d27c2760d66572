import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, createServer as createSocketServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { rejectionOf, startProcess, temporaryDirectory } from '@oa-internal/testing';
import { closeServer, listen } from '@oa-internal/testing/server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { azureManagedIdentity, gcpMetadata } from '../src/index.ts';
import { stubPlatform } from './platform.ts';

const REQUEST = { audience: 'my-audience' };
const FLAVOR = { 'metadata-flavor': 'Google' };
const METADATA_PROGRAM = new URL('programs/metadata.ts', import.meta.url);
let server: ScriptedServer;

beforeEach(async () => {
  server = await startScriptedServer();
  stubPlatform({ GCE_METADATA_HOST: server.origin.slice('http://'.length) });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

it('uses no proxy, whatever the environment says', async () => {
  const proxy = await startScriptedServer(() => ({ headers: FLAVOR, body: 'token-of-the-proxy' }));
  server.script((request) =>
    request.path === '/metadata/identity/oauth2/token'
      ? { json: { access_token: 'azure-token' } }
      : { headers: FLAVOR, body: 'google-token' },
  );
  const env = {
    ...process.env,
    NODE_USE_ENV_PROXY: '1',
    HTTP_PROXY: proxy.origin,
    HTTPS_PROXY: proxy.origin,
    NO_PROXY: '',
    AZURE_POD_IDENTITY_AUTHORITY_HOST: server.origin,
  };
  const { stdout, stderr } = await startProcess(METADATA_PROGRAM, { env }).ended;
  expect({ stderr, ...JSON.parse(stdout) }).toMatchObject({ stderr: '', results: ['google-token', 'azure-token'] });
  expect(proxy.requests).toEqual([]);
  expect(server.requests).toHaveLength(2);
  await proxy.close();
});

it('follows no redirect', async () => {
  server.script((_, index) =>
    index === 0
      ? { status: 307, headers: { ...FLAVOR, location: `${server.origin}/other` } }
      : { headers: FLAVOR, body: 'token' },
  );
  expect((await rejectionOf(gcpMetadata()(REQUEST))).message).toMatch(/answered with the status 307/);
  expect(server.requests).toHaveLength(1);
});

it('says that nothing listens. A later try can succeed, as at the start of a pod', async () => {
  const { port } = new URL(server.origin);
  await server.close();
  stubPlatform({ GCE_METADATA_HOST: `127.0.0.1:${port}` });
  const error = await rejectionOf(gcpMetadata()(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: true });
  expect(error.message).toMatch(
    /^The metadata server of Google Cloud did not answer \(ECONNREFUSED\)\. On Google Cloud, try again\./,
  );
});

it('gives up after the timeout of the whole exchange, also within the body', async () => {
  const endless = async function* (): AsyncGenerator<Uint8Array> {
    for (;;) {
      yield Buffer.from('x');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  for (const reply of [{ drop: 'never' as const }, { headers: FLAVOR, body: endless() }]) {
    server.script(() => reply);
    const error = await rejectionOf(gcpMetadata({ timeout: 300 })(REQUEST));
    expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: true });
    expect(error.message).toMatch(/did not answer within 0\.3 seconds/);
  }
});

it('rejects with the reason of the signal, and closes the connection', async () => {
  const controller = new AbortController();
  const reason = new Error('stop');
  const closed = Promise.withResolvers<void>();
  const listener = createServer((message) => {
    message.socket.once('close', () => closed.resolve());
    controller.abort(reason);
  });
  stubPlatform({ GCE_METADATA_HOST: (await listen(listener)).slice('http://'.length) });
  await expect(gcpMetadata()({ ...REQUEST, signal: controller.signal })).rejects.toBe(reason);
  await closed.promise;
  await closeServer(listener);
  await expect(azureManagedIdentity()({ ...REQUEST, signal: controller.signal })).rejects.toBe(reason);
});

it('takes another error of the connection for a failure that a later try can get over', async () => {
  // A plain text in place of HTTP.
  const listener = createSocketServer((socket) => socket.end('SSH-2.0\r\n'));
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve);
  });
  stubPlatform({ GCE_METADATA_HOST: `127.0.0.1:${(listener.address() as { port: number }).port}` });
  const error = await rejectionOf(gcpMetadata()(REQUEST));
  expect(error.message).toMatch(/did not answer \(HPE_\w+\)/);
  listener.close();
});

it('waits 2 seconds for the connection, not for the timeout', async () => {
  const listener = startProcess(new URL('programs/full-queue.ts', import.meta.url));
  const port = Number((await listener.printed(/\d+/))[0]);
  listener.kill('SIGSTOP');
  // Linux drops further connections without an answer, as a network does for an address that it does not have.
  const sockets: Socket[] = [];
  for (let count = 0; count < 8; count += 1) sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
  await new Promise((resolve) => setTimeout(resolve, 200));
  stubPlatform({ GCE_METADATA_HOST: `127.0.0.1:${port}` });
  const error = await rejectionOf(gcpMetadata({ timeout: 60_000 })(REQUEST));
  expect(error).toMatchObject({ code: 'assertion_unavailable', retryable: false });
  expect(error.message).toMatch(
    /did not answer \(no connection within 2 seconds\)\. On Google Cloud, try again\. Elsewhere there is none/,
  );
  for (const socket of sockets) socket.destroy();
  listener.kill('SIGKILL');
  await listener.ended;
});

/** The command that runs another one in a network namespace, where the address of the metadata services is free. */
function inNamespace(setup: string): string[] {
  return ['unshare', '-rn', 'sh', '-c', `ip link set lo up && ${setup} && exec "$@"`, 'sh'];
}
const SETUP = 'ip addr add 169.254.169.254/32 dev lo';
const [unshare = '', ...probe] = inNamespace(SETUP);

describe.skipIf(spawnSync(unshare, [...probe, 'true']).status !== 0)('the real address (needs unshare and ip)', () => {
  const env = { ...process.env };
  beforeEach(() => stubPlatform());

  it('is 169.254.169.254, port 80', async () => {
    const options = { under: inNamespace(SETUP), args: ['serve'], env };
    const { stdout, stderr } = await startProcess(METADATA_PROGRAM, options).ended;
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      results: ['google-token', 'azure-token'],
      requests: expect.arrayContaining([
        'GET http://169.254.169.254/computeMetadata/v1/instance/service-accounts/default/identity?format=full&audience=my-audience',
        'GET http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=my-audience',
      ]),
    });
  });

  it('has the name metadata.google.internal at Google, which GCE_METADATA_HOST may name', async () => {
    const directory = temporaryDirectory();
    const hosts = join(directory, 'hosts');
    writeFileSync(hosts, '169.254.169.254 metadata.google.internal\n');
    const [, , ...shell] = inNamespace(`${SETUP} && mount --bind ${hosts} /etc/hosts`);
    const under = ['unshare', '-rnm', ...shell];
    const variables = { ...env, GCE_METADATA_HOST: 'metadata.google.internal' };
    const { stdout, stderr } = await startProcess(METADATA_PROGRAM, { under, args: ['serve'], env: variables }).ended;
    expect(stderr).toBe('');
    expect(stdout).toContain('"google-token"');
    expect(stdout).toContain('GET http://metadata.google.internal/computeMetadata/v1/');
    rmSync(directory, { recursive: true });
  });

  it('does not exist on a machine of another platform, which the error says', async () => {
    const { stdout } = await startProcess(METADATA_PROGRAM, { under: inNamespace('true'), env }).ended;
    const { results } = JSON.parse(stdout) as { results: object[] };
    for (const [index, cloud] of ['Google Cloud', 'Azure'].entries())
      expect(results[index]).toMatchObject({
        code: 'assertion_unavailable',
        retryable: false,
        message: expect.stringMatching(
          new RegExp(`did not answer \\(ENETUNREACH\\)\\. On ${cloud}, try again\\. Elsewhere there is none`),
        ),
      });
  });
});
