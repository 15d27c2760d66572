import { expect, it } from 'vitest';
import { loggedIn, server, user } from './real-server.ts';
import { aged, changeStored, managerAt, temporaryDirectory } from './setup.ts';

it('makes no request when more than five leeways are left', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 301));
  await managerAt(directory).manager.getToken(server.issuer, user());
  expect(server.requests).toEqual([]);
});

it('refreshes a token that stays valid for less than minimumValidity', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 1000));
  const { manager } = managerAt(directory);
  await manager.getToken(server.issuer, user(), { minimumValidity: 900_000 });
  expect(server.count('/token')).toBe(0);
  await manager.getToken(server.issuer, user(), { minimumValidity: 1_100_000 });
  expect(server.count('/token')).toBe(1);
});

it('refreshes once, not with every call, when minimumValidity is longer than the server ever grants', async () => {
  const directory = temporaryDirectory();
  await loggedIn(directory);
  await changeStored(directory, (token) => aged(token, 1000));
  const { manager } = managerAt(directory);
  await manager.getToken(server.issuer, user(), { minimumValidity: 86_400_000 });
  await manager.getToken(server.issuer, user(), { minimumValidity: 86_400_000 });
  expect(server.count('/token')).toBe(1);
});
