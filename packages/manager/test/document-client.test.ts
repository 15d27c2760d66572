import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { ClientAuthentication } from '@oa/client-authentication';
import type { ManagerOptions } from '@oa/manager';
import { clientMetadataDocument, type ClientDocumentMembers } from '@oa/registration';
import { startAuthorizationServer, type AuthorizationServerHandle } from '@oa-internal/authorization-server';
import { startScriptedServer, type ScriptedServer } from '@oa-internal/scripted-server';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort, occupyPort } from './ports.ts';
import {
  aged,
  agreeingBrowser,
  bearer,
  changeStored,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
} from './setup.ts';

const url = 'https://tool.example/client.json';
const credentials = { scope: 'openid offline_access' };

let documents: ScriptedServer;
let server: AuthorizationServerHandle;
/** How often the server was asked for each path. */
const countOf = (path: string): number => server.requests.filter((request) => request.path === path).length;

beforeAll(async () => {
  documents = await startScriptedServer();
  server = await startAuthorizationServer({ documents: documents.origin });
});
afterAll(async () => {
  await server.close();
  await documents.close();
});
beforeEach(() => {
  server.requests.length = 0;
});

/** Serves the document of a tool at a URL of its own, since the server keeps a document for a while. */
function serve(members: Partial<ClientDocumentMembers> = {}): string {
  const path = `/${crypto.randomUUID()}.json`;
  const client_id = new URL(path, url).href;
  documents.script({ [path]: { json: clientMetadataDocument({ client_id, client_name: 'My tool', ...members }) } });
  return client_id;
}

/** A browser whose user logs in at once, and the redirect URIs of the logins. */
function agent(): { openBrowser: (startUrl: string) => Promise<Response>; redirectUris: string[] } {
  const redirectUris: string[] = [];
  const openBrowser = async (startUrl: string): Promise<Response> => {
    const response = await server.logIn(startUrl);
    redirectUris.push(response.url.split(/[?]|\/done/)[0] ?? '');
    return response;
  };
  return { openBrowser, redirectUris };
}

describe('at a server that supports client metadata documents', () => {
  it('logs in and refreshes as the URL of its document, on a port of the document, without a registration', async () => {
    const ports = [await freePort(), await freePort()];
    const client_id = serve({ ports });
    const { openBrowser, redirectUris } = agent();
    const directory = temporaryDirectory();
    const options: ManagerOptions = { clientMetadata: { url: client_id, ports }, login: { openBrowser } };
    const token = await managerAt(directory, options).manager.getToken(server.issuer, credentials);
    expect(token.issued_to).toEqual({ client_id, source: 'metadata_document', has_secret: false });
    expect(redirectUris).toEqual([`http://127.0.0.1:${ports[0]}/callback`]);
    await changeStored(directory, (stored) => aged(stored, -1));
    const refreshed = await managerAt(directory, options).manager.getToken(server.issuer, credentials);
    expect(refreshed.access_token).not.toBe(token.access_token);
    expect([countOf('/register'), server.count('/token', 'refresh_token')]).toEqual([0, 1]);
    expect((await server.introspect(refreshed.access_token))?.client_id).toBe(client_id);
  });

  it('uses the next port of the document where another program has the first', async () => {
    const { port } = await occupyPort();
    const ports = [port, await freePort()];
    const client_id = serve({ ports });
    const { openBrowser, redirectUris } = agent();
    const { manager } = managerAt(temporaryDirectory(), {
      clientMetadata: { url: client_id, ports },
      login: { openBrowser },
    });
    await manager.getToken(server.issuer, credentials);
    expect(redirectUris).toEqual([`http://127.0.0.1:${ports[1]}/callback`]);
  });

  it('registers where other programs have all ports of the document, and uses the document again afterwards', async () => {
    const { port, close } = await occupyPort();
    const client_id = serve({ ports: [port] });
    const { openBrowser } = agent();
    const options: ManagerOptions = { clientMetadata: { url: client_id, ports: [port] }, login: { openBrowser } };
    const directory = temporaryDirectory();
    const { manager } = managerAt(directory, options);
    const registered = await manager.getToken(server.issuer, { ...credentials, profile: 'one' });
    expect(registered.issued_to?.source).toBe('registration');
    await close();
    const { issued_to } = await manager.getToken(server.issuer, { ...credentials, profile: 'two' });
    expect(issued_to?.source).toBe('metadata_document');
    expect(countOf('/register')).toBe(1);
  });

  it.each([
    ['any port, where the document names none (RFC 8252 section 7.3)', {}, /^http:\/\/127\.0\.0\.1:\d+\/callback$/],
    ['localhost, where the options want it', { redirectHost: 'localhost' }, /^http:\/\/localhost:\d+\/callback$/],
  ] as const)('uses %s', async (_, login, expected) => {
    const client_id = serve();
    const { openBrowser, redirectUris } = agent();
    const { manager } = managerAt(temporaryDirectory(), {
      clientMetadata: { url: client_id },
      login: { openBrowser, ...login },
    });
    await manager.getToken(server.issuer, credentials);
    expect(redirectUris).toEqual([expect.stringMatching(expected)]);
  });

  it('authenticates with private_key_jwt where the document has the public key (RFC 7523)', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: '1', alg: 'ES256', use: 'sig' }] };
    const client_id = serve({ token_endpoint_auth_method: 'private_key_jwt', jwks });
    const authentication: ClientAuthentication = async ({ client }) => ({
      parameters: {
        client_id: client.client_id,
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: toJwt(privateKey, client.client_id),
      },
    });
    const directory = temporaryDirectory();
    const options: ManagerOptions = {
      authentication,
      clientMetadata: { url: client_id },
      login: { openBrowser: agent().openBrowser },
    };
    await managerAt(directory, options).manager.getToken(server.issuer, credentials);
    await changeStored(directory, (stored) => aged(stored, -1));
    await managerAt(directory, options).manager.getToken(server.issuer, credentials);
    expect([countOf('/register'), server.count('/token', 'refresh_token')]).toEqual([0, 1]);
  });

  it('prefers a configured client_id', async () => {
    const { manager } = managerAt(temporaryDirectory(), {
      clientMetadata: { url: serve() },
      login: { openBrowser: agent().openBrowser },
    });
    const { issued_to } = await manager.getToken(server.issuer, { ...credentials, ...server.public });
    expect(issued_to).toMatchObject({ ...server.public, source: 'configured' });
  });
});

it('logs in with as many ports, and as long a URL and name, as createManager takes', async () => {
  const { metadata } = await startScripted({ '/token': bearer('a') });
  const { openBrowser, urls } = agreeingBrowser();
  const long = `${url}?${'a'.repeat(2000)}`;
  const ports = [await freePort(), ...Array.from({ length: 39 }, (_, index) => 20_000 + index)];
  const { manager } = managerAt(temporaryDirectory(), {
    app: 'a'.repeat(100),
    clientMetadata: { url: long, ports },
    login: { openBrowser },
  });
  await manager.getToken({ ...metadata, client_id_metadata_document_supported: true }, {});
  expect(urls[0]?.searchParams.get('client_id')).toBe(long);
});

it('registers at a server that does not support client metadata documents', async () => {
  const { server: scripted, metadata } = await startScripted({
    '/token': bearer('a'),
    '/register': { status: 201, json: { client_id: 'registered' } },
  });
  const { openBrowser, urls } = agreeingBrowser();
  const directory = temporaryDirectory();
  const { manager } = managerAt(directory, { clientMetadata: { url }, login: { openBrowser } });
  await manager.getToken(metadata, {});
  expect(urls.map(({ searchParams }) => searchParams.get('client_id'))).toEqual(['registered']);
  expect(scripted.requestsTo('/register')).toHaveLength(1);
  expect(storedTokens(directory)[0]?.issued_to?.source).toBe('registration');
});

/** An assertion that the server accepts for a minute. */
function toJwt(privateKey: KeyObject, client_id: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    iss: client_id,
    sub: client_id,
    aud: server.issuer,
    jti: crypto.randomUUID(),
    iat: now,
    exp: now + 60,
  };
  const parts = [{ alg: 'ES256', kid: '1', typ: 'JWT' }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const signature = sign('sha256', Buffer.from(parts.join('.')), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return [...parts, signature.toString('base64url')].join('.');
}
