// Resources and their authorization servers, as scripted servers.
import { createFetch } from '@oa/fetch';
import type { Credentials, ManagerOptions } from '@oa/manager';
import type { RecordedRequest, Reply, ScriptedServer } from '@oa-internal/scripted-server';
import { agreeingBrowser, bearer, managerAt, startScripted } from './setup.ts';

/** Where a resource publishes its metadata. */
export const METADATA = '/.well-known/oauth-protected-resource/api';

/** An authorization server. Its tokens begin with `name`. */
export async function startIssuer(
  name: string,
  more: { registers?: boolean; documents?: boolean; scopes?: string[]; replies?: Record<string, Reply> } = {},
): Promise<ScriptedServer> {
  let count = 0;
  const { server, metadata } = await startScripted();
  const { registration_endpoint, ...published } = metadata;
  const rest = {
    ...published,
    scopes_supported: more.scopes,
    client_id_metadata_document_supported: more.documents,
  };
  server.script({
    '/.well-known/oauth-authorization-server': {
      json: more.registers === false ? rest : { ...rest, registration_endpoint },
    },
    '/register': ({ body }) => ({
      status: 201,
      json: { ...(JSON.parse(body) as object), client_id: `${name}-client` },
    }),
    '/token': () => bearer(`${name}-${++count}`, { refresh_token: `${name}-refresh` }),
    ...more.replies,
  });
  return server;
}

/** An API that tests change while it runs. */
export interface Resource {
  server: ScriptedServer;
  url: string;
  issuers: string[];
  /** Members of the 401. */
  challenge: string;
  /** Whether the API accepts a token. */
  accepts: (token: string) => boolean;
  /** What the API answers without a token, where it is open. */
  open?: Reply | undefined;
  /** What the metadata address answers in place of the metadata. */
  away?: Reply | undefined;
  scopes?: string[] | undefined;
}

/** An API without GET, as many are. */
export async function startResource(issuers: string[]): Promise<Resource> {
  const { server } = await startScripted();
  const url = `${server.origin}/api`;
  const resource: Resource = { server, url, issuers, challenge: '', accepts: (token) => token !== '' };
  const answer = ({ method, headers }: RecordedRequest): Reply => {
    if (method !== 'POST') return { status: 405 };
    const token = headers.authorization?.replace('Bearer ', '');
    if (token === undefined && resource.open !== undefined) return resource.open;
    if (token !== undefined && resource.accepts(token)) return { json: { token } };
    const error = token === undefined ? '' : 'error="invalid_token"';
    const members = [error, resource.challenge].filter((each) => each !== '').join(', ');
    return { status: 401, headers: { 'www-authenticate': `Bearer ${members}` } };
  };
  const metadata = (): Reply =>
    resource.away ?? {
      json: { resource: url, authorization_servers: resource.issuers, scopes_supported: resource.scopes },
    };
  server.script({ '/api': answer, [METADATA]: metadata, '/hidden/metadata': metadata });
  return resource;
}

/** A client of the API, as a new process would create it. */
export function clientAt(directory: string, url: string, options: ManagerOptions = {}, credentials: Credentials = {}) {
  const { openBrowser, urls } = agreeingBrowser();
  const { manager, events } = managerAt(directory, { login: { openBrowser }, ...options });
  const call = createFetch(manager.source({ resource: url }, credentials), { first: 'stored' });
  const post = async (): Promise<unknown> => {
    const response = await call(url, { method: 'POST', body: 'x' });
    return response.ok ? ((await response.json()) as { token: string }).token : response.status;
  };
  return { manager, events, post, urls };
}

/** The requests to the API and its metadata. */
export const pathsOf = ({ server }: Resource): string[] =>
  server.requests.map(({ method, path }) => `${method} ${path}`);
