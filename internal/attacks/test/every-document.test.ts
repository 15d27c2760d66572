import { startScriptedServer, type RecordedRequest, type Reply } from '@oa-internal/scripted-server';
import { inspectAll } from '@oa-internal/testing';
import { createManager, type Credentials, type Manager, type Target } from '@oa/manager';
import { parseJson } from '@oa/mechanisms';
import { isOAuthError, type OAuthEvent, type Result } from '@oa/types';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { KNOWN_MUTATIONS, mutate, mutationsOf, type Endpoint, type Mutations } from './documents.ts';
import { useTemporaryHome } from './home.ts';

/** `OA_FUZZ_RUNS=10000` for the long run. */
const numRuns = Number(process.env['OA_FUZZ_RUNS'] ?? 200);
/** Runs at the same time: most of them wait for a login that never ends. */
const BATCH_RUNS = 10;
const LOGIN_TIMEOUT_MS = 400;

useTemporaryHome();

/** One manager against one hostile server. */
interface Run {
  issuer: string;
  mutations: Mutations;
  /** What no error may show. */
  secrets: Set<string>;
  events: OAuthEvent[];
  /** Resolves when a device login waits for the user. */
  waiting: PromiseWithResolvers<void>;
}

type Flow = (manager: Manager, run: Run) => AsyncGenerator<Result<unknown>>;

async function* loginFlow(manager: Manager, { issuer }: Run): AsyncGenerator<Result<unknown>> {
  yield* tokenFlow(manager, { resource: `${issuer}/api` }, {});
}

async function* clientFlow(manager: Manager, { issuer }: Run): AsyncGenerator<Result<unknown>> {
  yield* tokenFlow(manager, issuer, { client_id: 'job', client_secret: 'PLANTED-configured-secret', scope: 'a' });
}

/** Gets a token, refreshes it, asks for another scope, and logs out. */
async function* tokenFlow(manager: Manager, target: Target, credentials: Credentials): AsyncGenerator<Result<unknown>> {
  const first = await manager.get(target, credentials);
  yield first;
  if (first.ok) {
    yield await manager.get(target, credentials, { rejected: first.value.access_token });
    yield await manager.get(target, credentials, { scope: 'b' });
  }
  yield await manager.logout(target, credentials);
}

/** A device login is ended when the user has been told what to do: a poll waits for a second at least. */
async function* deviceFlow(manager: Manager, { issuer, waiting }: Run): AsyncGenerator<Result<unknown>> {
  const controller = new AbortController();
  const reason = new Error('enough');
  const credentials: Credentials = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'tool' };
  const getting = manager.get(issuer, credentials, { signal: controller.signal }).catch((error: unknown) => {
    if (error !== reason) throw error;
  });
  await Promise.race([getting, waiting.promise]);
  controller.abort(reason);
  const result = await getting;
  if (result !== undefined) yield result;
}

/** The flows, with the endpoints that each one reaches. The login reaches the most. */
const FLOWS: [weight: number, flow: Flow, endpoints: readonly Endpoint[]][] = [
  [3, loginFlow, ['api', 'resource', 'server', 'register', 'authorize', 'token', 'revoke']],
  [1, clientFlow, ['server', 'token', 'revoke']],
  [1, deviceFlow, ['server', 'device']],
];

/** The usual replies of the server at `issuer`. */
function usualReplies(issuer: string, state: string): Record<Endpoint, Reply> {
  return {
    api: { status: 401, headers: { 'www-authenticate': 'Bearer scope="a"' }, json: {} },
    resource: { json: { resource: `${issuer}/api`, authorization_servers: [issuer] } },
    server: {
      json: {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        registration_endpoint: `${issuer}/register`,
        device_authorization_endpoint: `${issuer}/device`,
        revocation_endpoint: `${issuer}/revoke`,
      },
    },
    register: {
      status: 201,
      json: {
        client_id: 'tool',
        client_secret: 'PLANTED-registered-secret',
        registration_access_token: 'PLANTED-registration-token',
        registration_client_uri: `${issuer}/register/tool`,
      },
    },
    authorize: { json: { code: 'PLANTED-code', state } },
    token: {
      json: {
        access_token: 'PLANTED-access-token',
        token_type: 'Bearer',
        expires_in: 3600,
        refresh_token: 'PLANTED-refresh-token',
      },
    },
    device: {
      json: {
        device_code: 'PLANTED-device-code',
        user_code: 'WDJB-MJHT',
        verification_uri: `${issuer}/user`,
        expires_in: 60,
      },
    },
    revoke: { json: {} },
  };
}

const WELL_KNOWN = /^\/\.well-known\/(oauth-authorization-server|oauth-protected-resource)(\/\d+)(?:\/api)?$/;
const ENDPOINT_PATH = /^(\/\d+)\/(api|register|authorize|token|device|revoke)$/;

function endpointOf({ path }: RecordedRequest): [endpoint: Endpoint, issuerPath: string] | undefined {
  const [, document, tenant] = WELL_KNOWN.exec(path) ?? [];
  if (tenant !== undefined) return [document === 'oauth-protected-resource' ? 'resource' : 'server', tenant];
  const [, issuerPath, endpoint] = ENDPOINT_PATH.exec(path) ?? [];
  return issuerPath === undefined ? undefined : [endpoint as Endpoint, issuerPath];
}

/** Sends the browser to the redirect URI, with the members of the reply as parameters. */
function toRedirect(reply: Reply, query: URLSearchParams): Reply {
  const location = query.get('redirect_uri');
  if (reply.status !== undefined && reply.status !== 200) return reply;
  if (location === null || !URL.canParse(location)) return { status: 400 };
  const members = Object.entries((reply.json ?? parseJson(reply.body as string) ?? {}) as Record<string, unknown>);
  const parameters = new URLSearchParams(Object.fromEntries(members.map(([name, value]) => [name, String(value)])));
  return { status: 302, headers: { location: `${location}?${parameters.toString()}` } };
}

/** A browser that follows redirects on this machine. */
async function browse(url: string): Promise<void> {
  let current = url;
  for (let redirects = 0; redirects < 10; redirects += 1) {
    if (!URL.canParse(current) || !/^(127\.0\.0\.1|\[::1\])$/.test(new URL(current).hostname)) return;
    const response = await fetch(current, { redirect: 'manual' });
    await response.arrayBuffer();
    const location = response.headers.get('location');
    if (location === null || !URL.canParse(location, current)) return;
    current = new URL(location, current).href;
  }
}

/** Lists what is wrong in the outcome of a call. */
function wrongIn(result: Result<unknown>, { secrets, events }: Run): string[] {
  const shownEvents = events.map((event) => JSON.stringify('url' in event ? { ...event, url: '' } : event)).join('\n');
  const shown = result.ok ? shownEvents : `${inspectAll(result.error)}\n${shownEvents}`;
  const leaked = [...secrets].filter((secret) => shown.includes(secret));
  return result.ok || isOAuthError(result.error) ? leaked : ['no OAuthError'];
}

it(
  'no answer of any server makes get or logout reject, and no error or event shows a secret',
  { timeout: Math.max(120_000, numRuns * 1000) },
  async () => {
    const runs = new Map<string, Run>();
    await using server = await startScriptedServer((request) => {
      const [endpoint, issuerPath = ''] = endpointOf(request) ?? [];
      const run = runs.get(issuerPath);
      if (endpoint === undefined || run === undefined) return undefined;
      const query = new URL(request.url, server.origin).searchParams;
      for (const secret of [request.form.get('code_verifier'), query.get('state')])
        if (secret !== null) run.secrets.add(secret);
      const usual = usualReplies(run.issuer, query.get('state') ?? '')[endpoint];
      const mutation = run.mutations[endpoint];
      const reply = mutation === undefined ? usual : mutate(usual, mutation, request, run.issuer);
      return endpoint === 'authorize' ? toRedirect(reply, query) : reply;
    });
    let outcomes: string[] = [];

    async function play(flow: Flow, changed: Mutations): Promise<string[]> {
      const path = `/${runs.size}`;
      const run: Run = {
        issuer: server.origin + path,
        mutations: changed,
        secrets: new Set(['PLANTED']),
        events: [],
        waiting: Promise.withResolvers<void>(),
      };
      runs.set(path, run);
      const manager = createManager({
        app: 'attacked',
        interaction: 'always',
        timeout: 5000,
        // Nothing leaves this machine. Each run has its own function, and so its own memory of metadata.
        fetch: async (url, init) =>
          new URL(url).origin === server.origin ? fetch(url, init) : new Response('', { status: 404 }),
        onEvent: (event) => {
          run.events.push(event);
          if (event.type === 'device_waiting') run.waiting.resolve();
        },
        login: { openBrowser: browse, print: () => undefined, timeout: LOGIN_TIMEOUT_MS, paste: false },
      });
      const wrong: string[] = [];
      for await (const result of flow(manager, run)) {
        outcomes.push(result.ok ? 'ok' : result.error.code);
        wrong.push(...wrongIn(result, run));
      }
      return wrong;
    }

    // The flows work as long as no document is changed: otherwise the property would say nothing.
    for (const flow of [loginFlow, clientFlow]) expect(await play(flow, {})).toEqual([]);
    expect(outcomes).toEqual(Array.from({ length: 8 }, () => 'ok'));
    outcomes = [];

    const one = fc.oneof(
      ...FLOWS.map(([weight, flow, endpoints]) => ({
        arbitrary: mutationsOf(endpoints).map((changed) => ({ flow, changed })),
        weight,
      })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(one, { minLength: BATCH_RUNS, maxLength: BATCH_RUNS }), async (plays) => {
        const wrong = await Promise.all(plays.map(async ({ flow, changed }) => play(flow, changed)));
        expect(wrong.flat()).toEqual([]);
      }),
      {
        numRuns: Math.ceil(numRuns / BATCH_RUNS),
        examples: [[KNOWN_MUTATIONS.map((changed) => ({ flow: loginFlow, changed }))]],
      },
    );
    expect(new Set(outcomes).size).toBeGreaterThan(5);
  },
);
