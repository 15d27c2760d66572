// A scripted server that registers clients and lets them manage their registration, as its knobs say.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileClientStore, type ClientStore } from '@oa/client-store';
import type { AuthorizationServer } from '@oa/types';
import {
  startScriptedServer,
  type RecordedRequest,
  type Reply,
  type ScriptedServer,
} from '@oa-internal/scripted-server';
import { onTestFinished } from 'vitest';
import { authorizationUrlAt, bearer, startScripted } from './setup.ts';

export interface Registrar {
  server: ScriptedServer;
  metadata: AuthorizationServer;
  /** The clients that the server knows, and their secrets. Deleting one is what a server without a disk does in a restart. */
  clients: Map<string, string | undefined>;
  /** Seconds until a new or renewed secret expires. Without it there are no secrets. */
  secretLifetime?: number | undefined;
  /** Whether a client may read and update its registration. */
  managed: boolean;
  /** Answers a management request in place of the server, or delays its answer. */
  manage?: ((request: RecordedRequest) => Reply | undefined | Promise<undefined>) | undefined;
  /** Answers a registration in place of the server. */
  register?: (() => Reply | undefined) | undefined;
  /** Changes what the server registers. */
  change?: ((metadata: Record<string, unknown>) => Record<string, unknown>) | undefined;
  /** The error of an authorization response. Without one the user agrees. */
  refuse?: ((request: URLSearchParams) => string | undefined) | undefined;
  /** The registrations so far. */
  registrations: () => number;
  /** The management requests so far, as methods. */
  managements: () => string[];
  /** The clients of the refreshes that succeeded. */
  refreshedBy: string[];
  /** A browser whose user agrees, unless the server does not know the client: then it shows an error page, and the user can only wait. */
  openBrowser: (startUrl: string) => Promise<void>;
  /** How often it was opened. */
  openings: () => number;
  /** The redirect URIs of the authorization requests so far. */
  redirectUris: () => string[];
}

export async function startRegistrar(): Promise<Registrar> {
  const { server, metadata } = await startScripted();
  const { origin } = server;
  const clients = new Map<string, string | undefined>();
  const accessTokens = new Map<string, string>();
  const refreshTokens = new Map<string, string>();
  const redirectUris: string[] = [];
  let issued = 0;
  const registrar: Registrar = {
    server,
    metadata,
    clients,
    managed: true,
    registrations: () => server.requestsTo('/register').length,
    managements: () => server.requests.filter(({ path }) => path.startsWith('/register/')).map(({ method }) => method),
    refreshedBy: [],
    async openBrowser(startUrl) {
      const url = await authorizationUrlAt(startUrl);
      redirectUris.push(url.searchParams.get('redirect_uri') ?? '');
      const client_id = url.searchParams.get('client_id') ?? '';
      if (!clients.has(client_id)) return;
      const callback = new URL(url.searchParams.get('redirect_uri') ?? '');
      const state = url.searchParams.get('state') ?? '';
      const error = registrar.refuse?.(url.searchParams);
      const answer = error === undefined ? { code: `code-of-${client_id}`, state } : { error, state };
      callback.search = new URLSearchParams(answer).toString();
      await fetch(callback);
    },
    openings: () => redirectUris.length,
    redirectUris: () => redirectUris,
  };

  /** The client as the server describes it, with a new secret and a new access token for its management. */
  function describe(client_id: string, metadata: object): Reply {
    const { secretLifetime, managed } = registrar;
    issued += 1;
    const secret = secretLifetime === undefined ? undefined : `secret-${issued}`;
    clients.set(client_id, secret);
    if (managed) accessTokens.set(client_id, `management-${issued}`);
    const json = {
      ...metadata,
      client_id,
      ...(secretLifetime !== undefined && {
        client_secret: secret,
        client_secret_expires_at: Math.floor(Date.now() / 1000) + secretLifetime,
        token_endpoint_auth_method: 'client_secret_post',
      }),
      ...(managed && {
        registration_client_uri: `${origin}/register/${client_id}`,
        registration_access_token: `management-${issued}`,
      }),
    };
    return { status: 201, json };
  }

  function manage(request: RecordedRequest): Reply {
    const client_id = request.path.split('/')[2] ?? '';
    if (!clients.has(client_id) || request.headers.authorization !== `Bearer ${accessTokens.get(client_id)}`)
      return { status: 401, json: { error: 'invalid_token' } };
    if (request.method === 'PUT') return { ...describe(client_id, JSON.parse(request.body) as object), status: 200 };
    return { json: { client_id, client_secret: clients.get(client_id) } };
  }

  function token({ form }: RecordedRequest): Reply {
    const client_id = form.get('client_id') ?? '';
    const secret = clients.get(client_id);
    if (!clients.has(client_id) || (secret !== undefined && form.get('client_secret') !== secret))
      return { status: 401, json: { error: 'invalid_client' } };
    const grantedTo =
      refreshTokens.get(form.get('refresh_token') ?? '') ?? form.get('code')?.replace('code-of-', '') ?? '';
    if (grantedTo !== client_id) return { status: 400, json: { error: 'invalid_grant' } };
    if (form.get('grant_type') === 'refresh_token') registrar.refreshedBy.push(client_id);
    issued += 1;
    refreshTokens.set(`refresh-${issued}`, client_id);
    return bearer(`access-${issued}`, { refresh_token: `refresh-${issued}` });
  }

  server.script(async (request) => {
    if (request.path === '/token') return token(request);
    if (request.path.startsWith('/register/')) return (await registrar.manage?.(request)) ?? manage(request);
    if (request.path !== '/register') return undefined;
    const { register, change = (each) => each, registrations } = registrar;
    const asked = JSON.parse(request.body) as Record<string, unknown>;
    return register?.() ?? describe(`client-${registrations()}`, change(asked));
  });
  return registrar;
}

/** A server that opens the browser of the registrar for other processes. */
export async function startAgent(registrar: Registrar): Promise<string> {
  const agent = await startScriptedServer(async ({ url }) => {
    await registrar.openBrowser(new URL(url, registrar.metadata.issuer).searchParams.get('url') ?? '');
    return {};
  });
  onTestFinished(() => agent.close());
  return agent.origin;
}

/** The file with the registered clients of `managerAt`. */
export function registeredFile(directory: string): string {
  return join(directory, 'config', 'test', 'registered.json');
}

/** The client of the issuer in that file. */
export function registeredClient(directory: string, { metadata }: Registrar): Record<string, unknown> | undefined {
  const content = JSON.parse(readFileSync(registeredFile(directory), 'utf8')) as Record<
    string,
    Record<string, unknown>
  >;
  return content[metadata.issuer];
}

/** A store of clients below `directory` that has only the methods that every store must have. */
export function minimalClientStore(directory: string): ClientStore {
  const { lookup, store, remove, list, getOrRegister } = fileClientStore({ path: join(directory, 'clients.json') });
  return { lookup, store, remove, list, getOrRegister };
}
