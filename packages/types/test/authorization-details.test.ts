import { assertDetailsSupported, type AuthorizationServer } from '@oa/types';
import { expect, it } from 'vitest';

/** The check of details of the type `payment` at a server whose metadata the program passes as it is. */
const check = (listed: unknown) => (): void => {
  const members = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const server = { ...members, authorization_details_types_supported: listed };
  assertDetailsSupported(server as AuthorizationServer, { authorization_details: '[{"type":"payment"}]' });
};

it.each([undefined, null, ['other', 'payment'], 'payment'])(
  'accepts a type where the server lists %j (RFC 9396 section 10)',
  (listed) => {
    expect(check(listed)).not.toThrow();
  },
);

it.each([[[]], [['other']], ['payments'], [{}]])(
  'refuses a type where the server lists %j (RFC 9396 section 10)',
  (listed) => {
    expect(check(listed)).toThrow(expect.objectContaining({ code: 'authorization_details_unsupported' }));
  },
);
