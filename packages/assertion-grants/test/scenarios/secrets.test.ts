// Assertions and tokens that are sent must not be in any error, event or inspection (RFC 6750 section 5.3).
import { inspect } from 'node:util';
import type { Reply } from '@oa-internal/scripted-server';
import { inspectAll } from '@oa-internal/testing';
import { exchangeToken, idJag, jwtBearer, keptIdToken } from '@oa/assertion-grants';
import type { AuthorizationServer, OAuthEvent } from '@oa/types';
import { describe, expect, it } from 'vitest';
import { NOW_MS, now, startTokenEndpoint, TYPE, unsignedJwt } from '../scripted.ts';

const client = { client_id: 'c', client_secret: 'PLANTEDsecret0123456789' };
const exp = NOW_MS / 1000 + 600;
const subject = unsignedJwt({ sub: 'PLANTED-SUBJECT', exp });
const actor = unsignedJwt({ sub: 'PLANTED-ACTOR', exp });
const assertion = unsignedJwt({ sub: 'PLANTED-ASSERTION', exp });
const issuedSecret = 'PLANTEDissued0123456789abcdef';
const all = [subject, actor, assertion, issuedSecret, client.client_secret];

/** The secrets, and each part of a JWT. */
const secrets = all.flatMap((secret) => [secret, ...secret.split('.').filter((part) => part.length > 15)]);
const echo = all.join(' ');

const calls: Record<string, (server: AuthorizationServer, onEvent: (event: OAuthEvent) => void) => Promise<unknown>> = {
  jwtBearer: async (server, onEvent) =>
    jwtBearer(
      server,
      client,
      { assertion: async ({ rejected }) => (rejected === undefined ? assertion : subject) },
      { now, onEvent, timeout: 1000 },
    ),
  'jwtBearer without a client': async (server, onEvent) =>
    jwtBearer(server, undefined, { assertion }, { now, onEvent, timeout: 1000 }),
  exchangeToken: async (server, onEvent) =>
    exchangeToken(
      server,
      client,
      {
        subject_token: subject,
        subject_token_type: `${TYPE}jwt`,
        actor_token: async ({ rejected }) => (rejected === undefined ? actor : assertion),
        actor_token_type: `${TYPE}jwt`,
        requested_token_type: `${TYPE}access_token`,
      },
      { now, onEvent, timeout: 1000 },
    ),
  idJag: async (server, onEvent) =>
    idJag(
      { idp: server, client, subject: async () => subject },
      { now, onEvent, timeout: 1000 },
    )({ audience: 'https://as.example' }),
};

const html = { 'content-type': 'text/html' };
const token = { access_token: issuedSecret, token_type: 'Bearer' };
const replies: Record<string, Reply> = {
  'a refused grant that quotes them': {
    status: 400,
    json: { error: 'invalid_grant', error_description: echo, error_uri: `https://x.example/?${echo}` },
  },
  'a refused request that quotes them': {
    status: 400,
    json: { error: 'invalid_request', error_description: `token ${echo}` },
  },
  'an error code that is one of them': { status: 400, json: { error: subject, error_description: actor } },
  'a refused client': { status: 401, json: { error: 'invalid_client', error_description: echo } },
  'a needed login': { status: 400, json: { error: 'login_required', error_description: echo } },
  'an error in a success': { json: { error: echo, message: echo } },
  'a text of a gateway': {
    status: 502,
    headers: { 'content-type': 'text/plain' },
    body: `upstream got assertion=${assertion} and subject_token=${subject}`,
  },
  'a page': { headers: html, body: `<p>${echo}</p>` },
  'a text that is cut': {
    headers: { 'content-type': 'application/json' },
    body: `{"access_token":"${issuedSecret}","x":"${echo}`,
  },
  'a list instead of an object': { json: [echo] },
  'a token type that is one of them': {
    json: { ...token, token_type: subject, issued_token_type: `${TYPE}access_token` },
  },
  'an issued type that is one of them': { json: { ...token, issued_token_type: subject } },
  'an issued type with one of them in a URN': { json: { ...token, issued_token_type: `urn:${issuedSecret}` } },
  'a token with characters that a header can not have': {
    json: { access_token: `${issuedSecret}\n`, token_type: 'Bearer' },
  },
  'a redirect': { status: 302, headers: { location: `/${subject}?${assertion}` } },
  'a closed connection': { drop: 'request' },
  'an answer that breaks off': { drop: 'body', json: { ...token, x: echo } },
  'an answer that never comes': { drop: 'never' },
  'an identity assertion that is labelled as an access token': {
    json: { ...token, issued_token_type: `${TYPE}id-jag` },
  },
};

/** The secrets that `text` has. */
function secretsIn(text: string): string[] {
  return [...secrets, 'PLANTED'].filter((secret) => text.includes(secret));
}

describe.each(Object.keys(calls))('%s shows no secret', (name) => {
  it.each(Object.keys(replies))('after %s', async (kind) => {
    const { metadata } = await startTokenEndpoint(replies[kind] as Reply);
    const events: OAuthEvent[] = [];
    const outcome: unknown = await calls[name]?.(metadata, (event) => events.push(event)).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(secretsIn(`${outcome === undefined ? '' : inspectAll(outcome)} ${JSON.stringify(events)}`)).toEqual([]);
  });
});

it('shows no secret where arguments are wrong or a source fails', async () => {
  const server = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
  const type = `${TYPE}jwt`;
  const expired = unsignedJwt({ sub: 'PLANTED', exp: 1 });
  const object = { toString: () => subject, subject };
  const wrong: (() => Promise<unknown>)[] = [
    () => jwtBearer(server, client, { assertion: object as never }),
    () => jwtBearer(server, client, { assertion: async () => object as never }),
    () => jwtBearer(server, client, { assertion: expired }),
    () => jwtBearer(server, client, { assertion: async () => expired }),
    () => jwtBearer(server, client, { assertion, resource: subject }),
    () => jwtBearer(server, client, { assertion, scope: object as never }),
    () => jwtBearer(server, client, { assertion, refresh_token: subject }),
    () => jwtBearer(server, undefined, { assertion }, { authentication: subject as never }),
    () => exchangeToken(server, client, { subject_token: subject, subject_token_type: object as never }),
    () => exchangeToken(server, client, { subject_token: subject, subject_token_type: type, actor_token: actor }),
    () => exchangeToken(server, client, { subject_token: expired, subject_token_type: type }),
    async () => idJag({ idp: server, client, subject: object as never }),
    () => idJag({ idp: server, client, subject: async () => object })({ audience: 'x' }),
    () =>
      keptIdToken(async () => ({ access_token: issuedSecret, token_type: 'Bearer', id_token: object }))({
        audience: 'x',
      }),
    () =>
      keptIdToken(async () => ({ access_token: issuedSecret, token_type: 'Bearer', id_token: subject }))({
        audience: 'x',
        rejected: subject,
      }),
  ];
  for (const call of wrong) {
    const error: unknown = await call().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(secretsIn(inspectAll(error))).toEqual([]);
  }
});

it('shows no secret where a source is inspected', () => {
  const idp = { issuer: 'https://idp.example', token_endpoint: 'https://idp.example/token' };
  expect(secretsIn(inspect(idJag({ idp, client, subject }), { depth: 10, showHidden: true }))).toEqual([]);
  const source = keptIdToken(async () => ({ access_token: issuedSecret, token_type: 'Bearer' }));
  expect(secretsIn(inspect(source, { depth: 10, showHidden: true }))).toEqual([]);
});
