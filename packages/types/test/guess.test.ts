import { expect, it } from 'vitest';
import { explainGuess, OAuthError, type AuthorizationServer, type OAuthEvent } from '@oa/types';

const guessed_after = ['https://as.example/.well-known/a', 'https://as.example/.well-known/b'];
const published: AuthorizationServer = { issuer: 'https://as.example', token_endpoint: 'https://as.example/token' };
const guessed: AuthorizationServer = { ...published, guessed_after };
const notFound = new OAuthError('http_error', 'https://as.example/token answered with status 404. Check the address.', {
  status: 404,
  retryAfter: 3,
});
const fail = (server: AuthorizationServer, error: unknown): Promise<never> =>
  explainGuess(server, {}, async () => Promise.reject(error));

it('says that the endpoint is guessed, after which addresses, and keeps the members of the error', async () => {
  await expect(fail(guessed, notFound)).rejects.toMatchObject({
    code: 'http_error',
    status: 404,
    retryAfter: 3,
    message:
      'No metadata at https://as.example/.well-known/a, https://as.example/.well-known/b, so the conventional endpoints are guessed. ' +
      'https://as.example/token answered with status 404. The server asks to wait 3 seconds. Is the issuer complete (realm, tenant)?',
  });
});

it('does not doubt the issuer after an OAuth error', async () => {
  const refusal = new OAuthError('oauth_error', 'Refused with invalid_grant.', { error: 'invalid_grant' });
  await expect(fail(guessed, refusal)).rejects.toMatchObject({
    error: 'invalid_grant',
    message: expect.stringMatching(/are guessed\. Refused with invalid_grant\.$/),
  });
});

it('explains an error once, whatever the depth of the calls', async () => {
  const nested = explainGuess(guessed, {}, () => fail(guessed, notFound));
  const error = await nested.catch((thrown: unknown) => thrown as OAuthError);
  expect(error.message.match(/guessed/g)).toHaveLength(1);
});

it('leaves alone the errors of a server that publishes metadata, and what is no OAuthError', async () => {
  await expect(fail(published, notFound)).rejects.toBe(notFound);
  const abort = new Error('stop');
  await expect(fail(guessed, abort)).rejects.toBe(abort);
});

it('adds the addresses to the event retry', async () => {
  const events: OAuthEvent[] = [];
  const retry: OAuthEvent = { type: 'retry', url: 'u', attempt: 1, delay: 1, code: 'http_error' };
  for (const server of [guessed, published])
    await explainGuess(server, { onEvent: (event) => events.push(event) }, async ({ onEvent }) => onEvent?.(retry));
  expect(events).toEqual([{ ...retry, guessed_after }, retry]);
});
