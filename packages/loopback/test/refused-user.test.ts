import { startScriptedServer } from '@oa-internal/scripted-server';
import { expect, it, vi } from 'vitest';
import { callbackUrl, grantTokens, metadata, sendRequest, startLogin } from './help.ts';

// Real users are in test/attacks/other-user.test.ts, which needs root and a folder that another user can enter.
vi.mock('../src/peer.ts', () => ({ isOtherUser: () => true }));

it('answers another user with 403, at the start address and at the callback, and goes on waiting', async () => {
  await using scripted = await startScriptedServer();
  grantTokens(scripted);
  const controller = new AbortController();
  const { waiting, opened, token, events } = startLogin(metadata(scripted), {}, { signal: controller.signal });
  expect((await sendRequest(await opened)).status).toBe(403);
  expect((await sendRequest(callbackUrl(await waiting, { code: 'stolen' }))).status).toBe(403);
  const ignored = events.filter((event) => event.type === 'callback_ignored');
  expect(ignored.map(({ reason }) => reason)).toEqual(['user', 'user']);
  controller.abort(new Error('enough'));
  await expect(token).rejects.toThrow('enough');
  expect(scripted.requestsTo('/token')).toEqual([]);
});
