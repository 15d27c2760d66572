/**
 * The valibot schemas of the interfaces. They are apart from the main entry, so that a program that finds its token on disk does not
 * load valibot.
 *
 * They tolerate what real servers do. Unknown members are kept unchanged, a number may be a numeric string, and an optional member that
 * is `null`, empty or of an unusable type counts as absent.
 *
 * Each is built at its first use: a process needs one or two of them, and to build all takes longer than to load valibot.
 */
import * as v from 'valibot';
import type { AuthorizationServer, Client, ProtectedResource } from './metadata.ts';
import type { AuthorizationDetail, TokenResponse } from './token.ts';

/** The schema of a number of seconds: a finite number, or a numeric string with up to 15 digits before the point. */
export const secondsSchema: v.GenericSchema<unknown, number> = /* @__PURE__ */ buildOnce(() =>
  v.union([
    v.pipe(v.number(), v.finite()),
    v.pipe(v.string(), v.regex(/^\s*\d{1,15}(\.\d+)?\s*$/), v.transform(Number)),
  ]),
);

function buildOnce<T>(build: () => v.GenericSchema<unknown, T>): v.GenericSchema<unknown, T> {
  let schema: v.GenericSchema<unknown, T> | undefined;
  return v.lazy(() => (schema ??= build()));
}

const nonEmptyText = /* @__PURE__ */ buildOnce(() => v.pipe(v.string(), v.nonEmpty('must not be empty')));
/** One issue for the list. One for each item would take a gigabyte for the largest list that a server can send. */
const textList = /* @__PURE__ */ buildOnce(() => {
  const texts = v.array(v.string());
  return v.custom<string[]>((input) => v.is(texts, input), 'must be an array of strings');
});
/** Twitch and other servers answer with an array of scopes. */
const scopeText = /* @__PURE__ */ buildOnce(() =>
  v.union([
    v.string(),
    v.pipe(
      textList,
      v.transform((scopes) => scopes.join(' ')),
    ),
  ]),
);
const endpointUrl = /* @__PURE__ */ buildOnce(() => v.pipe(v.string(), v.check(isHttpUrl, 'must be an http(s) URL')));

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
}

/** Drops the members of `optional` whose value is `null`, an empty string, or not what the schema accepts. */
function dropUnusable(
  optional: Record<string, v.GenericSchema>,
): (input: Record<string, unknown>) => Record<string, unknown> {
  return (input) => {
    const members = Object.entries(input).filter(([name, value]) => {
      const schema = Object.hasOwn(optional, name) ? optional[name] : undefined;
      return schema === undefined || (value !== '' && v.is(schema, value));
    });
    return Object.fromEntries(members);
  };
}

/** Drops the members of `optional` whose value is `null` or an empty string, which servers write for "not set". Every other wrong value is refused. */
function dropUnset(
  optional: Record<string, v.GenericSchema>,
): (input: Record<string, unknown>) => Record<string, unknown> {
  return (input) =>
    Object.fromEntries(
      Object.entries(input).filter(
        ([name, value]) => (value !== null && value !== '') || !Object.hasOwn(optional, name),
      ),
    );
}

const jsonObject = /* @__PURE__ */ buildOnce(() =>
  v.custom<Record<string, unknown>>(
    (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
    'must be a JSON object',
  ),
);

/** Some servers send a lifetime below zero, also as a string. The token is then expired at once. */
const lifetimeSchema = /* @__PURE__ */ buildOnce(() =>
  v.union([secondsSchema, v.pipe(v.string(), v.regex(/^\s*-\d{1,15}(\.\d+)?\s*$/), v.transform(Number))]),
);
/** RFC 9396 section 2. One issue for the list, as for {@link textList}. */
const detailList = /* @__PURE__ */ buildOnce(() => {
  const details = v.array(v.looseObject({ type: nonEmptyText }));
  return v.custom<AuthorizationDetail[]>((input) => v.is(details, input), 'must be an array of objects with a type');
});

/**
 * The schema of a {@link TokenResponse}. A missing `token_type` becomes `''`: `@oa/token-endpoint` decides what it means.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.1
 */
export const tokenResponseSchema: v.GenericSchema<unknown, TokenResponse> = /* @__PURE__ */ buildOnce(() => {
  const members = {
    expires_in: lifetimeSchema,
    refresh_token: v.string(),
    scope: scopeText,
    authorization_details: detailList,
  };
  return v.pipe(
    jsonObject,
    v.transform(dropUnusable(members)),
    v.looseObject({ access_token: nonEmptyText, token_type: v.nullish(v.string(), ''), ...toOptional(members) }),
  );
});

/**
 * The schema of the answer to a pushed authorization request.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9126#section-2.2
 */
export const pushedResponseSchema: v.GenericSchema<unknown, { request_uri: string; expires_in: number }> =
  /* @__PURE__ */ buildOnce(() => v.object({ request_uri: nonEmptyText, expires_in: secondsSchema }));

/**
 * The schema of an {@link AuthorizationServer}. An endpoint that is not an http(s) URL is refused, not ignored.
 *
 * @see https://www.rfc-editor.org/rfc/rfc8414#section-2
 */
export const authorizationServerSchema: v.GenericSchema<unknown, AuthorizationServer> = /* @__PURE__ */ buildOnce(
  () => {
    const members = {
      authorization_endpoint: endpointUrl,
      registration_endpoint: endpointUrl,
      device_authorization_endpoint: endpointUrl,
      pushed_authorization_request_endpoint: endpointUrl,
      revocation_endpoint: endpointUrl,
      introspection_endpoint: endpointUrl,
      userinfo_endpoint: endpointUrl,
      jwks_uri: endpointUrl,
      scopes_supported: textList,
      response_types_supported: textList,
      grant_types_supported: textList,
      code_challenge_methods_supported: textList,
      token_endpoint_auth_methods_supported: textList,
      revocation_endpoint_auth_methods_supported: textList,
      introspection_endpoint_auth_methods_supported: textList,
      authorization_details_types_supported: textList,
      authorization_response_iss_parameter_supported: v.boolean(),
      client_id_metadata_document_supported: v.boolean(),
      require_pushed_authorization_requests: v.boolean(),
    };
    return v.pipe(
      jsonObject,
      v.transform(dropUnset(members)),
      v.looseObject({ issuer: nonEmptyText, token_endpoint: endpointUrl, ...toOptional(members) }),
    );
  },
);

/**
 * The schema of a {@link ProtectedResource}.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9728#section-2
 */
export const protectedResourceSchema: v.GenericSchema<unknown, ProtectedResource> = /* @__PURE__ */ buildOnce(() => {
  const members = {
    authorization_servers: textList,
    scopes_supported: textList,
    bearer_methods_supported: textList,
  };
  return v.pipe(
    jsonObject,
    v.transform(dropUnset(members)),
    v.looseObject({ resource: nonEmptyText, ...toOptional(members) }),
  );
});

/**
 * The schema of a {@link Client}.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7591#section-3.2.1
 */
export const clientSchema: v.GenericSchema<unknown, Client> = /* @__PURE__ */ buildOnce(() => {
  const members = {
    client_secret: v.string(),
    client_secret_expires_at: secondsSchema,
    client_id_issued_at: secondsSchema,
    registration_access_token: v.string(),
    registration_client_uri: endpointUrl,
    redirect_uris: textList,
    grant_types: textList,
    response_types: textList,
    token_endpoint_auth_method: v.string(),
    scope: scopeText,
  };
  return v.pipe(
    jsonObject,
    v.transform(dropUnusable(members)),
    v.looseObject({ client_id: nonEmptyText, ...toOptional(members) }),
  );
});

function toOptional<const E extends Record<string, v.GenericSchema<unknown, unknown>>>(
  entries: E,
): { [K in keyof E]: v.ExactOptionalSchema<E[K], undefined> } {
  return Object.fromEntries(Object.entries(entries).map(([name, schema]) => [name, v.exactOptional(schema)])) as never;
}
