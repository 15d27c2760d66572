import { OAuthError, type Token } from '@oa/types';
import { expect, it } from 'vitest';
import { createContext } from '../src/context.ts';
import { renewEarly } from '../src/early-renewal.ts';
import { openSession } from '../src/session.ts';
import { bearer, nearExpiry, startScripted } from './setup.ts';

async function opened() {
  const { server, metadata } = await startScripted({ '/token': bearer('new', { refresh_token: 'r2' }) });
  const [key, token] = nearExpiry(metadata.issuer, { refresh_token: 'r' });
  const cache = new Map<string, Token>([[key, token]]);
  const events: { type: string }[] = [];
  const context = createContext({ cache, onEvent: (event) => events.push(event) });
  const session = await openSession(context, metadata, { client_id: 'p' });
  return { server, session, token, cache, events };
}

it('sends one request for calls at once', async () => {
  const { server, session, token } = await opened();
  await Promise.all([renewEarly(session, token), renewEarly(session, token)]);
  expect(server.requestsTo('/token')).toHaveLength(1);
});

it('sends no request while the server asks its clients to wait, and says so', async () => {
  const { server, session, token, events } = await opened();
  const pause = new OAuthError('http_error', 'Wait.', { status: 429, retryable: true, retryAfter: 60 });
  await (await session.context.failures()).add(session, pause);
  await renewEarly(session, token);
  expect(server.requests).toEqual([]);
  expect(events.map(({ type }) => type)).toContain('early_refresh_failed');
});

it('does nothing where the user has logged out meanwhile', async () => {
  const { server, session, token, cache } = await opened();
  cache.clear();
  await renewEarly(session, token);
  expect(server.requests).toEqual([]);
});

it('rejects with a bug of the store', async () => {
  const { session, token } = await opened();
  const bug = new RangeError('bug');
  session.stored = () => Promise.reject(bug);
  await expect(renewEarly(session, token)).rejects.toBe(bug);
});
