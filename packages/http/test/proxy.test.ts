import { inspectAll, rejectionOf } from '@oa-internal/testing';
import type { OAuthError } from '@oa/types';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { request } from '@oa/http';
import { closedHost, closeServers, startSocketServer } from './sockets.ts';

const PROXY = 'http://user:planted-secret@proxy.example:3128';
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

/** Too short for a second attempt. */
async function failureOf(url: string, fetch?: typeof globalThis.fetch): Promise<OAuthError> {
  const error = await rejectionOf(request('GET', url, { idempotent: false, timeout: 250, fetch }));
  expect(inspectAll(error)).not.toMatch(/planted-secret|user:/);
  return error;
}

describe('a proxy variable that Node.js does not use', () => {
  it.each([
    ['HTTPS_PROXY', 'https:'],
    ['https_proxy', 'https:'],
    ['HTTP_PROXY', 'http:'],
    ['http_proxy', 'http:'],
    ['HTTP_PROXY', 'https:'],
  ])('%s is named after a failure of an %s address, without its value', async (variable, protocol) => {
    vi.stubEnv(variable, PROXY);
    const { message } = await failureOf(`${protocol}//${await closedHost()}/`);
    expect(message).toMatch(new RegExp(` ${variable} is set, but Node\\.js .* only with NODE_USE_ENV_PROXY=1`));
  });

  it.each(['ALL_PROXY', 'all_proxy'])('%s is named, because Node.js never uses it', async (variable) => {
    vi.stubEnv(variable, PROXY.replace('http', 'socks5'));
    const { message } = await failureOf(`https://${await closedHost()}/`);
    expect(message).toContain(`${variable} is set, but Node.js does not use it.`);
  });

  it('HTTPS_PROXY is not named after a failure of an http: address', async () => {
    vi.stubEnv('HTTPS_PROXY', PROXY);
    expect((await failureOf(`http://${await closedHost()}/`)).message).not.toContain('PROXY');
  });

  it('is named in the error of a timeout', async () => {
    vi.stubEnv('HTTPS_PROXY', PROXY);
    const error = await failureOf(`https://${await startSocketServer(() => undefined)}/`);
    expect(error.code).toBe('timeout');
    expect(error.message).toContain('HTTPS_PROXY is set, but');
  });

  it.each(['127.0.0.1', '*', 'as.example, 127.0.0.1', '.0.0.1', '*.0.0.1', '127.0.0.1:PORT'])(
    'is not named for a host in NO_PROXY=%s',
    async (list) => {
      const host = await closedHost();
      vi.stubEnv('HTTPS_PROXY', PROXY);
      for (const name of ['NO_PROXY', 'no_proxy']) {
        vi.stubEnv('NO_PROXY', undefined);
        vi.stubEnv(name, list.replace('PORT', host.split(':')[1] ?? ''));
        expect((await failureOf(`https://${host}/`)).message).not.toContain('HTTPS_PROXY');
      }
    },
  );

  it.each(['other.example', '127.0.0.1:1', '7.0.0.1', ''])(
    'is named for a host that is not in NO_PROXY=%s',
    async (list) => {
      vi.stubEnv('HTTPS_PROXY', PROXY);
      vi.stubEnv('NO_PROXY', list);
      expect((await failureOf(`https://${await closedHost()}/`)).message).toContain('HTTPS_PROXY is set, but');
    },
  );

  it('is not named if the program passes its own fetch, which may use a proxy', async () => {
    vi.stubEnv('HTTPS_PROXY', PROXY);
    const fetch = (): Promise<Response> => Promise.reject(new TypeError('fetch failed'));
    expect((await failureOf('https://as.example/', fetch)).message).not.toContain('HTTPS_PROXY');
  });
});

describe('a proxy that is used, as the dispatcher of the process tells', () => {
  const symbol = Symbol.for('undici.globalDispatcher.2');
  const dispatchers = globalThis as Record<symbol, unknown>;
  let before: unknown;
  beforeEach(() => {
    before = dispatchers[symbol];
    vi.stubEnv('HTTPS_PROXY', PROXY);
  });
  afterEach(() => {
    dispatchers[symbol] = before;
    vi.unstubAllGlobals();
  });

  /** The message, if the dispatcher of the process has a class of this name, and `fetch` fails with `cause`. */
  async function messageBehind(dispatcher: string, cause: Error): Promise<string> {
    dispatchers[symbol] = { constructor: { name: dispatcher } };
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('fetch failed', { cause })));
    return (await failureOf('https://as.example/token')).message;
  }
  const failure = (code: string): Error => Object.assign(new Error('planted-secret'), { code });
  const refusal = (status: number): Error => new Error(`Proxy response (${status}) !== 200 when HTTP Tunneling`);

  it('is named instead of the server', async () => {
    for (const name of ['EnvHttpProxyAgent', 'EnvHttpProxyAgent2'])
      expect(await messageBehind(name, failure('ECONNREFUSED'))).toBe(
        'No answer from https://as.example/token. The request goes through the proxy proxy.example:3128, which HTTPS_PROXY names. Nothing listens at proxy.example:3128 (ECONNREFUSED). Check HTTPS_PROXY, and that the proxy runs. A host that needs no proxy belongs into NO_PROXY.',
      );
  });

  it.each([
    ['http://proxy.example', 'proxy.example:80'],
    ['https://proxy.example', 'proxy.example:443'],
    ['socks5://proxy.example', 'proxy.example'],
    ['socks5://user:planted-secret@[::1]:1080', '[::1]:1080'],
    ['proxy.example:3128', 'without a valid URL'],
    ['user:planted-secret@', 'without a valid URL'],
  ])('of the URL %s is shown as %s', async (url, address) => {
    vi.stubEnv('HTTPS_PROXY', url);
    expect(await messageBehind('EnvHttpProxyAgent', failure('ENOTFOUND'))).toContain(
      `goes through the proxy ${address}, which HTTPS_PROXY names.`,
    );
  });

  it('may have sent the certificate, if the connection to it uses TLS', async () => {
    vi.stubEnv('HTTPS_PROXY', 'https://proxy.example');
    expect(await messageBehind('EnvHttpProxyAgent', failure('CERT_HAS_EXPIRED'))).toContain(
      'The certificate of the proxy proxy.example:443 or of as.example:443 has expired',
    );
  });

  it.each(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'EPROTO'])(
    'is not blamed for %s, which is between the server and this process, unless TLS is spoken with it',
    async (code) => {
      const message = await messageBehind('EnvHttpProxyAgent', failure(code));
      expect(message).toMatch(/^No answer from https:\/\/as\.example\/token\. .*as\.example:443/);
      expect(message).toMatch(/ The request goes through the proxy proxy\.example:3128, which HTTPS_PROXY names\.$/);
      vi.stubEnv('HTTPS_PROXY', 'https://proxy.example:3128');
      expect(await messageBehind('EnvHttpProxyAgent', failure(code))).not.toContain('as.example:443');
    },
  );

  it('is not blamed for a reserved port of the server', async () => {
    const message = await messageBehind('EnvHttpProxyAgent', new Error('bad port'));
    expect(message).toContain('connects to no service at as.example:443, because the port is reserved');
    expect(message).not.toContain('proxy.example');
  });

  it('says what it wants, and what it refuses', async () => {
    expect(await messageBehind('EnvHttpProxyAgent', refusal(407))).toContain(
      'It refused the user name and the password',
    );
    vi.stubEnv('HTTPS_PROXY', 'http://proxy.example:3128');
    expect(await messageBehind('EnvHttpProxyAgent', refusal(407))).toContain(
      'Put them into HTTPS_PROXY, as in http://USER',
    );
    expect(await messageBehind('EnvHttpProxyAgent', refusal(403))).toContain(
      'does not connect to as.example:443 (status 403)',
    );
    expect(await messageBehind('EnvHttpProxyAgent', refusal(503))).toContain('try again later');
  });

  it('is not ALL_PROXY', async () => {
    vi.stubEnv('HTTPS_PROXY', undefined);
    vi.stubEnv('ALL_PROXY', PROXY);
    expect(await messageBehind('EnvHttpProxyAgent', failure('ECONNREFUSED'))).toContain('Node.js does not use it');
  });

  it('is not known, if the program has a dispatcher of its own', async () => {
    for (const name of ['ProxyAgent', 'MyAgent'])
      expect(await messageBehind(name, failure('ECONNREFUSED'))).not.toContain('HTTPS_PROXY');
    expect(await messageBehind('ProxyAgent', refusal(407))).toContain('Put them into the URL of the proxy');
  });

  it('is always used by Deno and Bun', async () => {
    for (const runtime of ['Deno', 'Bun']) {
      vi.stubGlobal(runtime, {});
      expect(await messageBehind('Agent', failure('ECONNREFUSED'))).toContain(
        'goes through the proxy proxy.example:3128',
      );
      vi.unstubAllGlobals();
    }
  });
});
