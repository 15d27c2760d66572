import type { RecordedRequest, Reply } from '@oa-internal/scripted-server';
import * as fc from 'fast-check';

/** What a server may answer with. `ECHO` in a text stands for what it was sent, `ISSUER` for its issuer. */
export interface Mutation {
  status: number | undefined;
  /** Members that replace those of the usual document. */
  members: Record<string, unknown>;
  /** Replaces the whole body. */
  body: string | undefined;
  headers: Record<string, string>;
}

/** The documents that the packages read, by the endpoint that sends them. */
export type Endpoint = 'api' | 'resource' | 'server' | 'register' | 'authorize' | 'token' | 'device' | 'revoke';
export type Mutations = Partial<Record<Endpoint, Mutation>>;

const MEMBERS: Record<Endpoint, readonly string[]> = {
  api: ['error'],
  resource: ['resource', 'authorization_servers', 'scopes_supported', 'bearer_methods_supported'],
  server: [
    'issuer',
    'authorization_endpoint',
    'token_endpoint',
    'registration_endpoint',
    'device_authorization_endpoint',
    'revocation_endpoint',
    'token_endpoint_auth_methods_supported',
    'code_challenge_methods_supported',
    'client_id_metadata_document_supported',
    'authorization_response_iss_parameter_supported',
  ],
  register: [
    'client_id',
    'client_secret',
    'client_secret_expires_at',
    'redirect_uris',
    'registration_client_uri',
    'registration_access_token',
    'token_endpoint_auth_method',
    'scope',
  ],
  authorize: ['code', 'state', 'iss', 'error', 'error_description', 'error_uri'],
  token: ['access_token', 'token_type', 'expires_in', 'expires_at', 'refresh_token', 'scope', 'id_token'],
  device: [
    'device_code',
    'user_code',
    'verification_uri',
    'verification_uri_complete',
    'verification_url',
    'expires_in',
    'interval',
  ],
  revoke: ['error'],
};
const ERROR_MEMBERS = ['error', 'error_description', 'error_uri', 'message', '__proto__', 'constructor'];

const uri = fc.constantFrom(
  'ISSUER',
  'ISSUER/',
  'ISSUER/api',
  'ISSUER/token',
  'ISSUER/nowhere?ECHO',
  'http://127.0.0.1/callback',
  'http://127.0.0.1:99999/callback',
  'http://[::1]:70000/callback',
  'http://127.0.0.1:1/',
  'https://evil.invalid/',
  'https://u:p@evil.invalid/',
  'http://evil.invalid/',
  'data:text/plain,ECHO',
  'javascript:alert(1)',
  'blob:https://as.invalid/x',
  '//evil.invalid',
  'not a URL',
);
const redirectUri = fc
  .tuple(
    fc.constantFrom('127.0.0.1', '[::1]', 'localhost', '127.0.0.1.invalid'),
    fc.constantFrom('', ':0', ':1', ':65535', ':65536', ':99999', ':00000', ':x'),
    fc.constantFrom('/callback', '/', '', '//evil.invalid', '/\u001B[31m', '?code=x'),
  )
  .map((parts) => `http://${parts.join('')}`);
const text = fc.oneof(
  {
    arbitrary: fc.constantFrom(
      'ECHO',
      'said "ECHO" (ECHO)',
      '',
      ' ',
      '\u001B[31m\r\nx\u202E\u2028',
      '\uD800',
      'client_secret_post',
      'private_key_jwt',
      'invalid_grant',
      'invalid_client',
      'use_dpop_nonce',
      'authorization_pending',
      'x'.repeat(5000),
      'a '.repeat(3000),
    ),
    weight: 3,
  },
  fc.string(),
  fc.string({ unit: 'binary' }),
);
const number = fc.constantFrom(
  0,
  -1,
  0.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  9_999_999_999_999,
  '-1',
  '1e400',
  '60',
  'soon',
);
const value = fc.oneof(text, uri, number, fc.constantFrom(null, true, false), fc.jsonValue({ maxDepth: 3 }));

/** A value of the type that the member usually has, and one time in four any other. */
function valueOf(member: string): fc.Arbitrary<unknown> {
  const usual = /uris$|servers$|supported$/.test(member)
    ? fc.array(member === 'redirect_uris' ? redirectUri : fc.oneof(uri, text), { maxLength: 3 })
    : /uri|url|endpoint|iss|resource/.test(member)
      ? uri
      : /expires|issued|interval/.test(member)
        ? number
        : text;
  return fc.oneof({ arbitrary: usual, weight: 3 }, { arbitrary: value, weight: 1 });
}

const headers = fc.dictionary(
  fc.constantFrom('content-type', 'www-authenticate', 'cache-control', 'age', 'location', 'dpop-nonce', 'retry-after'),
  fc.oneof(
    fc.constantFrom(
      'application/json',
      'application/json; charset=utf-8',
      'text/html',
      'Bearer error="insufficient_scope", scope="admin:all ECHO"',
      'Bearer resource_metadata="ISSUER/anywhere"',
      'Bearer resource_metadata="data:application/json,{}"',
      'Basic realm="ECHO"',
      'max-age=99999999999999999999',
      'no-store',
      'ISSUER/elsewhere?ECHO',
      'https://evil.invalid/?ECHO',
    ),
    fc.string(),
  ),
  { maxKeys: 3 },
);
const body = fc.oneof(
  fc.constantFrom('', 'ECHO', '[]', 'null', '{', '{"a":'.repeat(5000), '[['.repeat(50_000), '<p>ECHO</p>', '\uFEFF{}'),
  fc.json(),
  fc.string({ unit: 'binary' }),
);
const status = fc.constantFrom(200, 201, 204, 302, 304, 400, 401, 403, 404, 405, 429, 500, 503);
const refusal = fc.record({
  error: fc.oneof(
    fc.constantFrom('invalid_grant', 'invalid_client', 'invalid_request', 'access_denied', 'ECHO'),
    value,
  ),
  error_description: fc.oneof(fc.constantFrom('You sent ECHO.', 'client_id ECHO', 'expired refresh token'), value),
});

const usually = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary, weight: 1 });

/** Usually a few members, and one time in four the refusal of a server. */
const mutationOf = (endpoint: Endpoint): fc.Arbitrary<Mutation> => {
  const member = fc
    .oneof({ arbitrary: fc.constantFrom(...MEMBERS[endpoint]), weight: 4 }, fc.constantFrom(...ERROR_MEMBERS))
    .chain((name) => valueOf(name).map((content): [string, unknown] => [name, content]));
  const members = fc.array(member, { minLength: 1, maxLength: 3 }).map((entries) => Object.fromEntries(entries));
  return fc.oneof(
    { arbitrary: fc.record({ status: usually(status), members, body: usually(body), headers }), weight: 3 },
    {
      arbitrary: fc.record({
        status: fc.constantFrom(200, 400, 401, 403),
        members: refusal,
        body: fc.constant(undefined),
        headers,
      }),
      weight: 1,
    },
  );
};

/** Mutations of one endpoint, or of several at once. */
export function mutationsOf(endpoints: readonly Endpoint[]): fc.Arbitrary<Mutations> {
  const one = fc
    .constantFrom(...endpoints)
    .chain((endpoint) => mutationOf(endpoint).map((mutation): [Endpoint, Mutation] => [endpoint, mutation]));
  return fc.array(one, { minLength: 1, maxLength: 2 }).map((mutations) => Object.fromEntries(mutations));
}

const known = (endpoint: Endpoint, members: Record<string, unknown>): Mutations => ({
  [endpoint]: { status: undefined, members, body: undefined, headers: {} },
});

/** Answers that once did harm. */
export const KNOWN_MUTATIONS: readonly Mutations[] = [
  known('register', { redirect_uris: ['http://127.0.0.1:99999/callback'] }),
  known('register', { redirect_uris: ['http://127.0.0.1/callback/honest'] }),
  known('register', { registration_client_uri: 'http://127.0.0.1:1/' }),
  known('register', { client_secret: 's'.repeat(500_000) }),
  known('register', { padding: 'x'.repeat(1_000_000) }),
  known('server', { token_endpoint_auth_methods_supported: ['\u001B[2J\n'] }),
  known('token', { access_token: 'a\r\nx: y' }),
  known('token', {
    error: 'invalid_grant',
    error_description: 'ECHO '.repeat(1000),
    access_token: Array.from({ length: 10_000 }, (_, index) => `token-${index}`),
  }),
  known('resource', { scopes_supported: ['a'.repeat(100_000)] }),
];

/** Applies a mutation to the usual reply of an endpoint. */
export function mutate(usual: Reply, mutation: Mutation, request: RecordedRequest, issuer: string): Reply {
  const { status = usual.status ?? 200 } = mutation;
  const sent = `${request.body} ${new URLSearchParams(request.body).toString()} ${request.headers.authorization ?? ''}`;
  const fill = (template: string, echo: string): string =>
    template.replaceAll('ISSUER', issuer).replaceAll('ECHO', echo);
  const filled = Object.entries(mutation.headers).map(([name, header]): [string, string] => [
    name,
    fill(header, request.headers.authorization ?? '').replace(/[^\t\x20-\x7e]/g, ''),
  ]);
  // A short `Retry-After` would only slow down the test.
  const late = [429, 503].includes(status) ? { 'retry-after': '3600' } : {};
  const document = JSON.stringify({ ...(usual.json as object), ...mutation.members });
  const escaped = JSON.stringify(sent).slice(1, -1);
  const body = mutation.body === undefined ? fill(document, escaped) : fill(mutation.body, sent);
  return {
    status,
    headers: { 'content-type': 'application/json', ...usual.headers, ...Object.fromEntries(filled), ...late },
    body: [204, 304].includes(status) ? '' : body,
  };
}
