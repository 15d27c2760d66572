import { errorThrownBy } from '@oa-internal/testing';
import { assertDpopToken } from '@oa/dpop';
import type { OAuthEvent } from '@oa/types';
import { expect, it } from 'vitest';

const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };

function decide(token_type: string, policy: true | 'preferred'): OAuthEvent[] {
  const events: OAuthEvent[] = [];
  assertDpopToken(server, { token_type }, policy, { onEvent: (event) => events.push(event) });
  return events;
}

it.each(['DPoP', 'dpop'])('accepts a token of type %s', (type) => {
  expect([decide(type, true), decide(type, 'preferred')]).toEqual([[], []]);
});

it.each(['Bearer', 'N_A'])('refuses a token of type %s, and accepts it with an event if DPoP is preferred', (type) => {
  expect(errorThrownBy(() => decide(type, true))).toMatchObject({
    code: 'unsupported_token_type',
    message: expect.stringMatching(
      /^https:\/\/as\.example issued a token that is not bound .* set `dpop` to 'preferred'/,
    ),
  });
  expect(decide(type, 'preferred')).toEqual([{ type: 'token_not_bound', issuer: 'https://as.example' }]);
  expect(() => assertDpopToken(server, { token_type: type }, 'preferred')).not.toThrow();
});

it('refuses another policy', () => {
  expect(() => decide('DPoP', false as true)).toThrow(new TypeError("The policy must be true or 'preferred'."));
});
