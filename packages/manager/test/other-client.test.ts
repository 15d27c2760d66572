import type { Manager, ManagerOptions } from '@oa/manager';
import type { AuthorizationServer, OAuthEvent } from '@oa/types';
import type { RecordedRequest, Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  aged,
  authorizationUrlAt,
  bearer,
  changeStored,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
  typesOf,
} from './setup.ts';

const url = 'https://tool.example/client.json';
const device = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code' } as const;

interface DocumentServer {
  server: ScriptedServer;
  metadata: AuthorizationServer;
  /** The clients of the authorization requests so far. */
  clients: string[];
  /** A browser whose user agrees. At a client in `pages` the server shows an error page, and at others it redirects with `error`. */
  openBrowser: (startUrl: string) => Promise<void>;
  pages: Set<string>;
  error?: string;
}

/** A server that announces client metadata documents, and refuses the document at the token endpoint with `refusal`. */
async function startRefusing(refusal?: Reply): Promise<DocumentServer> {
  const { server, metadata } = await startScripted({
    '/register': { status: 201, json: { client_id: 'registered' } },
    '/token': ({ form }: RecordedRequest) =>
      refusal !== undefined && form.get('client_id') === url ? refusal : bearer('a', { refresh_token: 'r' }),
  });
  const started: DocumentServer = {
    server,
    metadata: {
      ...metadata,
      device_authorization_endpoint: `${server.origin}/device`,
      client_id_metadata_document_supported: true,
    },
    clients: [],
    pages: new Set(),
    async openBrowser(startUrl) {
      const { searchParams } = await authorizationUrlAt(startUrl);
      const client_id = searchParams.get('client_id') ?? '';
      started.clients.push(client_id);
      if (started.pages.has(client_id)) return;
      const callback = new URL(searchParams.get('redirect_uri') ?? '');
      const { error } = started;
      const state = searchParams.get('state') ?? '';
      const answer = error !== undefined && client_id === url ? { error, state } : { code: 'code', state };
      callback.search = new URLSearchParams(answer).toString();
      await fetch(callback);
    },
  };
  return started;
}

function managerOf(
  { openBrowser }: DocumentServer,
  directory: string,
  options: ManagerOptions = {},
): { manager: Manager; events: OAuthEvent[] } {
  return managerAt(directory, { clientMetadata: { url }, ...options, login: { openBrowser, ...options.login } });
}

const refused = (error: string, error_description?: string): Reply => ({
  status: 400,
  json: { error, error_description },
});

const deviceCode = (expires_in: number): Reply => ({
  json: { device_code: 'd', user_code: 'u', verification_uri: 'https://as.example/d', expires_in, interval: 1 },
});

describe('a server that announces client metadata documents and refuses the one of the program', () => {
  it.each<[string, Reply]>([
    ['invalid_client', { status: 401, json: { error: 'invalid_client' } }],
    ['invalid_client_metadata', refused('invalid_client_metadata')],
    ['unauthorized_client', refused('unauthorized_client')],
    ['invalid_redirect_uri', refused('invalid_redirect_uri')],
    ['a text about client_id', refused('invalid_request', 'client_id must be a UUID')],
  ])('gets a registration instead, once and for all processes: %s', async (_, refusal) => {
    const started = await startRefusing(refusal);
    const directory = temporaryDirectory();
    const { manager, events } = managerOf(started, directory);
    await manager.getToken(started.metadata, { scope: 'one' });
    expect(events).toContainEqual({ type: 'metadata_document_refused', issuer: started.metadata.issuer, url });
    await manager.getToken(started.metadata, { scope: 'two' });
    await managerOf(started, directory).manager.getToken(started.metadata, { scope: 'three' });
    expect(started.clients).toEqual([url, 'registered', 'registered', 'registered']);
    expect(started.server.requestsTo('/register')).toHaveLength(1);
    expect(storedTokens(directory).map(({ issued_to }) => issued_to?.source)).toEqual(
      Array.from({ length: 3 }, () => 'registration'),
    );
  });

  it('gets one where the refusal comes in the authorization response', async () => {
    const started = await startRefusing();
    started.error = 'unauthorized_client';
    await managerOf(started, temporaryDirectory()).manager.getToken(started.metadata, {});
    expect(started.clients).toEqual([url, 'registered']);
  });

  it('gets one where the refusal comes in a device login', async () => {
    const started = await startRefusing();
    started.server.script({
      '/register': { status: 201, json: { client_id: 'registered' } },
      '/device': ({ form }: RecordedRequest) =>
        form.get('client_id') === url ? { status: 401, json: { error: 'invalid_client' } } : deviceCode(60),
      '/token': bearer('a'),
    });
    const { manager } = managerOf(started, temporaryDirectory(), { interaction: 'always' });
    expect((await manager.getToken(started.metadata, device)).issued_to?.source).toBe('registration');
    expect(started.server.requestsTo('/device').map(({ form }) => form.get('client_id'))).toEqual([url, 'registered']);
  });

  it.each<[string, Reply]>([
    ['400', refused('unauthorized_client')],
    ['401', { status: 401, json: { error: 'unauthorized_client' } }],
  ])(
    'gets one for a device login that the client may not make (%s), and the document for a browser login (RFC 6749 section 5.2)',
    async (_, refusal) => {
      const started = await startRefusing();
      started.server.script({
        '/register': { status: 201, json: { client_id: 'registered' } },
        '/device': ({ form }: RecordedRequest) => (form.get('client_id') === url ? refusal : deviceCode(60)),
        '/token': bearer('a'),
      });
      const { manager, events } = managerOf(started, temporaryDirectory(), { interaction: 'always' });
      expect((await manager.getToken(started.metadata, device)).issued_to?.source).toBe('registration');
      expect(typesOf(events)).not.toContain('metadata_document_refused');
      expect((await manager.getToken(started.metadata, {})).issued_to?.source).toBe('metadata_document');
    },
  );

  it('is not named in the error of a device login that the client may not make', async () => {
    const started = await startRefusing();
    const { registration_endpoint: _endpoint, ...metadata } = started.metadata;
    started.server.script({ '/device': refused('unauthorized_client'), '/token': bearer('a') });
    const { manager } = managerOf(started, temporaryDirectory(), { interaction: 'always' });
    const message = expect.not.stringContaining('client metadata document');
    expect(await manager.get(metadata, device)).toMatchObject({
      ok: false,
      error: { error: 'unauthorized_client', message },
    });
  });

  it('is not meant where the user of a device login has left: the server gave the document a code', async () => {
    const started = await startRefusing();
    started.server.script({ '/device': deviceCode(1), '/token': refused('authorization_pending') });
    const { manager, events } = managerOf(started, temporaryDirectory(), { interaction: 'always' });
    expect(await manager.get(started.metadata, device)).toMatchObject({ ok: false, error: { code: 'login_timeout' } });
    expect(typesOf(events)).not.toContain('metadata_document_refused');
  });

  it('gets one where the refusal comes in a refresh', async () => {
    const started = await startRefusing();
    const directory = temporaryDirectory();
    await managerOf(started, directory).manager.getToken(started.metadata, {});
    await changeStored(directory, (token) => aged(token, -1));
    started.server.script({
      '/register': { status: 201, json: { client_id: 'registered' } },
      '/token': ({ form }: RecordedRequest) =>
        form.get('client_id') === url ? { status: 401, json: { error: 'invalid_client' } } : bearer('b'),
    });
    const { issued_to } = await managerOf(started, directory).manager.getToken(started.metadata, {});
    expect(issued_to).toMatchObject({ client_id: 'registered' });
    expect(started.clients).toEqual([url, 'registered']);
  });

  it.each(['access_denied', 'invalid_scope', 'server_error'])('is not meant where it answers %s', async (error) => {
    const started = await startRefusing();
    started.error = error;
    const { manager, events } = managerOf(started, temporaryDirectory());
    expect(await manager.get(started.metadata, {})).toMatchObject({ ok: false, error: { error } });
    expect(typesOf(events)).not.toContain('metadata_document_refused');
    expect(started.clients).toEqual([url]);
    expect(started.server.requestsTo('/register')).toEqual([]);
  });

  it('ends in its error, after one login, where it registers no client, and is asked again later', async () => {
    const started = await startRefusing(refused('invalid_client', 'The document has no client_name'));
    const { registration_endpoint: _endpoint, ...metadata } = started.metadata;
    const { manager } = managerOf(started, temporaryDirectory());
    const message = expect.stringMatching(
      /has no client_name.*https:\/\/tool\.example\/client\.json, and no client could be registered instead: .*client_id/,
    );
    expect(await manager.get(metadata, {})).toMatchObject({ ok: false, error: { error: 'invalid_client', message } });
    expect(started.clients).toEqual([url]);
    started.server.script({ '/token': bearer('a') });
    expect((await manager.getToken(metadata, {})).issued_to?.source).toBe('metadata_document');
  });

  it.each<[string, (manager: Manager, target: AuthorizationServer) => Promise<unknown>, ManagerOptions]>([
    ['a day later', async () => undefined, { now: () => Date.now() + 86_400_001 }],
    ['after forgetClient', (manager, target) => manager.forgetClient(target), {}],
    ['for another document', async () => undefined, { clientMetadata: { url: 'https://tool.example/new.json' } }],
  ])('is tried again %s', async (_, prepare, options) => {
    const started = await startRefusing(refused('invalid_client'));
    const directory = temporaryDirectory();
    await managerOf(started, directory).manager.getToken(started.metadata, { scope: 'one' });
    const { manager } = managerOf(started, directory, options);
    await prepare(manager, started.metadata);
    await manager.get(started.metadata, { scope: 'two' });
    expect(started.clients[2]).toBe(options.clientMetadata?.url ?? url);
  });
});

describe('a server that shows an error page instead of an answer to the document', () => {
  it('gets a registration in the next run, and the login timeout says so', async () => {
    const started = await startRefusing();
    started.pages.add(url);
    const directory = temporaryDirectory();
    const timedOut = await managerOf(started, directory, { login: { timeout: 300 } }).manager.get(started.metadata, {});
    const message = expect.stringMatching(
      /the client metadata document: .* may not accept https:\/\/tool\.example\/client\.json\. The next login registers a client/,
    );
    expect(timedOut).toMatchObject({ ok: false, error: { code: 'login_timeout', message } });
    expect(started.server.requestsTo('/register')).toEqual([]);
    const { issued_to } = await managerOf(started, directory).manager.getToken(started.metadata, {});
    expect(issued_to?.source).toBe('registration');
    expect(started.clients).toEqual([url, 'registered']);
  });

  it.each<[string, Partial<AuthorizationServer>, RegExp]>([
    ['has no registration endpoint', { registration_endpoint: undefined as never }, /Check the document/],
    ['refuses the registration', {}, /The next login registers/],
  ])('gets the document again where it %s: the user may only have left', async (_, members, advice) => {
    const started = await startRefusing();
    started.pages.add(url);
    started.server.script({ '/register': { status: 403, json: { error: 'access_denied' } }, '/token': bearer('a') });
    const metadata = { ...started.metadata, ...members };
    const directory = temporaryDirectory();
    const timedOut = await managerOf(started, directory, { login: { timeout: 300 } }).manager.get(metadata, {});
    expect(timedOut).toMatchObject({ ok: false, error: { message: expect.stringMatching(advice) } });
    started.pages.clear();
    const { issued_to } = await managerOf(started, directory).manager.getToken(metadata, {});
    expect(issued_to?.source).toBe('metadata_document');
  });

  it('is oidc-provider, where it can not read the document', async () => {
    const { server: documents } = await startScripted();
    const server = await startAuthorizationServer({ documents: documents.origin });
    onTestFinished(() => server.close());
    const pages: number[] = [];
    const openPage = async (startUrl: string): Promise<void> => {
      pages.push((await fetch(startUrl)).status);
    };
    const directory = temporaryDirectory();
    const options: ManagerOptions = { clientMetadata: { url } };
    const first = managerAt(directory, { ...options, login: { openBrowser: openPage, timeout: 2000 } }).manager;
    expect(await first.get(server.issuer, {})).toMatchObject({ ok: false, error: { code: 'login_timeout' } });
    expect(pages).toEqual([400]);
    const readings = documents.requestsTo('/client.json').length;
    const { manager } = managerAt(directory, { ...options, login: { openBrowser: (page) => server.logIn(page) } });
    expect((await manager.getToken(server.issuer, {})).issued_to?.source).toBe('registration');
    expect(readings).toBeGreaterThan(0);
    expect(documents.requestsTo('/client.json')).toHaveLength(readings);
  });
});
