import type { AuthorizationDetail, Token } from '@oa/types';
import { DEVICE_CODE_GRANT_TYPE } from '@oa/types/rfc';
import { startAuthorizationServer } from '@oa-internal/authorization-server';
import { expect, it } from 'vitest';
import {
  aged,
  agreeingBrowser,
  bearer,
  changeStored,
  managerAt,
  startScripted,
  storedTokens,
  temporaryDirectory,
} from './setup.ts';

const client_id = 'p';
const payment = { type: 'payment', amount: '12.50 EUR' };
const granted = { ...payment, account: 'current' };

it.each(['disabled', 'required'] as const)(
  'asks a real server for authorization_details and keeps what it granted, over a refresh too (RFC 9396, pushed requests %s)',
  async (pushedRequests) => {
    await using server = await startAuthorizationServer({ pushedRequests });
    const directory = temporaryDirectory();
    const login = { openBrowser: (url: string): Promise<Response> => server.logIn(url) };
    const credentials = { ...server.public, scope: 'openid offline_access', authorization_details: [payment] };
    const first = await managerAt(directory, { login }).manager.getToken(server.issuer, credentials);
    expect(first.authorization_details).toEqual([granted]);
    expect(server.count('/par')).toBe(pushedRequests === 'required' ? 1 : 0);
    await changeStored(directory, (token) => aged(token, 0));
    const second = await managerAt(directory).manager.getToken(server.issuer, credentials);
    expect(second.access_token).not.toBe(first.access_token);
    expect(second.authorization_details).toEqual([granted]);
    expect(storedTokens(directory)).toEqual([second]);
    expect(server.count('/token', 'refresh_token')).toBe(1);
  },
);

it('sends authorization_details with client credentials, and in a device authorization request (RFC 9396 sections 2 and 6)', async () => {
  const { server, metadata } = await startScripted({
    '/device': {
      json: { device_code: 'd', user_code: 'u', verification_uri: 'https://as.example', expires_in: 60, interval: 0 },
    },
    '/token': bearer('a', { authorization_details: [granted] }),
  });
  const target = { ...metadata, device_authorization_endpoint: `${server.origin}/device` };
  const { manager } = managerAt(temporaryDirectory(), { interaction: 'always' });
  const more = { client_id, authorization_details: [payment] };
  await manager.getToken(target, { ...more, client_secret: 's' });
  const token = await manager.getToken(target, { ...more, grant_type: DEVICE_CODE_GRANT_TYPE });
  expect(token.authorization_details).toEqual([granted]);
  const sent = server.requests.map(({ path, form }) => [path, form.get('authorization_details')]);
  expect(sent).toEqual([
    ['/token', JSON.stringify([payment])],
    ['/device', JSON.stringify([payment])],
    ['/token', null],
  ]);
});

it('keeps one token for the same details, whatever the order of their members, and another for others', async () => {
  const { server, metadata } = await startScripted({ '/token': (_request, index) => bearer(`token-${index}`) });
  const { manager } = managerAt(temporaryDirectory());
  const get = async (authorization_details?: AuthorizationDetail[]): Promise<string> =>
    (await manager.getToken(metadata, { client_id, client_secret: 's', authorization_details })).access_token;
  const first = await get([payment, { type: 'other' }]);
  expect(await get([{ type: 'other' }, { amount: payment.amount, type: payment.type }])).toBe(first);
  expect(server.requests).toHaveLength(1);
  expect(new Set([first, await get(), await get([payment]), await get([{ ...payment, amount: '1' }])]).size).toBe(4);
  await expect(get([{ amount: '1' } as never])).rejects.toThrow(TypeError);
});

it('refreshes what was granted, else what was asked for, and sends nothing where nothing was asked for', async () => {
  const { server, metadata } = await startScripted();
  const { openBrowser } = agreeingBrowser();
  const refreshedWith = async (
    asked: AuthorizationDetail[] | undefined,
    answered?: unknown,
  ): Promise<string | null> => {
    server.script({
      '/token': bearer('a', { refresh_token: 'r', ...(answered !== undefined && { authorization_details: answered }) }),
    });
    const directory = temporaryDirectory();
    const { manager } = managerAt(directory, { login: { openBrowser } });
    const credentials = { client_id, authorization_details: asked };
    await manager.getToken(metadata, credentials);
    await changeStored(directory, (token: Token) => aged(token, 0));
    await manager.getToken(metadata, credentials);
    expect(server.requests.at(-1)?.form.get('grant_type')).toBe('refresh_token');
    return server.requests.at(-1)?.form.get('authorization_details') ?? null;
  };
  expect(await refreshedWith([payment], [granted])).toBe(JSON.stringify([granted]));
  expect(await refreshedWith([payment])).toBe(JSON.stringify([payment]));
  expect(await refreshedWith(undefined, [granted])).toBeNull();
});

it('refuses authorization_details as a parameter of a login: they belong to the credentials', async () => {
  const { metadata } = await startScripted();
  const { manager } = managerAt(temporaryDirectory());
  const parameters = { authorization_details: JSON.stringify([payment]) };
  await expect(manager.login(metadata, { client_id }, { parameters })).rejects.toThrow(
    new TypeError('options.parameters.authorization_details belongs to the credentials. Pass it there.'),
  );
});
