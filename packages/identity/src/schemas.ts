import { isObject } from '@oa/mechanisms';
import { secondsSchema } from '@oa/types/schemas';
import * as v from 'valibot';
import type { Introspection } from './introspect.ts';
import type { UserInfo } from './user-info.ts';

const jsonObjectSchema = v.custom<Record<string, unknown>>(isObject, 'must be a JSON object');

/** RFC 7517 section 5. A key that this package can't use is no error. */
export const keySetSchema: v.GenericSchema<unknown, { keys: unknown[] }> = v.looseObject({
  keys: v.custom<unknown[]>(Array.isArray, 'must be an array of keys'),
});

/** OpenID Connect Core section 5.3.2. */
export const userInfoSchema: v.GenericSchema<unknown, UserInfo> = v.pipe(
  jsonObjectSchema,
  v.looseObject({ sub: v.pipe(v.string(), v.nonEmpty('must not be empty')) }),
);

const introspectionMembers = {
  scope: v.string(),
  client_id: v.string(),
  username: v.string(),
  token_type: v.string(),
  sub: v.string(),
  iss: v.string(),
  exp: secondsSchema,
  iat: secondsSchema,
};

/** RFC 7662 section 2.2. An optional member of an unusable type counts as absent. */
export const introspectionSchema: v.GenericSchema<unknown, Introspection> = v.pipe(
  jsonObjectSchema,
  v.transform((input) =>
    Object.fromEntries(
      Object.entries(input).filter(([name, value]) => {
        const schema = Object.entries(introspectionMembers).find(([member]) => member === name)?.[1];
        return schema === undefined || v.is(schema, value);
      }),
    ),
  ),
  v.looseObject({
    active: v.boolean('must be true or false'),
    scope: v.exactOptional(introspectionMembers.scope),
    client_id: v.exactOptional(introspectionMembers.client_id),
    username: v.exactOptional(introspectionMembers.username),
    token_type: v.exactOptional(introspectionMembers.token_type),
    sub: v.exactOptional(introspectionMembers.sub),
    iss: v.exactOptional(introspectionMembers.iss),
    exp: v.exactOptional(introspectionMembers.exp),
    iat: v.exactOptional(introspectionMembers.iat),
  }),
);
