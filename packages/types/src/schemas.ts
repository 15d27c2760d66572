/**
 * The valibot schemas of the interfaces, apart from the main entry so that a program which finds its token on disk
 * never loads valibot.
 *
 * They tolerate what real servers do: unknown members are kept as they came, a number may be a numeric string, and an
 * optional member that is `null`, empty or of a useless type counts as absent.
 */
import * as v from 'valibot';
import type { AuthorizationServer, Client, ProtectedResource } from './metadata.ts';
import type { TokenResponse } from './token.ts';

const text = v.pipe(v.string(), v.nonEmpty('must not be empty'));
const number = v.union([
  v.pipe(v.number(), v.finite()),
  v.pipe(v.string(), v.regex(/^\s*\d{1,15}(\.\d+)?\s*$/), v.transform(Number)),
]);
const texts = v.array(v.string());
/** Twitch and others answer with an array of scopes. */
const scope = v.union([
  v.string(),
  v.pipe(
    texts,
    v.transform((scopes) => scopes.join(' ')),
  ),
]);
const endpoint = v.pipe(v.string(), v.check(isHttpUrl, 'must be an http(s) URL'));

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

/** Drops the members of `optional` whose value is `null`, an empty string, or not what the schema takes. */
function withoutUseless(
  optional: Record<string, v.GenericSchema>,
): (input: Record<string, unknown>) => Record<string, unknown> {
  return (input) => {
    const members = Object.entries(input).filter(([name, value]) => {
      const schema = Object.hasOwn(optional, name) ? optional[name] : undefined;
      return schema === undefined || (value !== null && value !== '' && v.is(schema, value));
    });
    return Object.fromEntries(members);
  };
}

/** `null`, as servers write it for "not set", is dropped; every other wrong value is refused. */
function withoutNull(
  optional: Record<string, v.GenericSchema>,
): (input: Record<string, unknown>) => Record<string, unknown> {
  return (input) =>
    Object.fromEntries(
      Object.entries(input).filter(([name, value]) => value !== null || !Object.hasOwn(optional, name)),
    );
}

const object = v.custom<Record<string, unknown>>(
  (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
  'must be a JSON object',
);

const tokenMembers = { expires_in: number, refresh_token: v.string(), scope };

/** RFC 6749 section 5.1. A missing `token_type` is for `@oa/token-endpoint` to judge: it is `''` here. */
export const tokenResponseSchema: v.GenericSchema<unknown, TokenResponse> = v.pipe(
  object,
  v.transform(withoutUseless(tokenMembers)),
  v.looseObject({
    access_token: text,
    token_type: v.nullish(v.string(), ''),
    expires_in: v.exactOptional(number),
    refresh_token: v.exactOptional(v.string()),
    scope: v.exactOptional(scope),
  }),
);

const endpoints = {
  authorization_endpoint: endpoint,
  registration_endpoint: endpoint,
  device_authorization_endpoint: endpoint,
  revocation_endpoint: endpoint,
  introspection_endpoint: endpoint,
  jwks_uri: endpoint,
};
const lists = {
  scopes_supported: texts,
  response_types_supported: texts,
  grant_types_supported: texts,
  code_challenge_methods_supported: texts,
  token_endpoint_auth_methods_supported: texts,
  revocation_endpoint_auth_methods_supported: texts,
};
const flags = {
  authorization_response_iss_parameter_supported: v.boolean(),
  client_id_metadata_document_supported: v.boolean(),
};

/** RFC 8414 section 2. An endpoint that is not an http(s) URL is refused, not ignored. */
export const authorizationServerSchema: v.GenericSchema<unknown, AuthorizationServer> = v.pipe(
  object,
  v.transform(withoutNull({ ...endpoints, ...lists, ...flags })),
  v.looseObject({
    issuer: text,
    token_endpoint: endpoint,
    ...optional(endpoints),
    ...optional(lists),
    ...optional(flags),
  }),
);

const resourceLists = { authorization_servers: texts, scopes_supported: texts, bearer_methods_supported: texts };

/** RFC 9728 section 2. */
export const protectedResourceSchema: v.GenericSchema<unknown, ProtectedResource> = v.pipe(
  object,
  v.transform(withoutNull(resourceLists)),
  v.looseObject({ resource: text, ...optional(resourceLists) }),
);

const clientMembers = {
  client_secret: v.string(),
  client_secret_expires_at: number,
  client_id_issued_at: number,
  registration_access_token: v.string(),
  registration_client_uri: endpoint,
  redirect_uris: texts,
  grant_types: texts,
  response_types: texts,
  token_endpoint_auth_method: v.string(),
  scope,
};

/** RFC 7591 section 3.2.1. */
export const clientSchema: v.GenericSchema<unknown, Client> = v.pipe(
  object,
  v.transform(withoutUseless(clientMembers)),
  v.looseObject({ client_id: text, ...optional(clientMembers) }),
);

function optional<const E extends Record<string, v.GenericSchema<unknown, unknown>>>(
  entries: E,
): { [K in keyof E]: v.ExactOptionalSchema<E[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).map(([name, schema]) => [name, v.exactOptional(schema)])) as never;
}
